//! The feed `file` through the whole module: a recording that is replayed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use tempfile::NamedTempFile;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tradepost_engine::Engine;
use tradepost_inventory::{FileSettings, Inventory, Settings, Source, TABLE};
use tradepost_inventory_api::{Catalog, Quote};
use tradepost_kernel::{Clock, Timestamp};
use tradepost_platform::dynamo::Dynamo;

const MINUTES: &str = r#"{"at":"2026-01-01T00:00:00Z","prices":{"BTC":"64000.1","NEW":7}}
{"at":"2026-01-01T00:01:00Z","prices":{"BTC":64001}}
{"at":"2026-01-01T00:02:00Z","prices":{"BTC":64002,"NEW":8}}
"#;

struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A table and a clock, for one process after the other.
struct World {
    dynamo: Dynamo,
    clock: Arc<SetClock>,
    file: NamedTempFile,
}

struct Process {
    inventory: Arc<Inventory>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl World {
    async fn new() -> Self {
        let dynamo = Dynamo::in_process(Engine::in_memory().unwrap().http_client(), "t_");
        TABLE.create(&dynamo).await.unwrap();
        let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(MINUTES.as_bytes()).unwrap();
        Self { dynamo, clock: Arc::new(SetClock(AtomicI64::new(start.timestamp_millis()))), file }
    }

    fn start(&self, speed: &str) -> Process {
        let path = self.file.path().to_str().unwrap().to_owned();
        let file = FileSettings { path, speed: speed.to_owned(), interval_ms: 100 };
        let settings = Settings { feed: Source::File, sync_interval_ms: 50, file, ..Settings::demo() };
        assert_eq!(settings.check(false), Ok(()));
        let inventory = Inventory::new(settings, Some(&self.dynamo), self.clock.clone()).unwrap();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&inventory).run_on_table(stopped));
        Process { inventory, stop, tasks }
    }

    fn passes(&self, time: TimeDelta) {
        self.clock.0.fetch_add(time.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Process {
    async fn quote(&self, asset: &str) -> Option<Quote> {
        self.inventory.listing(asset.parse().unwrap()).await.unwrap()?.quote
    }

    /// Waits until an asset has a price that is true at a moment.
    async fn until(&self, asset: &str, price: &str, at: Timestamp) {
        let is_reached = |quote: &Quote| quote.price.to_string() == price && quote.as_of == at;
        let reached = async {
            while !self.quote(asset).await.as_ref().is_some_and(is_reached) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let known = tokio::time::timeout(Duration::from_secs(60), reached).await;
        assert!(known.is_ok(), "{:?} is not {price} of {at}", self.quote(asset).await);
    }

    /// Ends in good order, so that the next process goes on at once.
    async fn end(self) {
        self.stop.send(true).unwrap();
        self.tasks.join_all().await;
    }
}

#[tokio::test]
async fn a_recording_is_replayed_at_its_speed_and_starts_over() {
    let world = World::new().await;
    let process = world.start("60");
    for price in ["64000.1", "64001", "64002", "64000.1", "64001"] {
        process.until("BTC", price, world.clock.now()).await;
        let quote = process.quote("BTC").await.unwrap();
        assert_eq!(quote.source, "file");
        world.passes(TimeDelta::seconds(1));
    }
    process.until("NEW", "8", world.clock.now()).await;
    process.end().await;
}

#[tokio::test]
async fn another_process_goes_on_where_the_last_one_was() {
    let world = World::new().await;
    let first = world.start("1");
    first.until("BTC", "64000.1", world.clock.now()).await;
    world.passes(TimeDelta::seconds(70));
    first.until("BTC", "64001", world.clock.now()).await;
    first.end().await;
    world.passes(TimeDelta::seconds(55));
    let second = world.start("1");
    second.until("BTC", "64002", world.clock.now()).await;
    second.until("NEW", "8", world.clock.now()).await;
    second.end().await;
    // At another speed it is another replay, which begins at the beginning.
    let third = world.start("2");
    third.until("BTC", "64000.1", world.clock.now()).await;
    third.end().await;
}

#[test]
fn a_start_with_a_broken_recording_names_the_line() {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(format!("{MINUTES}{MINUTES}").as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let settings = Settings {
        feed: Source::File,
        file: FileSettings { path: path.clone(), ..FileSettings::none() },
        ..Settings::demo()
    };
    let clock = Arc::new(SetClock(AtomicI64::new(0)));
    let error = Inventory::new(settings, None, clock).err().unwrap();
    assert_eq!(
        error,
        format!("inventory.file.path: {path}: line 4: at must be later than in the line before")
    );
}
