//! The service: keeps the snapshot fresh and answers from it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use chrono::DateTime;
use tokio::sync::watch;
use tradepost_inventory_api::{Catalog, CatalogError, Listing, QuoteChanges};
use tradepost_kernel::{AssetId, Clock, Timestamp};

use crate::domain::read_catalog;
use crate::settings::{Feed, Settings};
use crate::snapshot::{Board, Snapshot};

/// The catalog of this process. Reads cost no storage call and never wait for a tick.
pub struct Inventory {
    board: Board,
    snapshot: ArcSwap<Snapshot>,
    clock: Arc<dyn Clock>,
    tick: Duration,
}

impl Inventory {
    /// Reads the catalog and takes the first snapshot, so that every asset has its price at once.
    ///
    /// # Errors
    /// A sentence that says which setting, or which asset of the catalog file, breaks which rule.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Arc<Self>, String> {
        let assets =
            read_catalog(&settings.catalog_text()?).map_err(|error| match settings.catalog.as_str() {
                "" => format!("inventory.catalog: {error}"),
                file => format!("inventory.catalog: {file}: {error}"),
            })?;
        let board = match settings.feed {
            Feed::Simulated => Board::new(settings.simulation_seed, assets),
        };
        let tick = settings.tick();
        let first = Snapshot::take(&board, tick_of(clock.now(), tick), None);
        Ok(Arc::new(Self { board, snapshot: ArcSwap::from_pointee(first), clock, tick }))
    }

    /// Renews the prices when each tick begins, until `stop` becomes true or its sender is gone.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(self.until_next_tick()) => self.refresh(),
            }
        }
    }

    fn until_next_tick(&self) -> Duration {
        let now = self.clock.now();
        let passed = now.signed_duration_since(tick_of(now, self.tick)).to_std().unwrap_or_default();
        self.tick.saturating_sub(passed)
    }

    /// Takes the snapshot of the present tick.
    pub fn refresh(&self) {
        let at = tick_of(self.clock.now(), self.tick);
        let next = Snapshot::take(&self.board, at, Some(&self.snapshot.load()));
        self.snapshot.store(Arc::new(next));
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }
}

#[async_trait]
impl Catalog for Inventory {
    async fn listing(&self, asset: AssetId) -> Result<Option<Listing>, CatalogError> {
        Ok(self.snapshot.load().listing(asset))
    }

    async fn listings(&self, assets: Vec<AssetId>) -> Result<Vec<Listing>, CatalogError> {
        let snapshot = self.snapshot();
        Ok(assets.into_iter().filter_map(|asset| snapshot.listing(asset)).collect())
    }

    async fn quotes_since(&self, version: u64) -> Result<QuoteChanges, CatalogError> {
        Ok(self.snapshot.load().quotes_since(version))
    }
}

/// When the tick that `now` is in began: replicas that look at different moments of it show the same prices.
fn tick_of(now: Timestamp, tick: Duration) -> Timestamp {
    let tick_ms = i64::try_from(tick.as_millis()).unwrap_or(i64::MAX);
    let now_ms = now.timestamp_millis();
    DateTime::from_timestamp_millis(now_ms - now_ms.rem_euclid(tick_ms)).unwrap_or(now)
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
