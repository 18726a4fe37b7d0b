//! The catalog file: JSON, every decimal a string, nothing unknown, every mistake named by asset and field.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::value::RawValue;
use tradepost_kernel::money::MoneyError;
use tradepost_kernel::{Amount, AssetId, Decimal, Price, Usd, decimal};

use super::{Asset, CatalogEntry, Record};

/// A simulated price is at most 15 % above its reference and must still be a [`Price`], hence at most 10^9.
const MAX_REFERENCE: Decimal = Decimal::from_parts(800_000_000, 0, 0, false, 0);

/// Reads a catalog, in the order in which it is listed.
pub fn read_catalog(text: &str) -> Result<Vec<CatalogEntry>, String> {
    let file: File<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if file.assets.is_empty() {
        return Err("lists no asset".to_owned());
    }
    let mut seen = HashSet::new();
    let mut assets = Vec::with_capacity(file.assets.len());
    for (index, raw) in file.assets.into_iter().enumerate() {
        let entry = read_asset(raw).map_err(|error| format!("asset {}: {error}", label(raw, index)))?;
        if !seen.insert(entry.asset.id) {
            return Err(format!("asset {}: is listed twice", entry.asset.id));
        }
        assets.push(entry);
    }
    assets.sort_by_key(|entry| entry.asset.place());
    Ok(assets)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(borrow)]
    assets: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Label {
    asset_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    asset_id: String,
    name: String,
    description: Option<String>,
    category: String,
    rank: Option<u32>,
    is_active: bool,
    reference_price: String,
    circulating_supply: Option<String>,
    total_supply: Option<String>,
    max_supply: Option<String>,
    volume_24h: Option<String>,
    ath: Option<String>,
    ath_date: Option<NaiveDate>,
    atl: Option<String>,
    atl_date: Option<NaiveDate>,
}

/// What to call an asset that cannot be read: its symbol if at least that is there, else its number.
fn label(raw: &RawValue, index: usize) -> String {
    serde_json::from_str::<Label>(raw.get())
        .map_or_else(|_| format!("number {}", index + 1), |label| label.asset_id)
}

fn read_asset(raw: &RawValue) -> Result<CatalogEntry, String> {
    let row: Row = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
    let asset = Asset {
        id: asset_id(&row.asset_id)?,
        name: name("name", row.name)?,
        description: row.description.map(|text| name("description", text)).transpose()?,
        category: name("category", row.category)?,
        image: None,
        rank: rank(row.rank)?,
        is_active: row.is_active,
        circulating_supply: optional("circulating_supply", row.circulating_supply, amount)?,
        total_supply: optional("total_supply", row.total_supply, amount)?,
        max_supply: optional("max_supply", row.max_supply, amount)?,
    };
    let entry = CatalogEntry {
        asset: Arc::new(asset),
        reference: reference(&row.reference_price)?,
        volume_24h: optional("volume_24h", row.volume_24h, Usd::parse)?,
        ath: record("ath", row.ath, row.ath_date)?,
        atl: record("atl", row.atl, row.atl_date)?,
    };
    match (entry.ath, entry.atl) {
        (Some(ath), Some(atl)) if ath.value < atl.value => Err("ath must not be below atl".to_owned()),
        _ => Ok(entry),
    }
}

fn asset_id(text: &str) -> Result<AssetId, String> {
    match text.parse() {
        Ok(AssetId::USD) => Err("asset_id must not be USD, which is cash".to_owned()),
        Ok(id) => Ok(id),
        Err(error) => Err(format!("asset_id {error}")),
    }
}

fn name(field: &str, text: String) -> Result<String, String> {
    if text.trim() != text || text.is_empty() || text.chars().any(char::is_control) {
        return Err(format!("{field} must be text without control characters or blanks around it"));
    }
    Ok(text)
}

fn rank(rank: Option<u32>) -> Result<Option<u32>, String> {
    if rank == Some(0) { Err("rank must be at least 1".to_owned()) } else { Ok(rank) }
}

fn reference(text: &str) -> Result<Price, String> {
    let price = Price::parse(text).map_err(|error| format!("reference_price {error}"))?;
    if price.get() > MAX_REFERENCE {
        return Err(format!("reference_price must be at most {MAX_REFERENCE}"));
    }
    Ok(price)
}

fn amount(text: &str) -> Result<Decimal, MoneyError> {
    Amount::new(decimal::parse(text)?).map(Amount::get)
}

fn optional<T, E: Display>(
    field: &str,
    text: Option<String>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, String> {
    text.map(|text| parse(&text).map_err(|error| format!("{field} {error}"))).transpose()
}

fn record(field: &str, text: Option<String>, date: Option<NaiveDate>) -> Result<Option<Record>, String> {
    match (optional(field, text, decimal::parse)?, date) {
        (None, None) => Ok(None),
        (Some(value), _) if value <= Decimal::ZERO => Err(format!("{field} must be greater than 0")),
        (Some(value), Some(date)) => Ok(Some(Record { value, date })),
        (Some(_), None) => Err(format!("{field} needs its {field}_date")),
        (None, Some(_)) => Err(format!("{field}_date needs its {field}")),
    }
}

#[cfg(test)]
#[path = "catalog_file_tests.rs"]
mod tests;
