//! What administrators changed of an asset, or that they added it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tradepost_inventory_api::Rules;
use tradepost_kernel::{AssetId, Price, Quantity, Timestamp, Usd};

use super::Asset;

/// What administrators changed of an asset. It counts more than what its source says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    pub asset: AssetId,
    pub suspension: Option<Suspension>,
    pub category: Option<String>,
    pub description: Option<String>,
    #[serde(default)]
    pub rules: Rules,
    pub custom: Option<Custom>,
}

/// That an asset is not traded for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Since when.
    pub at: Timestamp,
    /// Why, for people; nobody need say.
    pub reason: Option<String>,
}

/// An asset of the administrators' own, at a price that holds until they change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custom {
    pub name: String,
    pub price: Price,
    /// When the price was set.
    pub priced_at: Timestamp,
}

/// What an administrator does with an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is not traded from now on.
    Suspend(Option<String>),
    /// It is traded again.
    Resume,
    /// It is shown and traded otherwise.
    Set(Terms),
    /// It is a new one, at a price of the administrator's.
    Add { name: String, price: Price, terms: Terms },
}

/// How an asset is shown and traded. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Empty: as its source has it.
    pub category: Option<String>,
    /// Empty: as its source has it.
    pub description: Option<String>,
    /// `Some(None)` takes the rule away, as in those below.
    pub quantity_step: Option<Option<Quantity>>,
    pub min_value: Option<Option<Usd>>,
    pub max_value: Option<Option<Usd>>,
    /// Of an asset that no feed prices.
    pub price: Option<Price>,
}

/// Why an asset cannot be changed like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchangeable {
    /// Its price comes from the feed.
    PriceOfFeed,
    /// No order could be worth at least this and at most that.
    Limits { min: Usd, max: Usd },
}

impl Change {
    /// What it is called in the record of it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Suspend(_) => "suspend",
            Self::Resume => "resume",
            Self::Set(_) => "set",
            Self::Add { .. } => "add",
        }
    }
}

/// The category of an asset of which nobody said one.
pub const OTHER: &str = "other";

impl Amendment {
    /// Of an asset that was not changed yet.
    pub fn none(asset: AssetId) -> Self {
        let rules = Rules::default();
        Self { asset, suspension: None, category: None, description: None, rules, custom: None }
    }

    /// After another change.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn with(self, change: &Change, at: Timestamp) -> Result<Self, Unchangeable> {
        match change {
            // The first reason and moment stay, so that repeating it changes nothing.
            Change::Suspend(_) if self.suspension.is_some() => Ok(self),
            Change::Suspend(reason) => {
                Ok(Self { suspension: Some(Suspension { at, reason: reason.clone() }), ..self })
            }
            Change::Resume => Ok(Self { suspension: None, ..self }),
            Change::Set(terms) => self.set(terms, at),
            Change::Add { name, price, terms } => {
                let custom = Custom { name: name.clone(), price: *price, priced_at: at };
                Self { custom: Some(custom), ..self }.set(terms, at)
            }
        }
    }

    fn set(self, terms: &Terms, at: Timestamp) -> Result<Self, Unchangeable> {
        let text = |new: &Option<String>, old: Option<String>| match new {
            Some(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            None => old,
        };
        let rules = Rules {
            quantity_step: terms.quantity_step.unwrap_or(self.rules.quantity_step),
            min_value: terms.min_value.unwrap_or(self.rules.min_value),
            max_value: terms.max_value.unwrap_or(self.rules.max_value),
        };
        if let (Some(min), Some(max)) = (rules.min_value, rules.max_value)
            && min > max
        {
            return Err(Unchangeable::Limits { min, max });
        }
        let custom = match (self.custom, terms.price) {
            (None, Some(_)) => return Err(Unchangeable::PriceOfFeed),
            (Some(custom), Some(price)) if price != custom.price => {
                Some(Custom { price, priced_at: at, ..custom })
            }
            (custom, _) => custom,
        };
        let category = text(&terms.category, self.category);
        let description = text(&terms.description, self.description);
        Ok(Self { category, description, rules, custom, ..self })
    }

    /// The asset as it is shown: as its source describes it, with what was changed.
    pub fn apply(&self, described: Option<&Arc<Asset>>) -> Option<Arc<Asset>> {
        if self.category.is_none() && self.description.is_none() && self.custom.is_none() {
            return described.cloned();
        }
        let mut asset = match (described, &self.custom) {
            (Some(described), _) => Asset::clone(described),
            (None, custom) => custom.as_ref()?.asset(self.asset),
        };
        if let Some(category) = &self.category {
            asset.category.clone_from(category);
        }
        if let Some(description) = &self.description {
            asset.description = Some(description.clone());
        }
        Some(Arc::new(asset))
    }
}

impl Custom {
    fn asset(&self, id: AssetId) -> Asset {
        Asset {
            id,
            name: self.name.clone(),
            description: None,
            category: OTHER.to_owned(),
            image: None,
            rank: None,
            is_active: true,
            circulating_supply: None,
            total_supply: None,
            max_supply: None,
        }
    }
}
