//! An asset, whatever its price is now.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{AssetId, Decimal, Price, Usd};

/// What is known of an asset, whatever its price is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    pub id: AssetId,
    pub name: String,
    pub description: Option<String>,
    pub category: String,
    /// The address of a picture.
    pub image: Option<String>,
    /// The place by market capitalisation.
    pub rank: Option<u32>,
    /// Whether it is traded at all, as its source says.
    pub is_active: bool,
    pub circulating_supply: Option<Decimal>,
    pub total_supply: Option<Decimal>,
    pub max_supply: Option<Decimal>,
}

/// An asset as the catalog file describes it.
#[derive(Clone, Debug)]
pub struct CatalogEntry {
    pub asset: Arc<Asset>,
    /// The price that simulated prices stay close to.
    pub reference: Price,
    /// What is traded in 24 hours while the price is the reference.
    pub volume_24h: Option<Usd>,
    pub ath: Option<Record>,
    pub atl: Option<Record>,
}

/// The highest or lowest price there ever was. Some of the lowest have more places than a [`Price`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub value: Decimal,
    pub date: NaiveDate,
}

impl Asset {
    /// Its place in a list: by market-cap rank, the unranked last, and those that are equal by symbol.
    pub fn place(&self) -> (u32, AssetId) {
        (self.rank.unwrap_or(u32::MAX), self.id)
    }

    /// Whether its price is held at one dollar by its issuer.
    pub fn is_stable(&self) -> bool {
        self.category == "stablecoin"
    }
}
