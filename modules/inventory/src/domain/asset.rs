//! An asset as the catalog describes it.

use chrono::NaiveDate;
use tradepost_kernel::{Amount, AssetId, Decimal, Price, Usd};

/// What the catalog knows of an asset, whatever its price is now.
#[derive(Clone, Debug)]
pub struct Asset {
    pub id: AssetId,
    pub name: String,
    pub description: Option<String>,
    pub category: String,
    pub rank: Option<u32>,
    pub is_active: bool,
    /// The price that simulated prices stay close to.
    pub reference: Price,
    pub circulating_supply: Option<Amount>,
    pub total_supply: Option<Amount>,
    pub max_supply: Option<Amount>,
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
