//! A page of coins. Each is read by itself, so that a bad one costs no other.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use tradepost_kernel::Timestamp;

use super::coin::{Coin, read_coin};
use crate::feed::FeedError;

/// A page of coins.
pub struct Page {
    /// How many coins it listed, those that cannot be used included.
    pub listed: u32,
    pub coins: Vec<Coin>,
}

/// Reads a page, without the coins that cannot be used; they are counted.
pub fn read_page(body: &[u8], now: Timestamp) -> Result<Page, FeedError> {
    let list = list(body)?;
    let mut coins = Vec::with_capacity(list.len());
    for raw in &list {
        let (coin, rejected) = read_coin(raw, now);
        if let Some(reason) = rejected {
            metrics::counter!("tradepost_feed_rejected_total", "reason" => reason.label()).increment(1);
        }
        coins.extend(coin);
    }
    Ok(Page { listed: u32::try_from(list.len()).unwrap_or(u32::MAX), coins })
}

/// The ids of the coins of a page.
pub fn read_ids(body: &[u8]) -> Result<HashSet<String>, FeedError> {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let ids = list(body)?.into_iter().filter_map(|raw| serde_json::from_str::<Named>(raw.get()).ok());
    Ok(ids.map(|coin| coin.id).collect())
}

fn list(body: &[u8]) -> Result<Vec<&RawValue>, FeedError> {
    serde_json::from_slice(body).map_err(|_| FeedError::Malformed("it is not a list of coins".to_owned()))
}
