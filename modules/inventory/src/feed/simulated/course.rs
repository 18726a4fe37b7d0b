//! The course of one asset's simulated price.

use chrono::DateTime;
use tradepost_kernel::{Decimal, Price};

use super::noise::{Noise, PEAK, Steps, Stretch, Towards};
use crate::domain::{Candle, CatalogEntry, Interval, Point};

const BILLION: i128 = 1_000_000_000;

/// Six digits tell two prices apart as finely as a market would.
const SIGNIFICANT_DIGITS: i64 = 6;

/// Knows the price of one asset at every moment, past and future: always within 15 % of its reference.
#[derive(Debug)]
pub struct Course {
    noise: Noise,
    /// A stablecoin moves a hundredth as far.
    divisor: i64,
    reference: Price,
    /// The reference in units of its last place.
    base: i128,
    places: u32,
}

impl Course {
    /// The course `seed` chooses for an asset.
    pub fn new(seed: u64, entry: &CatalogEntry) -> Self {
        let CatalogEntry { asset, reference, .. } = entry;
        let places = places(reference.get());
        let mut rounded = reference.get().round_dp(places);
        rounded.rescale(places);
        Self {
            noise: Noise::new(seed, asset.id.as_str()),
            divisor: if asset.is_stable() { 100 } else { 1 },
            reference: *reference,
            base: rounded.mantissa(),
            places,
        }
    }

    /// The price at a moment (Unix milliseconds).
    pub fn price(&self, at_ms: i64) -> Price {
        self.price_of(self.deviation(at_ms))
    }

    /// The exact lowest and highest price of the moments from one up to, but without, another that are whole
    /// multiples of a step, if there are any.
    #[cfg(test)]
    pub fn range(&self, from_ms: i64, to_ms: i64, step_ms: i64) -> Option<(Price, Price)> {
        let stretch = self.noise.over(Steps::within(from_ms, to_ms, step_ms)?);
        let extreme = |towards| self.price_at(stretch.extreme(towards));
        Some((extreme(Towards::Low), extreme(Towards::High)))
    }

    /// As [`Course::range`], each price with the earliest step at which it is reached.
    pub fn extremes(&self, from_ms: i64, to_ms: i64, step_ms: i64) -> Option<(Point, Point)> {
        let stretch = self.noise.over(Steps::within(from_ms, to_ms, step_ms)?);
        Some((self.reached(&stretch, Towards::Low), self.reached(&stretch, Towards::High)))
    }

    /// The candles of the buckets that begin from one moment up to, but without, another, made of the prices
    /// at each whole multiple of a step. The last ends at `to_ms` if it would last longer.
    pub fn candles(&self, interval: Interval, from_ms: i64, to_ms: i64, step_ms: i64) -> Vec<Candle> {
        let length_ms = interval.length_ms();
        let into_ms = from_ms.rem_euclid(length_ms);
        let first_ms = if into_ms == 0 { from_ms } else { from_ms.saturating_add(length_ms - into_ms) };
        let starts = std::iter::successors(Some(first_ms), |start_ms| start_ms.checked_add(length_ms));
        let buckets = starts.take_while(|start_ms| *start_ms < to_ms);
        buckets
            .filter_map(|start_ms| {
                self.candle(start_ms, to_ms.min(start_ms.saturating_add(length_ms)), step_ms)
            })
            .collect()
    }

    fn candle(&self, start_ms: i64, end_ms: i64, step_ms: i64) -> Option<Candle> {
        let stretch = self.noise.over(Steps::within(start_ms, end_ms, step_ms)?);
        Some(Candle {
            start_ms,
            open: self.price_at(stretch.first()),
            high: self.price_at(stretch.extreme(Towards::High)),
            low: self.price_at(stretch.extreme(Towards::Low)),
            close: self.price_at(stretch.last()),
        })
    }

    /// Many values of the noise are one price, so the earliest of them need not be the most extreme.
    fn reached(&self, stretch: &Stretch<'_>, towards: Towards) -> Point {
        let extreme = stretch.extreme(towards);
        let price = self.price_at(extreme);
        let at_ms = if self.price_at(stretch.first()) == price {
            stretch.first_ms()
        } else {
            let goal = self.least_of_its_price(extreme, towards);
            stretch.earliest(towards, goal).unwrap_or(stretch.first_ms())
        };
        // A moment out of the calendar's range is 262 000 years away.
        Point { price, at: DateTime::from_timestamp_millis(at_ms).unwrap_or_default() }
    }

    /// Of all values of the noise that have the price of `extreme`, the least extreme.
    fn least_of_its_price(&self, extreme: i64, towards: Towards) -> i64 {
        let units = self.units(extreme / self.divisor);
        // A larger value never is a lower price, so the values of one price are neighbours.
        let (mut other, mut same) = match towards {
            Towards::High => (-PEAK - 1, extreme),
            Towards::Low => (PEAK + 1, extreme),
        };
        while other.abs_diff(same) > 1 {
            let middle = other.midpoint(same);
            if self.units(middle / self.divisor) == units { same = middle } else { other = middle }
        }
        same
    }

    /// How far from its reference the price is at a moment, in parts per billion.
    pub fn deviation(&self, at_ms: i64) -> i64 {
        self.noise.at(at_ms) / self.divisor
    }

    /// The price while the noise has this value.
    fn price_at(&self, value: i64) -> Price {
        self.price_of(value / self.divisor)
    }

    /// The price that far from the reference. The difference is rounded towards zero, so that rounding never
    /// leads out of the band and a larger deviation never is a lower price.
    pub fn price_of(&self, deviation: i64) -> Price {
        let price = Decimal::try_from_i128_with_scale(self.units(deviation), self.places).ok();
        // The catalog keeps references where every price around them is valid.
        price.and_then(|price| Price::new(price).ok()).unwrap_or(self.reference)
    }

    /// That price in units of its last place.
    fn units(&self, deviation: i64) -> i128 {
        self.base + self.base * i128::from(deviation) / BILLION
    }
}

/// Six significant digits of the reference, but at least two decimals and at most the twelve a price has.
fn places(reference: Decimal) -> u32 {
    let digits = i64::from(reference.mantissa().checked_ilog10().unwrap_or(0)) + 1;
    let whole_digits = digits - i64::from(reference.scale());
    u32::try_from((SIGNIFICANT_DIGITS - whole_digits).clamp(2, 12)).unwrap_or(2)
}

#[cfg(test)]
#[path = "course_tests.rs"]
mod tests;
