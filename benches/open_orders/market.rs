//! The catalog with prices that this bench makes: around its own, and where orders are to be filled, at theirs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tradepost_inventory_api::{Catalog, CatalogError, Listing, Quote, QuoteChange, QuoteChanges, Rules};
use tradepost_kernel::{AssetId, Clock, Decimal, Price, SystemClock};

use crate::Outcome;

/// Prices are moved by hundredths of a percent.
const WHOLE: i64 = 10_000;
/// How far the market moves by itself, and from where on orders wait.
const CALM: usize = 30;
const FIRST_LEVEL: usize = 100;

/// Which way the price of an asset must go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Fall,
    Rise,
}

/// An asset, by its place in the catalog, and a way: what the index of open orders keeps apart.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    pub asset: usize,
    pub way: Way,
}

/// The price of an asset goes to where the orders of a level wait.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    pub side: Side,
    pub level: usize,
}

pub struct Market {
    assets: Vec<Asset>,
    prices: Mutex<Vec<Price>>,
    version: AtomicU64,
}

struct Asset {
    id: AssetId,
    name: String,
    reference: Decimal,
}

impl Market {
    /// Around the prices of now of a catalog.
    pub async fn around(catalog: &dyn Catalog) -> Outcome<Self> {
        let changes = catalog.quotes_since(0).await?;
        let ids = changes.quotes.iter().filter(|change| change.tradable).map(|change| change.asset).collect();
        let listings = catalog.listings(ids).await?;
        let asset = |Listing { asset: id, name, quote, .. }: Listing| {
            Some(Asset { id, name, reference: quote?.price.get() })
        };
        let assets: Vec<_> = listings.into_iter().filter_map(asset).collect();
        let market = Self { assets, prices: Mutex::default(), version: AtomicU64::new(0) };
        market.tick(&[])?;
        Ok(market)
    }

    pub fn assets(&self) -> usize {
        self.assets.len()
    }

    pub fn id(&self, asset: usize) -> AssetId {
        self.assets[asset].id
    }

    pub fn reference(&self, asset: usize) -> Decimal {
        self.assets[asset].reference
    }

    /// What the orders of a level wait for; the market reaches the lower levels first.
    pub fn awaited(&self, side: Side, level: usize) -> Outcome<Price> {
        let distance = i64::try_from(FIRST_LEVEL + level)?;
        let parts = if side.way == Way::Fall { WHOLE - distance } else { WHOLE + distance };
        self.part(side.asset, parts)
    }

    /// Changes the price of every asset.
    pub fn tick(&self, moves: &[Move]) -> Outcome<()> {
        let number = usize::try_from(self.version.fetch_add(1, Ordering::SeqCst))?;
        let mut prices = Vec::new();
        for asset in 0..self.assets.len() {
            let step = (7 * number + 13 * asset) % (2 * CALM + 1);
            prices.push(self.part(asset, WHOLE + i64::try_from(step)? - i64::try_from(CALM)?)?);
        }
        for Move { side, level } in moves {
            prices[side.asset] = self.awaited(*side, *level)?;
        }
        *self.prices.lock().unwrap_or_else(PoisonError::into_inner) = prices;
        Ok(())
    }

    fn part(&self, asset: usize, parts: i64) -> Outcome<Price> {
        let price = self.assets[asset].reference * Decimal::new(parts, 4);
        Ok(Price::new(price.round_dp(12))?)
    }

    fn listing_at(&self, place: usize) -> Listing {
        let Asset { id, name, .. } = &self.assets[place];
        let price = self.prices.lock().unwrap_or_else(PoisonError::into_inner)[place];
        let quote = Quote { price, as_of: SystemClock.now(), source: "bench".to_owned() };
        Listing {
            asset: *id,
            name: name.clone(),
            tradable: true,
            quote: Some(quote),
            rules: Rules::default(),
        }
    }
}

#[async_trait::async_trait]
impl Catalog for Market {
    async fn listing(&self, asset: AssetId) -> Result<Option<Listing>, CatalogError> {
        let place = self.assets.iter().position(|known| known.id == asset);
        Ok(place.map(|place| self.listing_at(place)))
    }

    async fn listings(&self, assets: Vec<AssetId>) -> Result<Vec<Listing>, CatalogError> {
        let known = (0..self.assets.len()).filter(|place| assets.contains(&self.id(*place)));
        Ok(known.map(|place| self.listing_at(place)).collect())
    }

    async fn quotes_since(&self, _: u64) -> Result<QuoteChanges, CatalogError> {
        let all = (0..self.assets.len()).map(|place| self.listing_at(place));
        let change = |Listing { asset, tradable, quote, .. }| QuoteChange { asset, tradable, quote };
        Ok(QuoteChanges { version: self.version.load(Ordering::SeqCst), quotes: all.map(change).collect() })
    }
}
