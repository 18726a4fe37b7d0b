use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use actix_web::web::Bytes;
use chrono::DateTime;
use futures_util::StreamExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use tradepost_kernel::{AssetId, Price, Timestamp};

use super::{CAPACITY, Reader, Streams};
use crate::InventoryError;
use crate::domain::{Asset, Figures, Row, Tick};
use crate::snapshot::{Material, Snapshot};

/// A market of two assets, of which B never changes its price.
struct Market {
    streams: Streams,
    snapshot: Mutex<Arc<Snapshot>>,
}

fn at(minute: u32) -> Timestamp {
    DateTime::from_timestamp(i64::from(minute) * 60, 0).unwrap()
}

pub fn row(id: &str, price: &str) -> Arc<Row> {
    let asset = Asset {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        description: None,
        category: "currency".to_owned(),
        image: None,
        rank: None,
        is_active: true,
        circulating_supply: None,
        total_supply: None,
        max_supply: None,
    };
    let tick = Tick { price: Price::parse(price).unwrap(), as_of: at(0) };
    Arc::new(Row {
        asset: Arc::new(asset),
        tick: Some(tick),
        figures: Figures::default(),
        minute: None,
        sparkline: None,
    })
}

fn take(minute: u32, previous: Option<&Snapshot>) -> Arc<Snapshot> {
    let rows = [row("A", &minute.to_string()), row("B", "1")];
    let amendments = HashMap::new();
    let version = u64::from(minute);
    let material = Material { version, source: "file", rows: &rows, amendments: &amendments };
    Arc::new(Snapshot::take(&material, previous))
}

impl Market {
    fn open() -> Self {
        Self { streams: Streams::new(100), snapshot: Mutex::new(take(1, None)) }
    }

    /// Lets A cost so much.
    fn pass(&self, minute: u32) {
        let mut snapshot = self.snapshot.lock().unwrap();
        *snapshot = take(minute, Some(&snapshot));
        self.streams.publish(&snapshot);
    }

    fn read(&self, assets: &[&str], since: Option<u64>) -> Result<Reader, InventoryError> {
        let assets: Vec<AssetId> = assets.iter().map(|asset| asset.parse().unwrap()).collect();
        let snapshot = || Arc::clone(&self.snapshot.lock().unwrap());
        self.streams.open(1, snapshot, Some(assets.into()), since)
    }
}

/// What a stream says until it ends.
async fn all(reader: Reader) -> String {
    let pieces: Vec<Result<Bytes, Infallible>> = reader.into_stream().collect().await;
    pieces.into_iter().map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap()).collect()
}

fn ids(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
}

#[tokio::test]
async fn a_reader_hears_of_every_change_of_what_it_asked_for_until_the_end() {
    let market = Market::open();
    let (a, b) = (market.read(&["A"], None).unwrap(), market.read(&["B"], None).unwrap());
    for minute in 2..5 {
        market.pass(minute);
    }
    market.streams.end();
    let said = all(a).await;
    assert!(said.starts_with("retry: 2000\n\nid: 1\nevent: price\n") && said.ends_with("\n\n: bye\n\n"));
    assert_eq!(ids(&said), ["1", "2", "3", "4"]);
    assert_eq!(ids(&all(b).await), ["1"]);
}

#[tokio::test]
async fn a_stream_that_begins_after_the_end_says_what_the_prices_are_and_ends() {
    let market = Market::open();
    market.streams.end();
    assert_eq!(ids(&all(market.read(&["A"], None).unwrap()).await), ["1"]);
}

#[tokio::test]
async fn a_reader_that_is_as_far_behind_as_it_may_be_misses_nothing() {
    let market = Market::open();
    let reader = market.read(&["A"], None).unwrap();
    for minute in 2..=u32::try_from(CAPACITY).unwrap() {
        market.pass(minute);
    }
    market.streams.end();
    assert_eq!(ids(&all(reader).await).len(), CAPACITY);
}

#[tokio::test]
async fn a_reader_that_does_not_keep_up_is_dropped_and_goes_on_where_it_was() {
    let market = Market::open();
    let reader = market.read(&["A"], None).unwrap();
    let last = u32::try_from(CAPACITY).unwrap() + 2;
    for minute in 2..=last {
        market.pass(minute);
    }
    let said = all(reader).await;
    assert!(said.ends_with(": bye\n\n"), "{said}");
    assert_eq!(ids(&said), ["1"]);
    let again = market.read(&["A"], Some(1)).unwrap();
    market.streams.end();
    assert_eq!(ids(&all(again).await), [format!("{last:x}")]);
}

#[test]
fn streams_are_counted_and_so_are_those_that_are_dropped() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let said = || recorder.handle().render();
    metrics::with_local_recorder(&recorder, || {
        let market = Market::open();
        let reader = market.read(&["A"], None).unwrap();
        assert!(said().contains("tradepost_streams 1\n"), "{}", said());
        let most = u32::try_from(CAPACITY).unwrap() + 1;
        (2..=most).for_each(|minute| market.pass(minute));
        drop(reader);
        assert!(said().contains("tradepost_streams 0\n"), "{}", said());
        assert!(!said().contains("tradepost_streams_dropped_total"), "{}", said());

        let reader = market.read(&["A"], None).unwrap();
        (most + 1..=2 * most).for_each(|minute| market.pass(minute));
        // It never asked for more, and is counted all the same.
        drop(reader);
        assert!(said().contains("tradepost_streams_dropped_total 1\n"), "{}", said());
    });
}

#[tokio::test]
async fn what_the_catalog_lacks_takes_no_place() {
    let market = Market { streams: Streams::new(1), ..Market::open() };
    let nope = "NOPE".parse().unwrap();
    assert_eq!(market.read(&["A", "NOPE"], None).err(), Some(InventoryError::AssetNotFound(nope)));
    let held = market.read(&["A"], None).unwrap();
    assert_eq!(market.read(&["A"], None).err(), Some(InventoryError::TooManyStreams(1)));
    drop(held);
    assert!(market.read(&["A"], None).is_ok());
}
