//! The course of one asset's simulated price.

use tradepost_kernel::{Decimal, Price};

use super::noise::Noise;
use crate::domain::CatalogEntry;

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

    /// How far from its reference the price is at a moment, in parts per billion.
    pub fn deviation(&self, at_ms: i64) -> i64 {
        self.noise.at(at_ms) / self.divisor
    }

    /// The price that far from the reference. The difference is rounded towards zero, so that rounding never
    /// leads out of the band and a larger deviation never is a lower price.
    pub fn price_of(&self, deviation: i64) -> Price {
        let units = self.base + self.base * i128::from(deviation) / BILLION;
        let price = Decimal::try_from_i128_with_scale(units, self.places).ok();
        // The catalog keeps references where every price around them is valid.
        price.and_then(|price| Price::new(price).ok()).unwrap_or(self.reference)
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
