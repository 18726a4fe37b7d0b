//! What becomes of the market when a feed was asked: what it said, unless that is not to be believed yet, over what
//! it said before; and the candles of the minute that is over.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;
use tradepost_kernel::{AssetId, Decimal, Price, Timestamp};

use super::{Candle, Interval, Row, tick};

/// Holds back prices that are too far from the one before, until the feed has said them often enough.
#[derive(Debug)]
pub struct Guard {
    /// In percent of the price before; 0 believes every price.
    max_jump: Decimal,
    /// How often in a row a price must be said that is this far away.
    confirmations: u32,
    doubts: HashMap<AssetId, Doubt>,
}

#[derive(Debug)]
struct Doubt {
    price: Price,
    times: u32,
}

/// The market after a feed was asked.
pub struct Intake {
    pub rows: Vec<Arc<Row>>,
    /// The candles of the last minute that had any, if that is over.
    pub closed: Vec<(AssetId, Candle)>,
    /// The assets whose prices were held back.
    pub quarantined: Vec<AssetId>,
}

impl Guard {
    pub fn new(max_jump_percent: u32, confirmations: u32) -> Self {
        Self { max_jump: max_jump_percent.into(), confirmations, doubts: HashMap::new() }
    }

    /// Whether a price is to be believed after the one before.
    pub fn admits(&mut self, asset: AssetId, before: Price, price: Price) -> bool {
        if !self.is_far(before, price) {
            self.doubts.remove(&asset);
            return true;
        }
        let known = self.doubts.remove(&asset).filter(|doubt| !self.is_far(doubt.price, price));
        let times = known.map_or(1, |doubt| doubt.times + 1);
        if times >= self.confirmations {
            return true;
        }
        self.doubts.insert(asset, Doubt { price, times });
        false
    }

    fn is_far(&self, before: Price, price: Price) -> bool {
        let moved = (price.get() - before.get()).abs();
        !self.max_jump.is_zero() && moved * Decimal::ONE_HUNDRED > before.get() * self.max_jump
    }
}

/// Takes in what a feed said at a moment. What it was silent about stays as it was, for as long as `keep`.
pub fn take_in(
    known: &[Arc<Row>],
    said: Vec<Row>,
    now: Timestamp,
    keep: TimeDelta,
    guard: &mut Guard,
) -> Intake {
    let (at_ms, mut closed, mut quarantined) = (now.timestamp_millis(), Vec::new(), Vec::new());
    let mut said: HashMap<_, _> = said.into_iter().map(|row| (row.asset.id, row)).collect();
    let mut rows = Vec::with_capacity(known.len().max(said.len()));
    for before in known {
        let id = before.asset.id;
        let admitted = said.remove(&id).filter(|row| {
            let is_believed = believed(guard, before, row);
            quarantined.extend((!is_believed).then_some(id));
            is_believed
        });
        let is_kept = |tick: super::Tick| now.signed_duration_since(tick.as_of) <= keep;
        if admitted.is_none() && !before.tick.is_some_and(is_kept) {
            continue;
        }
        let (over, row) = next(before, admitted, at_ms);
        closed.extend(over.map(|candle| (id, candle)));
        rows.push(row);
    }
    rows.extend(said.into_values().map(|row| Arc::new(begun(row, None, at_ms).1)));
    rows.sort_by_cached_key(|row| row.asset.place());
    Intake { rows, closed, quarantined }
}

fn believed(guard: &mut Guard, before: &Row, row: &Row) -> bool {
    match (before.tick, row.tick) {
        (Some(before), Some(now)) => guard.admits(row.asset.id, before.price, now.price),
        _ => true,
    }
}

/// The row after this moment, and the candle that is over by then.
fn next(before: &Arc<Row>, said: Option<Row>, at_ms: i64) -> (Option<Candle>, Arc<Row>) {
    match said {
        Some(row) => {
            let (over, row) = begun(row, before.minute, at_ms);
            (over, Arc::new(row))
        }
        None if before.minute.is_some_and(|minute| minute.start_ms < Interval::Minute.start_of(at_ms)) => {
            (before.minute, Arc::new(Row { minute: None, ..Row::clone(before) }))
        }
        None => (None, Arc::clone(before)),
    }
}

fn begun(row: Row, minute: Option<Candle>, at_ms: i64) -> (Option<Candle>, Row) {
    let Some(newest) = row.tick else { return (minute, row) };
    let (over, minute) = tick(minute, at_ms, newest.price);
    (over, Row { minute: Some(minute), ..row })
}
