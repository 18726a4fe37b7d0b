use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::DateTime;
use tokio::sync::watch;
use tradepost_inventory_api::Catalog;
use tradepost_kernel::{AssetId, Clock, Price, Timestamp};

use super::Inventory;
use crate::settings::Settings;

/// A Sunday noon.
const NOON_MS: i64 = 1_772_366_400_000;

struct SetClock(AtomicI64);

impl SetClock {
    fn at(at_ms: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(at_ms)))
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

fn settings(tick_ms: u64) -> Settings {
    Settings { tick_ms, ..Settings::demo() }
}

fn id(text: &str) -> AssetId {
    text.parse().unwrap()
}

async fn price_and_time(inventory: &Inventory, asset: &str) -> (Price, Timestamp) {
    let quote = inventory.listing(id(asset)).await.unwrap().unwrap().quote.unwrap();
    (quote.price, quote.as_of)
}

#[tokio::test]
async fn a_listing_says_what_a_trader_needs_to_know() {
    let clock = SetClock::at(NOON_MS);
    let inventory = Inventory::new(settings(1_000), None, clock.clone()).unwrap();
    let btc = inventory.listing(id("btc")).await.unwrap().unwrap();
    assert!(btc.tradable && btc.name == "Bitcoin" && btc.asset == id("BTC"));
    let quote = btc.quote.unwrap();
    assert_eq!((quote.as_of, quote.source.as_str()), (clock.now(), "simulated"));

    let retired = inventory.listing(id("LUNC")).await.unwrap().unwrap();
    assert!(!retired.tradable && retired.quote.is_some());
    assert_eq!(inventory.listing(AssetId::USD).await.unwrap(), None);
    assert_eq!(inventory.listing(id("NOPE")).await.unwrap(), None);
}

#[tokio::test]
async fn several_listings_leave_out_what_is_unknown() {
    let inventory = Inventory::new(settings(1_000), None, SetClock::at(NOON_MS)).unwrap();
    let listings = inventory.listings(vec![id("SOL"), id("NOPE"), id("BTC")]).await.unwrap();
    assert_eq!(listings.iter().map(|listing| listing.asset).collect::<Vec<_>>(), [id("SOL"), id("BTC")]);
}

#[tokio::test]
async fn a_refresh_moves_the_price_and_replicas_within_a_tick_agree() {
    let clock = SetClock::at(NOON_MS);
    let inventory = Inventory::new(settings(1_000), None, clock.clone()).unwrap();
    let (first, _) = price_and_time(&inventory, "BTC").await;
    clock.0.store(NOON_MS + 60_250, Ordering::SeqCst);
    inventory.refresh();
    let (second, as_of) = price_and_time(&inventory, "BTC").await;
    assert_ne!(first, second);
    assert_eq!(as_of.timestamp_millis(), NOON_MS + 60_000);

    let replica = Inventory::new(settings(1_000), None, SetClock::at(NOON_MS + 60_999)).unwrap();
    assert_eq!(price_and_time(&replica, "BTC").await, (second, as_of));
}

#[tokio::test]
async fn what_is_taken_over_from_the_last_snapshot_is_what_would_be_computed() {
    let clock = SetClock::at(NOON_MS - 1_000);
    let running = Inventory::new(settings(1_000), None, clock.clone()).unwrap();
    for second in [0, 1, 899, 900, 100_000, -100_000] {
        clock.0.store(NOON_MS + second * 1_000, Ordering::SeqCst);
        running.refresh();
        let fresh = Inventory::new(settings(1_000), None, clock.clone()).unwrap();
        for (kept, made) in running.snapshot().entries.iter().zip(&fresh.snapshot().entries) {
            assert_eq!(format!("{:?}", kept.figures), format!("{:?}", made.figures));
            let figures = &kept.figures;
            assert!(figures.low_24h <= kept.price() && kept.price() <= figures.high_24h);
        }
    }
}

#[tokio::test]
async fn moments_before_the_epoch_and_far_ahead_have_prices() {
    for at_ms in [-62_135_596_800_000, -1, 0, 253_402_300_799_999, 8_000_000_000_000_000] {
        assert!(Inventory::new(settings(1_000), None, SetClock::at(at_ms)).is_ok(), "{at_ms}");
    }
}

#[tokio::test]
async fn quotes_are_told_once_a_tick_and_all_of_them_to_whoever_knows_none() {
    let clock = SetClock::at(NOON_MS);
    let inventory = Inventory::new(settings(1_000), None, clock.clone()).unwrap();
    let all = inventory.quotes_since(0).await.unwrap();
    assert!(all.version > 0 && all.quotes.len() >= 100);
    let btc = all.quotes.iter().find(|change| change.asset == id("BTC")).unwrap();
    let listing = inventory.listing(id("BTC")).await.unwrap().unwrap();
    assert_eq!((btc.tradable, &btc.quote), (listing.tradable, &listing.quote));
    assert!(all.quotes.iter().any(|change| change.asset == id("LUNC") && !change.tradable));
    for (version, count) in
        [(all.version, 0), (all.version - 1, all.quotes.len()), (all.version + 1, all.quotes.len())]
    {
        let changes = inventory.quotes_since(version).await.unwrap();
        assert_eq!((changes.version, changes.quotes.len()), (all.version, count), "{version}");
    }
    clock.0.store(NOON_MS + 999, Ordering::SeqCst);
    inventory.refresh();
    assert!(inventory.quotes_since(all.version).await.unwrap().quotes.is_empty(), "the same tick");
    clock.0.store(NOON_MS + 1_000, Ordering::SeqCst);
    inventory.refresh();
    let next = inventory.quotes_since(all.version).await.unwrap();
    assert!(next.version != all.version && next.quotes.len() == all.quotes.len());
}

#[tokio::test]
async fn the_task_renews_prices_until_it_is_told_to_stop() {
    let clock = SetClock::at(NOON_MS);
    let inventory = Inventory::new(settings(100), None, clock.clone()).unwrap();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(inventory.clone().run(stopped));
    clock.0.store(NOON_MS + 5_000, Ordering::SeqCst);
    let renewed = async {
        while price_and_time(&inventory, "BTC").await.1 != clock.now() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), renewed).await.unwrap();
    stop.send(true).unwrap();
    task.await.unwrap();
}

#[tokio::test]
async fn the_task_ends_with_the_sender_of_its_stop() {
    let inventory = Inventory::new(settings(100), None, SetClock::at(NOON_MS)).unwrap();
    let (stop, stopped) = watch::channel(false);
    drop(stop);
    inventory.run(stopped).await;
}

#[test]
fn a_start_that_fails_says_which_asset() {
    let refusal = |settings| Inventory::new(settings, None, SetClock::at(NOON_MS)).err().unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(br#"{"assets":[{"asset_id":"ABC"}]}"#).unwrap();
    let catalog = file.path().to_str().unwrap().to_owned();
    let said = format!("inventory.catalog: {catalog}: asset ABC: missing field");
    let error = refusal(Settings { catalog, ..settings(1_000) });
    assert!(error.starts_with(&said), "{error}");
}
