//! Exact figures from answers, and prices that stand still.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde_json::Value;
use serde_json::value::RawValue;
use tradepost_kernel::Clock;
use tradepost_testkit::{Client, Setup, ShiftedClock};

/// The settings of a platform whose prices stand still for the first minute.
pub fn still() -> Setup {
    // It starts at the beginning of a minute, which is as long as a tick may be.
    let clock = Arc::new(ShiftedClock::stopped());
    let into_minute = clock.now().timestamp_millis().rem_euclid(60_000);
    clock.advance(TimeDelta::milliseconds(60_000 - into_minute));
    Setup::default().set("inventory.tick_ms", "60000").set("order.max_quote_age_s", "600").clock(&clock)
}

/// Reads a decimal, exactly.
pub fn exact(text: impl AsRef<str>) -> Decimal {
    Decimal::from_str_exact(text.as_ref()).unwrap()
}

/// Reads a decimal that must be a text.
#[track_caller]
pub fn amount(value: &Value) -> Decimal {
    exact(value.as_str().unwrap_or_else(|| panic!("{value} is no text")))
}

/// The price that the catalog shows.
pub async fn price_of(client: &Client, asset: &str) -> Decimal {
    let shown = client.get(&format!("/api/v1/inventory/assets/{asset}")).await.expect(200);
    exact(number(&shown.text, "data.price_usd"))
}

/// The text of a number in a JSON document, with the digits it has there: `number(text, "data.price_usd")`.
pub fn number(document: &str, path: &str) -> String {
    let step = |text: String, name: &str| {
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).unwrap();
        fields.remove(name).unwrap_or_else(|| panic!("no {path} in {document}")).get().to_owned()
    };
    let text = path.split('.').fold(document.to_owned(), step);
    assert!(text.starts_with(|first: char| first == '-' || first.is_ascii_digit()), "{path} is {text}");
    text
}
