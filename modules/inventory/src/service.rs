//! The service: keeps the snapshot fresh and answers from it.

mod administration;
mod feeding;
mod following;
mod past;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use chrono::DateTime;
use serde::Serialize;
use tokio::sync::watch;
use tradepost_inventory_api::{Catalog, CatalogError, Listing, QuoteChanges};
use tradepost_kernel::{AssetId, Clock, Timestamp};
use tradepost_platform::dynamo::Dynamo;

use self::following::Following;
use crate::InventoryError;
use crate::domain::{Amendment, Row};
use crate::feed::{self, Feed};
use crate::history::History;
use crate::settings::Settings;
use crate::snapshot::{Material, Snapshot};
use crate::store::Store;
use crate::stream::{Assets, Reader, Streams};

/// A price that an administrator set is true until it is changed; its quote is renewed this often.
const RENEWAL: Duration = Duration::from_secs(10);

/// The catalog of this process. Reads cost no storage call and never wait for a tick.
pub struct Inventory {
    settings: Settings,
    clock: Arc<dyn Clock>,
    feed: Arc<dyn Feed>,
    /// Whether every process knows the prices by itself.
    is_computed: bool,
    store: Option<Store>,
    snapshot: ArcSwap<Snapshot>,
    known: Mutex<Known>,
    /// The assets of the catalog, for as long as a feed that is asked says nothing of them.
    unpriced: Vec<Arc<Row>>,
    history: ArcSwap<History>,
    following: Following,
    /// Whoever changes the catalog here waits for whoever does already.
    changing: tokio::sync::Mutex<()>,
    /// Whether this process is the one that asks the feed.
    feeds: AtomicBool,
    streams: Streams,
    /// What makes the versions of this catalog others than those of another one.
    salt: u64,
}

/// What the next snapshot is made of.
#[derive(Default)]
struct Known {
    rows: Vec<Arc<Row>>,
    /// Which market of a feed that is asked the rows are, and when it was written.
    market: u64,
    market_at: Option<Timestamp>,
    /// The newest minute (Unix ms) whose candles are kept.
    minute_ms: i64,
    amendments: HashMap<AssetId, Arc<Amendment>>,
    /// Which state of the catalog the amendments are.
    catalog: u64,
}

impl Inventory {
    /// Reads the catalog and takes the first snapshot. A feed that is computed has a price for every asset at once;
    /// any other, and what administrators changed, is read from the store by [`Inventory::run_on_table`]. Without a store
    /// nothing is shared with other processes.
    ///
    /// # Errors
    /// A sentence that says which setting, or which asset of the catalog file, breaks which rule.
    pub fn new(
        settings: Settings,
        dynamo: Option<&Dynamo>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, String> {
        let text = settings.catalog_text()?;
        let feed::Opened { feed, unpriced } = feed::open(&settings, &text)?;
        let salt = text
            .bytes()
            .chain(feed.fingerprint().bytes())
            .fold(settings.simulation_seed, |salt, byte| mix(salt ^ u64::from(byte)));
        let store = dynamo.map(Store::new);
        let following = Following::new(store.is_some(), settings.sync_interval());
        let mut known = Known { rows: unpriced.clone(), ..Known::default() };
        let is_computed = feed.computed(clock.now()).is_some();
        let first = take(feed.as_ref(), salt, &mut known, clock.now(), None);
        let (snapshot, known) = (ArcSwap::from_pointee(first), Mutex::new(known));
        let (feeds, history) = (AtomicBool::new(false), ArcSwap::default());
        let streams = Streams::new(settings.streams_per_client);
        Ok(Arc::new(Self {
            settings,
            clock,
            feed,
            is_computed,
            store,
            snapshot,
            known,
            unpriced,
            history,
            following,
            changing: tokio::sync::Mutex::default(),
            feeds,
            streams,
            salt,
        }))
    }

    /// Keeps the snapshot fresh until `stop` becomes true or its sender is gone.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = stopped(&mut stop) => {}
            () = self.tick() => {}
            () = self.streams.beat(self.settings.heartbeat()) => {}
        }
    }

    /// The same, for what takes the table: follows what other processes write, and asks the feed if nobody else
    /// does, until `stop` becomes true or its sender is gone.
    pub async fn run_on_table(self: Arc<Self>, stop: watch::Receiver<bool>) {
        tokio::join!(self.follow(stop.clone()), self.remember(stop.clone()), self.feed(stop));
    }

    async fn tick(&self) {
        let pause = if self.is_computed { self.feed.interval() } else { RENEWAL };
        loop {
            tokio::time::sleep(until_next(self.clock.now(), pause)).await;
            self.refresh();
        }
    }

    /// Takes the snapshot of now.
    pub fn refresh(&self) {
        self.renew(&mut self.known());
    }

    fn renew(&self, known: &mut Known) {
        let previous = self.snapshot.load();
        let next = take(self.feed.as_ref(), self.salt, known, self.clock.now(), Some(&previous));
        if next.version != previous.version {
            let next = Arc::new(next);
            self.snapshot.store(Arc::clone(&next));
            self.streams.publish(&next);
        }
        self.tell_age(known);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_age(&self, known: &Known) {
        if let Some(age_s) = self.age_s(known) {
            metrics::gauge!("tradepost_feed_age_seconds").set(age_s);
        }
    }

    fn age_s(&self, known: &Known) -> Option<u32> {
        let age = self.clock.now().signed_duration_since(known.market_at?).num_seconds();
        Some(u32::try_from(age.max(0)).unwrap_or(u32::MAX))
    }

    /// What the readiness of this process tells of its prices.
    pub fn condition(&self) -> Condition {
        Condition {
            source: self.feed.source(),
            age_s: self.age_s(&self.known()),
            is_feeding: self.feeds.load(Ordering::Relaxed),
        }
    }

    /// Ends every stream of prices, so that a server that stops need not wait for them.
    pub fn end_streams(&self) {
        self.streams.end();
    }

    /// Begins a stream of prices, as [`Streams::open`].
    pub(crate) fn open_stream(
        &self,
        client: u128,
        assets: Option<Assets>,
        since: Option<u64>,
    ) -> Result<Reader, InventoryError> {
        self.streams.open(client, || self.snapshot(), assets, since)
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// How the prices of a process are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Where they come from.
    pub source: &'static str,
    /// The age of the newest market, in seconds; nothing before the first.
    pub age_s: Option<u32>,
    /// Whether this process asks the feed for all of them.
    pub is_feeding: bool,
}

fn take(
    feed: &dyn Feed,
    salt: u64,
    known: &mut Known,
    now: Timestamp,
    previous: Option<&Snapshot>,
) -> Snapshot {
    let at = tick_of(now, feed.interval());
    let mut base = known.market;
    if let Some(rows) = feed.computed(at) {
        known.rows = rows;
        known.market_at = known.rows.iter().filter_map(|row| Some(row.tick?.as_of)).max();
        base = at.timestamp_millis().unsigned_abs();
    }
    let has_custom = known.amendments.values().any(|amendment| amendment.custom.is_some());
    let renewal = if has_custom { tick_of(now, RENEWAL).timestamp_millis().unsigned_abs() } else { 0 };
    let version = [base, known.catalog, renewal].into_iter().fold(salt, |version, part| mix(version ^ part));
    let material = Material {
        version: version.max(1),
        source: feed.source(),
        rows: &known.rows,
        amendments: &known.amendments,
    };
    Snapshot::take(&material, previous)
}

#[async_trait]
impl Catalog for Inventory {
    async fn listing(&self, asset: AssetId) -> Result<Option<Listing>, CatalogError> {
        self.following.wait().await?;
        Ok(self.snapshot.load().listing(asset, self.clock.now()))
    }

    async fn listings(&self, assets: Vec<AssetId>) -> Result<Vec<Listing>, CatalogError> {
        self.following.wait().await?;
        let (snapshot, now) = (self.snapshot(), self.clock.now());
        Ok(assets.into_iter().filter_map(|asset| snapshot.listing(asset, now)).collect())
    }

    async fn quotes_since(&self, version: u64) -> Result<QuoteChanges, CatalogError> {
        self.following.wait().await?;
        Ok(self.snapshot.load().quotes_since(version, self.clock.now()))
    }
}

/// Waits until `stop` becomes true or its sender is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// When the tick that `now` is in began: replicas that look at different moments of it show the same prices.
fn tick_of(now: Timestamp, tick: Duration) -> Timestamp {
    let tick_ms = i64::try_from(tick.as_millis()).unwrap_or(i64::MAX).max(1);
    let now_ms = now.timestamp_millis();
    DateTime::from_timestamp_millis(now_ms - now_ms.rem_euclid(tick_ms)).unwrap_or(now)
}

fn until_next(now: Timestamp, tick: Duration) -> Duration {
    let passed = now.signed_duration_since(tick_of(now, tick)).to_std().unwrap_or_default();
    tick.saturating_sub(passed)
}

/// The SplitMix64 step (Steele, Lea and Flood, 2014): every bit of the input changes half of the output's.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
