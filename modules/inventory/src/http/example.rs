//! The examples of the OpenAPI document, as the text an answer has.

use serde_json::Value;

const LISTED: &str = r#"{
    "asset_id": "BTC", "name": "Bitcoin", "description": "The first decentralised digital currency.",
    "category": "currency", "price_usd": 64123.45, "price_source": "simulated", "price_age_s": 0,
    "is_active": true,
    "symbol": "BTC", "image": null, "market_cap_rank": 1, "price_change_percentage_24h": 1.32,
    "market_cap": 1266438137500, "total_volume_24h": 28054009375.5
}"#;

const DETAIL: &str = r#"{
    "availability_status": "available", "suspension_reason": null,
    "quantity_step": 0.00001, "min_order_value": null, "max_order_value": 5000, "price_change_24h": 835.4, "price_change_percentage_7d": -3.07,
    "price_change_percentage_30d": 5.81, "high_24h": 64310.02, "low_24h": 62988.7,
    "circulating_supply": 19750000, "total_supply": 19750000, "max_supply": 21000000,
    "ath": 109000, "ath_change_percentage": -41.17, "ath_date": "2025-01-20",
    "atl": 67.81, "atl_change_percentage": 94463.38, "atl_date": "2013-07-06",
    "last_updated": "2026-03-01T12:00:00Z", "sparkline_7d": [63288.05, 63310.7, 63204.11]
}"#;

const CANDLE: &str = r#"{
    "timestamp": "2026-03-01T12:00:00Z", "open": 64001.2, "high": 64310.02, "low": 63988.7, "close": 64123.45
}"#;

/// A candle.
pub fn candle() -> Value {
    serde_json::from_str(CANDLE).unwrap_or_default()
}

const PRICE_EVENT: &str = r#"{
    "asset_id": "BTC", "price_usd": 64123.45, "price_change_percentage_24h": 1.32, "is_active": true,
    "price_source": "simulated", "last_updated": "2026-03-01T12:00:00Z"
}"#;

/// An asset of a list.
pub fn listed() -> Value {
    serde_json::from_str(LISTED).unwrap_or_default()
}

/// An asset on its own: all that a list shows, and more.
pub fn detail() -> Value {
    let mut example = listed();
    if let (Value::Object(all), Ok(Value::Object(more))) = (&mut example, serde_json::from_str(DETAIL)) {
        all.extend(more);
    }
    example
}

const CATEGORY: &str = r#"{
    "category": "defi", "name": "DeFi", "asset_count": 14, "total_market_cap": 31415926535.89
}"#;

/// A category.
pub fn category() -> Value {
    serde_json::from_str(CATEGORY).unwrap_or_default()
}

const MARKET: &str = r#"{
    "total_market_cap": 2271828182845.9, "total_volume_24h": 112358132134.55,
    "dominance": { "BTC": 55.74, "ETH": 13.36 },
    "top_gainers": [], "top_losers": [], "most_traded": [], "last_updated": "2026-03-01T12:00:00Z"
}"#;

/// The market as a whole.
pub fn market() -> Value {
    let mut example: Value = serde_json::from_str(MARKET).unwrap_or_default();
    for list in ["top_gainers", "most_traded"] {
        if let Some(assets) = example.get_mut(list) {
            *assets = Value::Array(vec![listed()]);
        }
    }
    example
}

/// The data of an event of a stream.
pub fn price_event() -> Value {
    serde_json::from_str(PRICE_EVENT).unwrap_or_default()
}
