//! Candles: what a price did within a span of time.

use serde::{Deserialize, Serialize};
use tradepost_kernel::{AssetId, Price};

/// How long a candle takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    Minute,
}

impl Interval {
    pub const fn length_ms(self) -> i64 {
        match self {
            Self::Minute => 60_000,
        }
    }

    /// When the candle that a moment belongs to began.
    pub const fn start_of(self, at_ms: i64) -> i64 {
        at_ms - at_ms.rem_euclid(self.length_ms())
    }
}

/// What a price did within a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candle {
    /// Unix ms.
    pub start_ms: i64,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
}

impl Candle {
    fn begin(at_ms: i64, price: Price) -> Self {
        let start_ms = Interval::Minute.start_of(at_ms);
        Self { start_ms, open: price, high: price, low: price, close: price }
    }

    /// Takes in a price: answers the candle that is over by then, if one is, and the one that is not. A price that
    /// comes too late for a candle that is over changes nothing.
    pub fn tick(open: Option<Self>, at_ms: i64, price: Price) -> (Option<Self>, Self) {
        let next = Self::begin(at_ms, price);
        match open {
            None => (None, next),
            Some(open) if next.start_ms < open.start_ms => (None, open),
            Some(open) if next.start_ms > open.start_ms => (Some(open), next),
            Some(open) => {
                let (high, low) = (open.high.max(price), open.low.min(price));
                (None, Self { high, low, close: price, ..open })
            }
        }
    }
}

/// The candles of one minute as text: asset, open, high, low and close, a line each.
pub fn write_candles(candles: &[(AssetId, Candle)]) -> String {
    let line = |(asset, candle): &(AssetId, Candle)| {
        format!("{asset} {} {} {} {}", candle.open, candle.high, candle.low, candle.close)
    };
    candles.iter().map(line).collect::<Vec<_>>().join("\n")
}
