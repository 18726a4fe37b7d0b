//! What prices were: computed by the feed, or remembered from the candles that were kept.

use std::ops::Range;
use std::sync::Arc;

use chrono::TimeDelta;
use tokio::sync::watch;
use tradepost_kernel::AssetId;

use super::{Inventory, stopped};
use crate::InventoryError;
use crate::domain::{Candle, Interval};
use crate::history::{History, MOST_CANDLES};

impl Inventory {
    /// The candles of an asset that begin within a span (Unix ms), the oldest first; of more than an answer may have
    /// the newest. None begins in the future.
    ///
    /// # Errors
    /// [`InventoryError::AssetNotFound`].
    pub async fn candles(
        self: Arc<Self>,
        asset: AssetId,
        interval: Interval,
        range: Range<i64>,
    ) -> Result<Vec<Candle>, InventoryError> {
        let entry = self.snapshot().get(asset).cloned().ok_or(InventoryError::AssetNotFound(asset))?;
        let range = bounded(interval, range, self.clock.now().timestamp_millis());
        if !self.is_computed {
            return Ok(self.history.load().candles(asset, interval, &range, entry.minute()));
        }
        let feed = Arc::clone(&self.feed);
        // A thousand days take some twenty milliseconds.
        let work = tokio::task::spawn_blocking(move || feed.candles(asset, interval, range));
        Ok(work.await.ok().flatten().unwrap_or_default())
    }

    /// Reads the candles that are kept, and from then on those of each minute that is over.
    pub(super) async fn remember(&self, mut stop: watch::Receiver<bool>) {
        let Some(store) = self.store.as_ref().filter(|_| !self.is_computed) else { return };
        let days = self.settings.history_days;
        let oldest = self.clock.now() - TimeDelta::days(days.into());
        let mut next_ms = Interval::Minute.start_of(oldest.timestamp_millis());
        loop {
            let newest_ms = self.known().minute_ms;
            let read = if next_ms <= newest_ms { store.minutes(next_ms, newest_ms).await.ok() } else { None };
            if let Some((candles, more)) = read {
                let mut history = History::clone(&self.history.load());
                history.extend(candles, usize::try_from(days).unwrap_or(usize::MAX));
                self.history.store(Arc::new(history));
                next_ms = more.unwrap_or(newest_ms + Interval::Minute.length_ms());
                if more.is_some() {
                    continue;
                }
            }
            tokio::select! {
                () = stopped(&mut stop) => return,
                () = tokio::time::sleep(self.settings.sync_interval()) => {}
            }
        }
    }
}

/// The first year that RFC 3339 can name.
const YEAR_ONE_MS: i64 = -62_135_596_800_000;

/// The span in whole candles, up to the present, and not longer than an answer may be. A candle that began before the
/// span is not in it, and one that ends after it is, whole.
fn bounded(interval: Interval, range: Range<i64>, now_ms: i64) -> Range<i64> {
    let length = interval.length_ms();
    let upto = interval.start_of(range.end.saturating_sub(1)).saturating_add(length);
    let end = upto.min(now_ms.saturating_add(1));
    let most = length.saturating_mul(i64::try_from(MOST_CANDLES).unwrap_or(i64::MAX));
    // The newest candle that begins before the end, and as many before it as there may be.
    let first = interval.start_of(end.saturating_sub(1)).saturating_add(length).saturating_sub(most);
    let start = range.start.max(first).max(YEAR_ONE_MS);
    let aligned = interval.start_of(start);
    let start = if aligned < start { aligned.saturating_add(length) } else { aligned };
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::{Interval, bounded};

    #[test]
    fn a_span_is_whole_candles_of_the_past_and_not_too_many() {
        let minute = 60_000;
        for (range, now, expected) in [
            (0..10 * minute, 1_000 * minute, 0..10 * minute),
            (1..10 * minute + 1, 1_000 * minute, minute..11 * minute),
            (0..i64::MAX, 5 * minute, 0..5 * minute + 1),
            (0..1_000 * minute, 9_999 * minute, 0..1_000 * minute),
            (0..1_000 * minute + 1, 9_999 * minute, minute..1_001 * minute),
            (i64::MIN..i64::MAX, 2_000 * minute, 1_001 * minute..2_000 * minute + 1),
            (7 * minute..3 * minute, 9 * minute, 7 * minute..7 * minute),
        ] {
            assert_eq!(bounded(Interval::Minute, range.clone(), now), expected, "{range:?}");
        }
    }
}
