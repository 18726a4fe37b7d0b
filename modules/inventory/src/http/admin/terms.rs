//! How administrators say how an asset is shown and traded.

use serde::Serialize;
use tradepost_kernel::{Decimal, Price, Quantity, Usd};
use tradepost_platform::request::{Fields, Input, decimal, text};
use utoipa::ToSchema;

use crate::domain::Terms;

/// How an asset is shown and traded. What is absent stays as it is.
#[derive(Serialize, ToSchema)]
#[schema(as = AssetTerms)]
pub struct TermsRequest {
    /// 1 to 40 lower-case letters, digits and hyphens; empty: as the source of the asset has it.
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9-]{0,40}$", example = "defi")]
    category: Option<String>,
    /// At most 500 characters; empty: as the source of the asset has it.
    #[schema(value_type = Option<String>, example = "Governance token of a lending protocol.")]
    description: Option<String>,
    /// What quantities must be a whole multiple of, which also is their precision; 0 takes the rule away.
    #[schema(value_type = Option<String>, example = "0.001")]
    quantity_step: Option<Option<Quantity>>,
    /// Dollars an order must at least be worth; 0 takes the rule away.
    #[schema(value_type = Option<String>, example = "5.00")]
    min_order_value: Option<Option<Usd>>,
    /// Dollars an order may at most be worth; 0 takes the rule away.
    #[schema(value_type = Option<String>, example = "2500.00")]
    max_order_value: Option<Option<Usd>>,
}

impl TermsRequest {
    /// Reads all of them, so that every broken one is reported.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let category = fields.optional("category", text(category));
        let description = fields.optional("description", text(|words| wording(words, 0, 500)));
        let quantity_step = fields.optional("quantity_step", or_none(Quantity::new));
        let min_order_value = fields.optional("min_order_value", or_none(Usd::new));
        let max_order_value = fields.optional("max_order_value", or_none(Usd::new));
        Some(Self {
            category: category?,
            description: description?,
            quantity_step: quantity_step?,
            min_order_value: min_order_value?,
            max_order_value: max_order_value?,
        })
    }

    pub fn with_price(self, price: Option<Price>) -> Terms {
        Terms {
            category: self.category,
            description: self.description,
            quantity_step: self.quantity_step,
            min_value: self.min_order_value,
            max_value: self.max_order_value,
            price,
        }
    }
}

/// Reads a price, for a field.
pub fn price(input: &Input<'_>) -> Result<Price, String> {
    decimal(Price::new)(input)
}

/// Reads a decimal; 0 is none.
fn or_none<T, E: std::fmt::Display>(
    take: impl FnOnce(Decimal) -> Result<T, E>,
) -> impl FnOnce(&Input<'_>) -> Result<Option<T>, String> {
    decimal(|value: Decimal| if value.is_zero() { Ok(None) } else { take(value).map(Some) })
}

fn category(words: &str) -> Result<String, &'static str> {
    let is_fit =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    if words.len() > 40 || !words.chars().all(is_fit) {
        return Err("must be at most 40 lower-case letters, digits and hyphens");
    }
    Ok(words.to_owned())
}

/// Reads words for people: trimmed, without control characters, of a length within these bounds.
pub fn wording(words: &str, min: usize, max: usize) -> Result<String, String> {
    let words = words.trim();
    if words.chars().any(char::is_control) {
        return Err("must have no control characters".to_owned());
    }
    if !(min..=max).contains(&words.chars().count()) {
        return Err(format!("must have {min} to {max} characters"));
    }
    Ok(words.to_owned())
}
