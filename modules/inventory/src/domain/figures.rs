//! The figures shown beside a price, all of them exact.

use chrono::NaiveDate;
use rust_decimal::RoundingStrategy::MidpointAwayFromZero;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{Amount, Decimal, Price, Rounding, Timestamp, Usd};

use super::{CatalogEntry, Record};

/// A price and the moment it was true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub price: Price,
    pub at: Timestamp,
}

/// The prices that figures are derived from.
#[derive(Clone, Copy, Debug)]
pub struct Observed {
    pub now: Point,
    pub day_ago: Price,
    pub week_ago: Price,
    pub month_ago: Price,
    /// The highest and lowest of the last 24 hours, as far as they were looked at.
    pub high: Point,
    pub low: Point,
}

/// What is shown beside the price of an asset. What cannot be computed, or is not known, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    pub price_change_24h: Option<Decimal>,
    pub price_change_percentage_24h: Option<Decimal>,
    pub price_change_percentage_7d: Option<Decimal>,
    pub price_change_percentage_30d: Option<Decimal>,
    pub high_24h: Option<Price>,
    pub low_24h: Option<Price>,
    pub market_cap: Option<Decimal>,
    pub total_volume_24h: Option<Decimal>,
    pub ath: Option<Summit>,
    pub atl: Option<Summit>,
}

/// An all-time high or low, and how far from it the price is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summit {
    pub value: Decimal,
    pub date: NaiveDate,
    pub change_percentage: Option<Decimal>,
}

impl Figures {
    /// Derives the figures of an asset; its market capitalisation to whole cents, the rest cut off.
    pub fn derive(entry: &CatalogEntry, seen: &Observed) -> Self {
        let price = seen.now.price;
        let high = if price > seen.high.price { seen.now } else { seen.high };
        let low = if price < seen.low.price { seen.now } else { seen.low };
        let since = |before: Price| percentage(price.get() - before.get(), before.get());
        Self {
            price_change_24h: Some(price.get() - seen.day_ago.get()),
            price_change_percentage_24h: since(seen.day_ago),
            price_change_percentage_7d: since(seen.week_ago),
            price_change_percentage_30d: since(seen.month_ago),
            high_24h: Some(high.price),
            low_24h: Some(low.price),
            market_cap: entry.asset.circulating_supply.and_then(|supply| market_cap(price, supply)),
            total_volume_24h: entry.volume_24h.and_then(|volume| revalued(volume, price, entry.reference)),
            ath: entry.ath.map(|known| summit(if high.is_above(known) { high.into() } else { known }, price)),
            atl: entry.atl.map(|known| summit(if low.is_below(known) { low.into() } else { known }, price)),
        }
    }
}

impl Point {
    fn is_above(self, record: Record) -> bool {
        self.price.get() > record.value
    }

    fn is_below(self, record: Record) -> bool {
        self.price.get() < record.value
    }
}

impl From<Point> for Record {
    fn from(point: Point) -> Self {
        Self { value: point.price.get(), date: point.at.date_naive() }
    }
}

fn summit(record: Record, price: Price) -> Summit {
    let change_percentage = percentage(price.get() - record.value, record.value);
    Summit { value: record.value, date: record.date, change_percentage }
}

fn market_cap(price: Price, supply: Decimal) -> Option<Decimal> {
    price.times(Amount::new(supply).ok()?, Rounding::Down).ok().map(Usd::get)
}

/// `change` in percent of `base`, to two places, half up.
pub fn percentage(change: Decimal, base: Decimal) -> Option<Decimal> {
    let percent = change.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(base)?;
    Some(percent.round_dp_with_strategy(2, MidpointAwayFromZero).normalize())
}

/// The same units traded, in dollars of the present price.
fn revalued(volume: Usd, price: Price, reference: Price) -> Option<Decimal> {
    let dollars = volume.get().checked_mul(price.get())?.checked_div(reference.get())?;
    Some(dollars.round_dp_with_strategy(2, MidpointAwayFromZero))
}

#[cfg(test)]
#[path = "figures_tests.rs"]
mod tests;
