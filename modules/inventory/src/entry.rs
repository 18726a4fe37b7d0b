//! One asset of a snapshot, as it is shown and traded.

use std::sync::{Arc, OnceLock};

use tradepost_inventory_api::{Listing, Quote, QuoteChange, Rules};
use tradepost_kernel::{Price, Timestamp};

use crate::domain::{Amendment, Asset, Figures, Row, SearchKey};
use crate::http::{Prepared, once};

/// What the prices that administrators set are marked with.
pub const MANUAL: &str = "manual";

/// One asset of a snapshot.
pub struct Entry {
    pub asset: Arc<Asset>,
    pub quote: Option<Quote>,
    pub figures: Figures,
    pub rules: Rules,
    /// Whether it can be traded: not while it is suspended or was never priced, nor if its source has it as inactive.
    pub is_active: bool,
    /// Why it is suspended, if somebody said.
    pub suspension: Option<String>,
    /// In which snapshot of this process its quote became this one, or whether it can be traded changed.
    pub quoted: u64,
    /// In which its price became this one, or whether it can be traded changed.
    pub priced: u64,
    /// What of it is searched.
    pub search: Arc<SearchKey>,
    pub listed: OnceLock<Prepared>,
    pub detail: OnceLock<Prepared>,
    made_of: Parts,
}

/// What an entry is made of; of the same parts comes the same entry.
#[derive(Clone)]
pub struct Parts {
    pub row: Option<Arc<Row>>,
    pub amendment: Option<Arc<Amendment>>,
}

impl Parts {
    fn are(&self, other: &Self) -> bool {
        same(self.row.as_ref(), other.row.as_ref())
            && same(self.amendment.as_ref(), other.amendment.as_ref())
            // The price that an administrator set is true until it is changed, so its quote is renewed.
            && self.custom().is_none()
    }

    fn custom(&self) -> Option<&crate::domain::Custom> {
        self.amendment.as_ref()?.custom.as_ref()
    }

    fn asset(&self, known: Option<&Entry>) -> Option<Arc<Asset>> {
        let described = self.row.as_ref().map(|row| &row.asset);
        let Some(amendment) = &self.amendment else { return described.cloned() };
        let made = amendment.apply(described)?;
        // What is equal is shared, so that the next snapshot need not compare it again.
        let known = known.map(|entry| &entry.asset).filter(|known| ***known == *made);
        Some(known.cloned().unwrap_or(made))
    }

    fn quote(&self, source: &str) -> Option<Quote> {
        if let Some(custom) = self.custom() {
            return Some(Quote { price: custom.price, as_of: custom.priced_at, source: MANUAL.to_owned() });
        }
        let tick = self.row.as_ref()?.tick?;
        Some(Quote { price: tick.price, as_of: tick.as_of, source: source.to_owned() })
    }
}

fn same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// It is prepared once for as long as the asset is called the same, and not at every tick.
fn search_key(asset: &Arc<Asset>, known: Option<&Entry>) -> Arc<SearchKey> {
    let is_same = |known: &&Entry| Arc::ptr_eq(&known.asset, asset) || known.search.is_of(asset);
    known.filter(is_same).map_or_else(|| Arc::new(SearchKey::of(asset)), |known| Arc::clone(&known.search))
}

impl Entry {
    /// The entry that comes of these parts in the snapshot of this number; the one of the snapshot before, if it is
    /// the same.
    pub fn of(parts: Parts, source: &str, number: u64, known: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        if let Some(known) = known.filter(|known| known.made_of.are(&parts)) {
            return Some(Arc::clone(known));
        }
        let known = known.map(AsRef::as_ref);
        let asset = parts.asset(known)?;
        let quote = parts.quote(source);
        let amendment = parts.amendment.as_deref();
        let suspension = amendment.and_then(|amendment| amendment.suspension.as_ref());
        let is_active = asset.is_active && suspension.is_none() && quote.is_some();
        let search = search_key(&asset, known);
        let known = known.filter(|known| known.is_active == is_active);
        let is_renewed = parts.custom().is_some();
        let quoted =
            known.filter(|known| known.quote == quote && !is_renewed).map_or(number, |known| known.quoted);
        let price = quote.as_ref().map(|quote| quote.price);
        let priced = known.filter(|known| known.price() == price).map_or(number, |known| known.priced);
        Some(Arc::new(Self {
            asset,
            quote,
            figures: parts
                .row
                .as_ref()
                .filter(|_| parts.custom().is_none())
                .map_or_else(Figures::default, |row| row.figures.clone()),
            rules: amendment.map_or_else(Rules::default, |amendment| amendment.rules),
            is_active,
            suspension: suspension.and_then(|suspension| suspension.reason.clone()),
            quoted,
            priced,
            search,
            listed: OnceLock::new(),
            detail: OnceLock::new(),
            made_of: parts,
        }))
    }

    /// The newest price, if there ever was one.
    pub fn price(&self) -> Option<Price> {
        self.quote.as_ref().map(|quote| quote.price)
    }

    /// The candle of the minute that is not over, where candles are built from what a feed says.
    pub fn minute(&self) -> Option<crate::domain::Candle> {
        self.made_of.row.as_ref()?.minute
    }

    /// What it cost at each full hour of the last seven days, as far as that is known.
    pub fn sparkline(&self) -> Option<&[Price]> {
        self.made_of.row.as_ref()?.sparkline.as_deref()
    }

    /// When its price was true, if there ever was one.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.quote.as_ref().map(|quote| quote.as_of)
    }

    /// What is shown of it, written by the first request that needs it.
    pub fn prepare<'a, E>(
        &self,
        known: &'a OnceLock<Prepared>,
        write: impl FnOnce() -> Result<Prepared, E>,
    ) -> Result<&'a Prepared, E> {
        once(known, write)
    }

    /// As other modules see it at a moment.
    pub fn listing(&self, now: Timestamp) -> Listing {
        Listing {
            asset: self.asset.id,
            name: self.asset.name.clone(),
            tradable: self.is_active,
            quote: self.quote_at(now),
            rules: self.rules,
        }
    }

    /// As those see it who ask for what changed.
    pub fn change(&self, now: Timestamp) -> QuoteChange {
        QuoteChange { asset: self.asset.id, tradable: self.is_active, quote: self.quote_at(now) }
    }

    /// The price that an administrator set is true until it is changed.
    fn quote_at(&self, now: Timestamp) -> Option<Quote> {
        let quote = self.quote.clone()?;
        Some(if self.made_of.custom().is_some() { Quote { as_of: now, ..quote } } else { quote })
    }
}
