//! The past prices of a feed whose past cannot be computed: the candles that were kept, in memory, so that no read
//! asks the store. Minutes and five minutes go back for as many as an answer may have, hours and days for as long as
//! candles are kept. It is replaced whole once a minute; what did not change is shared.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tradepost_kernel::{AssetId, Decimal, Price};

use crate::domain::{Candle, Figures, Interval, Row, merge, percentage};

/// The most candles an answer has.
pub const MOST_CANDLES: usize = 1_000;
/// Candles are kept in pieces of so many, of which only the last is ever copied.
const PIECE: usize = 100;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The candles of all assets.
#[derive(Clone, Default)]
pub struct History(HashMap<AssetId, Arc<Series>>);

/// The candles of one asset.
#[derive(Clone)]
struct Series([(Interval, Track); 4]);

/// The candles of one length, the oldest first.
#[derive(Clone, Default)]
struct Track(Vec<Arc<Vec<Candle>>>);

impl History {
    /// Takes in candles of minutes that are over, the oldest first.
    pub fn extend(&mut self, candles: impl IntoIterator<Item = (AssetId, Candle)>, days: usize) {
        for (asset, candle) in candles {
            let series = self.0.entry(asset).or_insert_with(|| Arc::new(Series::new()));
            Arc::make_mut(series).push(candle, days);
        }
    }

    /// The newest candles of a span (Unix ms), with what the minute that is not over has so far.
    pub fn candles(
        &self,
        asset: AssetId,
        interval: Interval,
        range: &Range<i64>,
        minute: Option<Candle>,
    ) -> Vec<Candle> {
        let mut found = match self.0.get(&asset) {
            Some(series) => series.track(interval).within(range),
            None => Vec::new(),
        };
        if let Some(minute) = minute {
            let start_ms = interval.start_of(minute.start_ms);
            match found.last_mut().filter(|last| last.start_ms == start_ms) {
                Some(last) => merge(last, minute),
                None if range.contains(&start_ms) => found.push(Candle { start_ms, ..minute }),
                None => {}
            }
        }
        found.split_off(found.len().saturating_sub(MOST_CANDLES))
    }

    /// The same asset with the figures that its feed did not say, as far as its past is known: to the hour.
    pub fn complete(&self, row: Row, now_ms: i64) -> Row {
        let (Some(series), Some(tick)) = (self.0.get(&row.asset.id), row.tick) else { return row };
        let hours = series.track(Interval::Hour);
        let since = |past_ms: i64| hours.price_at(now_ms - past_ms).map(Price::get);
        let change = |past_ms: i64| since(past_ms).map(|before| (tick.price.get() - before, before));
        let percent = |known: Option<Decimal>, past_ms: i64| {
            known.or_else(|| change(past_ms).and_then(|(change, before)| percentage(change, before)))
        };
        let day: Vec<_> = hours.within(&(Interval::Hour.start_of(now_ms - DAY_MS)..i64::MAX));
        let figures = &row.figures;
        let figures = Figures {
            price_change_24h: figures.price_change_24h.or_else(|| change(DAY_MS).map(|(change, _)| change)),
            price_change_percentage_24h: percent(figures.price_change_percentage_24h, DAY_MS),
            price_change_percentage_7d: percent(figures.price_change_percentage_7d, 7 * DAY_MS),
            price_change_percentage_30d: percent(figures.price_change_percentage_30d, 30 * DAY_MS),
            high_24h: figures.high_24h.or_else(|| day.iter().map(|hour| hour.high).max()),
            low_24h: figures.low_24h.or_else(|| day.iter().map(|hour| hour.low).min()),
            ..figures.clone()
        };
        let week = hours.within(&(Interval::Hour.start_of(now_ms - 7 * DAY_MS)..i64::MAX));
        let sparkline = week.iter().map(|hour| hour.close).collect();
        Row { figures, sparkline: Some(sparkline), ..row }
    }
}

impl Series {
    fn new() -> Self {
        Self(Interval::ALL.map(|interval| (interval, Track::default())))
    }

    fn push(&mut self, minute: Candle, days: usize) {
        // What was read twice, or comes too late, changes nothing.
        if self.track(Interval::Minute).newest().is_some_and(|newest| newest.start_ms >= minute.start_ms) {
            return;
        }
        for (interval, track) in &mut self.0 {
            let kept = match interval {
                Interval::Minute | Interval::FiveMinutes => MOST_CANDLES,
                Interval::Hour => days * 24 + 1,
                Interval::Day => days + 1,
            };
            track.push(Candle { start_ms: interval.start_of(minute.start_ms), ..minute }, kept);
        }
    }

    fn track(&self, interval: Interval) -> &Track {
        let [(_, first), rest @ ..] = &self.0;
        rest.iter().find(|(own, _)| *own == interval).map_or(first, |(_, track)| track)
    }
}

impl Track {
    fn push(&mut self, candle: Candle, kept: usize) {
        match self.0.last_mut() {
            Some(piece) if piece.last().is_some_and(|last| last.start_ms == candle.start_ms) => {
                if let Some(last) = Arc::make_mut(piece).last_mut() {
                    merge(last, candle);
                }
                return;
            }
            Some(piece) if piece.len() < PIECE => Arc::make_mut(piece).push(candle),
            _ => self.0.push(Arc::new(vec![candle])),
        }
        if self.0.iter().skip(1).map(|piece| piece.len()).sum::<usize>() >= kept {
            self.0.remove(0);
        }
    }

    fn newest(&self) -> Option<&Candle> {
        self.0.last()?.last()
    }

    fn within(&self, range: &Range<i64>) -> Vec<Candle> {
        let reaches =
            |piece: &&Arc<Vec<Candle>>| piece.last().is_some_and(|last| last.start_ms >= range.start);
        let pieces = self.0.iter().filter(reaches).flat_map(|piece| piece.iter());
        pieces.filter(|candle| range.contains(&candle.start_ms)).copied().collect()
    }

    /// What it cost when the candle began in which a moment is.
    fn price_at(&self, at_ms: i64) -> Option<Price> {
        let mut candles = self.0.iter().flat_map(|piece| piece.iter());
        candles
            .find(|candle| candle.start_ms > at_ms - HOUR_MS)
            .filter(|candle| candle.start_ms <= at_ms)
            .map(|candle| candle.open)
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
