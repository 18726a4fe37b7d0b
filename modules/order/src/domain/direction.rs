//! Which way a price must go to reach an order that waits for it.

use tradepost_kernel::Price;

/// Which way the market must go to reach an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Down to the price of a limit buy or a stop-loss.
    Fall,
    /// Up to the price of a limit sell or a take-profit.
    Rise,
}

impl Direction {
    pub const BOTH: [Self; 2] = [Self::Fall, Self::Rise];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fall => "fall",
            Self::Rise => "rise",
        }
    }

    /// Whether a market at this price has reached the price an order waits for.
    pub fn reaches(self, awaited: Price, market: Price) -> bool {
        match self {
            Self::Fall => market <= awaited,
            Self::Rise => market >= awaited,
        }
    }

    /// Which of two awaited prices the market reaches first.
    pub fn nearer(self, one: Option<Price>, other: Option<Price>) -> Option<Price> {
        match (self, one, other) {
            (Self::Fall, Some(one), Some(other)) => Some(one.max(other)),
            (Self::Rise, Some(one), Some(other)) => Some(one.min(other)),
            (_, one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use tradepost_kernel::Price;

    use super::Direction::{Fall, Rise};

    #[test]
    fn a_price_is_reached_by_itself_and_by_better_ones() {
        let price = |text| Price::parse(text).unwrap();
        let (less, awaited, more) = (price("99.999999999999"), price("100"), price("100.000000000001"));
        let reached = |direction: super::Direction| {
            [less, awaited, more].map(|market| direction.reaches(awaited, market))
        };
        assert_eq!(reached(Fall), [true, true, false]);
        assert_eq!(reached(Rise), [false, true, true]);
        assert_eq!(Fall.nearer(Some(less), Some(more)), Some(more));
        assert_eq!(Rise.nearer(Some(less), Some(more)), Some(less));
        assert_eq!((Fall.nearer(None, Some(less)), Rise.nearer(None, None)), (Some(less), None));
    }
}
