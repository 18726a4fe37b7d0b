//! Candles: open, high, low and close of the prices of one stretch of time, built from ticks by the minute
//! and joined to coarser ones.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tradepost_kernel::Price;

const MINUTE_MS: i64 = 60_000;

/// How long a candle lasts. Buckets are whole multiples of it since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interval {
    Minute,
    FiveMinutes,
    Hour,
    Day,
}

/// The text is none of the intervals there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of 1m, 5m, 1h and 1d")]
pub struct UnknownInterval;

impl Interval {
    pub const ALL: [Self; 4] = [Self::Minute, Self::FiveMinutes, Self::Hour, Self::Day];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    pub const fn length_ms(self) -> i64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::FiveMinutes => 5 * MINUTE_MS,
            Self::Hour => 60 * MINUTE_MS,
            Self::Day => 24 * 60 * MINUTE_MS,
        }
    }

    /// The start of the bucket that a moment (Unix milliseconds) lies in, before 1970 too.
    pub const fn start_of(self, at_ms: i64) -> i64 {
        at_ms.saturating_sub(at_ms.rem_euclid(self.length_ms()))
    }
}

impl FromStr for Interval {
    type Err = UnknownInterval;
    fn from_str(text: &str) -> Result<Self, UnknownInterval> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == text).ok_or(UnknownInterval)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The prices of one bucket. The low is at most, and the high at least, every price in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candle {
    /// Where the bucket begins, in Unix milliseconds.
    pub start_ms: i64,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
}

impl Candle {
    /// The candle of the minute that a moment lies in, with one tick.
    pub const fn begin(at_ms: i64, price: Price) -> Self {
        let start_ms = Interval::Minute.start_of(at_ms);
        Self { start_ms, open: price, high: price, low: price, close: price }
    }
}

/// Takes a tick into the open minute. Answers the candle it closed, if it is of a later minute, and the one
/// that is open now. A tick of an earlier minute comes too late to change anything, and a minute without a
/// tick has no candle.
pub fn tick(open: Option<Candle>, at_ms: i64, price: Price) -> (Option<Candle>, Candle) {
    let new = Candle::begin(at_ms, price);
    match open {
        Some(open) if new.start_ms > open.start_ms => (Some(open), new),
        Some(mut open) => {
            if new.start_ms == open.start_ms {
                merge(&mut open, new);
            }
            (None, open)
        }
        None => (None, new),
    }
}

/// Takes the candle that follows in the same bucket into the one before it.
pub fn merge(into: &mut Candle, next: Candle) {
    into.high = into.high.max(next.high);
    into.low = into.low.min(next.low);
    into.close = next.close;
}

/// Joins candles, oldest first, to those of a coarser interval. Buckets without a candle are left out.
#[cfg(test)]
pub fn derive(candles: impl IntoIterator<Item = Candle>, interval: Interval) -> Vec<Candle> {
    let mut joined: Vec<Candle> = Vec::new();
    for candle in candles {
        let start_ms = interval.start_of(candle.start_ms);
        match joined.last_mut() {
            Some(last) if last.start_ms == start_ms => merge(last, candle),
            _ => joined.push(Candle { start_ms, ..candle }),
        }
    }
    joined
}

#[cfg(test)]
#[path = "candle_tests.rs"]
mod tests;
