//! Following what other processes write: the newest market of a feed that is asked, and what administrators changed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tradepost_kernel::AssetId;
use tradepost_problem::Outage;

use super::{Inventory, stopped};
use crate::domain::Row;
use crate::store::{FeedHead, Heads, Store};

/// How long somebody who trades waits for the first look at the table.
const PATIENCE: Duration = Duration::from_secs(2);

/// When the table was looked at last, and what that is good for: whether an asset may be traded is told only by who
/// knows what administrators changed.
pub struct Following {
    looked: watch::Sender<Option<Instant>>,
    /// How long a look is good for; for ever, if there is no table.
    good_for: Option<Duration>,
}

impl Following {
    pub fn new(has_table: bool, interval: Duration) -> Self {
        let good_for = has_table.then(|| (interval * 10).max(Duration::from_secs(10)));
        Self { looked: watch::Sender::new(None), good_for }
    }

    fn note(&self) {
        self.looked.send_replace(Some(Instant::now()));
    }

    /// Waits until it is known what administrators changed; at most once, shortly after a start.
    pub async fn wait(&self) -> Result<(), Outage> {
        let Some(good_for) = self.good_for else { return Ok(()) };
        let is_good = |looked: &Option<Instant>| looked.is_some_and(|looked| looked.elapsed() < good_for);
        if is_good(&self.looked.borrow()) {
            return Ok(());
        }
        let mut looked = self.looked.subscribe();
        match tokio::time::timeout(PATIENCE, looked.wait_for(is_good)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Outage::storage("catalog", &"what administrators changed could not be read")),
        }
    }
}

impl Inventory {
    pub(super) async fn follow(&self, mut stop: watch::Receiver<bool>) {
        let Some(store) = &self.store else { return };
        let mut pause = self.settings.sync_interval();
        loop {
            // An outage has been logged where it happened.
            pause = match self.sync(store).await {
                Ok(()) => self.settings.sync_interval(),
                Err(_) => (pause * 2).min(self.settings.sync_interval() * 8),
            };
            tokio::select! {
                () = stopped(&mut stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Looks whether other processes wrote anything, and takes it in.
    pub(super) async fn sync(&self, store: &Store) -> Result<(), Outage> {
        let Heads { feed, catalog } = store.heads().await?;
        let revision = catalog.map_or(0, |head| head.revision);
        if revision != self.known().catalog {
            self.take_amendments(store, revision).await?;
        }
        let is_of_feed = |head: &FeedHead| head.feed == self.feed.fingerprint() && head.has_market();
        if let Some(head) = feed.filter(|head| !self.is_computed && is_of_feed(head)) {
            // Until the first one is read nobody is told that what is asked for is not there.
            if !self.take_market(store, &head).await? && self.known().market == 0 {
                return Ok(());
            }
        }
        self.following.note();
        self.tell_age(&self.known());
        Ok(())
    }

    pub(super) async fn take_amendments(&self, store: &Store, revision: u64) -> Result<(), Outage> {
        let amendments = store.amendments().await?;
        let mut known = self.known();
        // Somebody here has looked since then, and seen more.
        if revision < known.catalog {
            return Ok(());
        }
        let shared = |amendment: crate::domain::Amendment| -> (AssetId, Arc<_>) {
            let before = known.amendments.get(&amendment.asset).filter(|before| ***before == amendment);
            (amendment.asset, before.cloned().unwrap_or_else(|| Arc::new(amendment)))
        };
        let amendments = amendments.into_iter().map(shared).collect();
        known.amendments = amendments;
        known.catalog = revision;
        self.renew(&mut known);
        Ok(())
    }

    /// Answers whether the market that a head tells of is known now: not if a newer one was written meanwhile.
    async fn take_market(&self, store: &Store, head: &FeedHead) -> Result<bool, Outage> {
        if head.revision == self.known().market {
            return Ok(true);
        }
        let Some(rows) = store.market(head).await? else { return Ok(false) };
        self.show_market(rows, head);
        Ok(true)
    }

    /// Shows a market, unless a newer one is shown already.
    pub(super) fn show_market(&self, rows: Vec<Row>, head: &FeedHead) {
        let (history, at_ms) = (self.history.load(), head.at.timestamp_millis());
        let complete = |row: Row| Arc::new(history.complete(row, at_ms));
        let said: HashSet<_> = rows.iter().map(|row| row.asset.id).collect();
        let unsaid = self.unpriced.iter().filter(|row| !said.contains(&row.asset.id)).cloned();
        let rows = rows.into_iter().map(complete).chain(unsaid).collect();
        let mut known = self.known();
        if head.revision < known.market {
            return;
        }
        (known.rows, known.market, known.market_at) = (rows, head.revision, Some(head.at));
        known.minute_ms = head.minute_ms;
        self.renew(&mut known);
    }
}
