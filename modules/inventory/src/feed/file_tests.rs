use std::io::Write;

use chrono::TimeDelta;
use tempfile::NamedTempFile;
use tradepost_kernel::Timestamp;

use super::Replay;
use crate::domain::read_catalog;
use crate::feed::{Feed, Moment};
use crate::settings::FileSettings;

const HOURS: &str = r#"{"at":"2026-01-01T00:00:00Z","prices":{"BTC":1,"NEW":7}}
{"at":"2026-01-01T01:00:00Z","prices":{"BTC":2}}
{"at":"2026-01-01T02:00:00Z","prices":{"BTC":3}}
"#;
const CATALOG: &str = r#"{"assets":[{"asset_id":"BTC","name":"Bitcoin","category":"currency","is_active":true,
    "reference_price":"1"},{"asset_id":"ETH","name":"Ethereum","category":"smart-contracts","is_active":true,
    "reference_price":"1"}]}"#;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn replay(text: &str, speed: &str) -> Result<Replay, String> {
    let file = file(text);
    let path = file.path().to_str().unwrap().to_owned();
    let settings = FileSettings { path, speed: speed.to_owned(), ..FileSettings::none() };
    Replay::new(&settings, &read_catalog(CATALOG).unwrap())
}

fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// The price of bitcoin so many milliseconds after a replay began.
async fn bitcoin_after(replay: &Replay, passed_ms: i64) -> String {
    let moment = Moment { now: noon() + TimeDelta::milliseconds(passed_ms), since: noon() };
    let rows = replay.fetch(moment).await.unwrap();
    let tick = rows.iter().find(|row| row.asset.name == "Bitcoin").unwrap().tick.unwrap();
    assert_eq!(tick.as_of, moment.now, "what is replayed is true now");
    tick.price.to_string()
}

#[tokio::test]
async fn it_goes_as_fast_as_it_is_told_and_starts_over() {
    for (speed, after_ms) in [
        ("1", [3_600_000, 7_200_000, 10_800_000]),
        ("60", [60_000, 120_000, 180_000]),
        ("0.5", [7_200_000, 14_400_000, 21_600_000]),
        ("10000", [360, 720, 1_080]),
    ] {
        let replay = replay(HOURS, speed).unwrap();
        assert_eq!(bitcoin_after(&replay, -5_000).await, "1", "a clock that is behind");
        for (price, after_ms) in (1..=3).zip(after_ms) {
            assert_eq!(bitcoin_after(&replay, after_ms - 1).await, price.to_string(), "{speed} {after_ms}");
        }
        assert_eq!(bitcoin_after(&replay, after_ms[2]).await, "1", "{speed}");
        assert_eq!(bitcoin_after(&replay, after_ms[2] * 1_000 + after_ms[0]).await, "2", "{speed}");
    }
}

#[tokio::test]
async fn assets_are_described_by_the_catalog_or_by_their_symbol() {
    let rows = replay(HOURS, "1").unwrap().fetch(Moment { now: noon(), since: noon() }).await.unwrap();
    let described: Vec<_> = rows.iter().map(|row| (&*row.asset.name, &*row.asset.category)).collect();
    assert_eq!(described, [("Bitcoin", "currency"), ("NEW", "other")]);
    assert!(rows.iter().all(|row| row.asset.is_active));
}

#[test]
fn another_content_or_speed_is_another_feed() {
    let of = |text: &str, speed: &str| replay(text, speed).unwrap().fingerprint();
    assert_eq!(of(HOURS, "60"), of(HOURS, "60.0"));
    assert_ne!(of(HOURS, "60"), of(HOURS, "61"));
    assert_ne!(of(HOURS, "60"), of(&HOURS.replace('3', "4"), "60"));
}

#[test]
fn a_start_that_fails_says_which_file_and_line() {
    let error = replay(&HOURS.replace("02:00", "00:30"), "1").err().unwrap();
    assert!(
        error.starts_with("inventory.file.path: /") && error.contains(": line 3: at must be later"),
        "{error}"
    );
    let settings = FileSettings { path: "/nowhere/series.jsonl".to_owned(), ..FileSettings::none() };
    let error = Replay::new(&settings, &[]).err().unwrap();
    assert!(error.starts_with("inventory.file.path: /nowhere/series.jsonl cannot be read"), "{error}");
}
