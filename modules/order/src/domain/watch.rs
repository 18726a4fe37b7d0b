//! What a process remembers so that a price that reaches no order costs nothing: the newest quote of each asset,
//! and for either direction the nearest price that an open order waits for. All of it can be forgotten: what is
//! not known is looked up.

use std::collections::HashMap;

use chrono::TimeDelta;
use tradepost_inventory_api::{Quote, QuoteChange};
use tradepost_kernel::{AssetId, Price, Timestamp};

use super::{Direction, is_fresh};
use crate::Settings;

/// First looks are spread over this many parts of the interval, so that the next ones do not all come at once.
const PARTS: i32 = 8;

/// Open orders to look at, because the market may have reached them or because it is not known what they wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub asset: AssetId,
    pub direction: Direction,
    pub quote: Quote,
}

/// The memory of all assets.
#[derive(Debug, Default)]
pub struct Watch {
    quotes: HashMap<AssetId, Quote>,
    nearest: HashMap<(AssetId, Direction), Nearest>,
    learned: i32,
}

/// The nearest price that is waited for.
#[derive(Clone, Copy, Debug, Default)]
struct Nearest {
    price: Option<Price>,
    /// Until when this is believed; it is not known if absent.
    good_until: Option<Timestamp>,
    /// The nearest of the orders that this process opened since the last look began.
    noted: Option<Price>,
}

impl Nearest {
    fn is_known(&self, now: Timestamp) -> bool {
        self.good_until.is_some_and(|end| now < end)
    }
}

impl Watch {
    /// Takes in what changed, and tells where to look: where the market moved to a price that is waited for, and
    /// where it is not known any more what is waited for. A price that fell reaches only what waits for a fall.
    pub fn update(&mut self, changes: Vec<QuoteChange>, settings: &Settings, now: Timestamp) -> Vec<Look> {
        let mut looks = Vec::new();
        for change in changes {
            let moved = self.take(&change);
            let Some(quote) = change.quote.filter(|_| change.tradable) else { continue };
            for direction in moved {
                let nearest = self.nearest.get(&(change.asset, direction)).copied().unwrap_or_default();
                let is_reached = nearest.price.is_some_and(|awaited| direction.reaches(awaited, quote.price));
                if nearest.is_known(now) && is_reached {
                    looks.push(Look { asset: change.asset, direction, quote: quote.clone() });
                }
            }
        }
        looks.extend(self.unknown(now));
        looks.retain(|look| is_fresh(&look.quote, settings, now));
        looks
    }

    /// Keeps the quote of an asset that can be traded, and tells which ways its price may have moved.
    fn take(&mut self, change: &QuoteChange) -> Vec<Direction> {
        let Some(quote) = change.quote.clone().filter(|_| change.tradable) else {
            self.quotes.remove(&change.asset);
            return Vec::new();
        };
        let price = quote.price;
        match self.quotes.insert(change.asset, quote) {
            None => Direction::BOTH.to_vec(),
            Some(before) if price < before.price => vec![Direction::Fall],
            Some(before) if price > before.price => vec![Direction::Rise],
            Some(_) => Vec::new(),
        }
    }

    fn unknown(&self, now: Timestamp) -> Vec<Look> {
        let both = self.quotes.iter().flat_map(|quote| Direction::BOTH.map(|direction| (quote, direction)));
        let is_unknown = |asset: &AssetId, direction| {
            self.nearest.get(&(*asset, direction)).is_none_or(|nearest| !nearest.is_known(now))
        };
        both.filter(|((asset, _), direction)| is_unknown(asset, *direction))
            .map(|((asset, quote), direction)| Look { asset: *asset, direction, quote: quote.clone() })
            .collect()
    }

    /// Notes a price that an order just opened waits for.
    pub fn note(&mut self, asset: AssetId, direction: Direction, awaited: Price) {
        let nearest = self.nearest.entry((asset, direction)).or_default();
        nearest.price = direction.nearer(nearest.price, Some(awaited));
        nearest.noted = direction.nearer(nearest.noted, Some(awaited));
    }

    /// Begins a look: what is noted from here on may be missed by it.
    pub fn begin(&mut self, look: &Look) {
        self.nearest.entry((look.asset, look.direction)).or_default().noted = None;
    }

    /// Takes in the nearest price that a look found to be waited for, to be believed for a while.
    pub fn learn(&mut self, look: &Look, found: Option<Price>, pause: TimeDelta, now: Timestamp) {
        let nearest = self.nearest.entry((look.asset, look.direction)).or_default();
        let pause = if nearest.good_until.is_none() {
            self.learned = (self.learned + 1) % PARTS;
            pause / PARTS * (self.learned + 1)
        } else {
            pause
        };
        nearest.price = look.direction.nearer(found, nearest.noted);
        nearest.good_until = Some(now + pause);
    }

    /// Forgets what is waited for, so that the next tick looks again.
    pub fn forget(&mut self, look: &Look) {
        self.nearest.entry((look.asset, look.direction)).or_default().good_until = None;
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
