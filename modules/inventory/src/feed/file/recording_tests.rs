use tradepost_kernel::Price;

use super::Recording;

const MINUTES: &str = r#"{"at":"2026-01-01T00:00:00Z","prices":{"BTC":"64000.1","ETH":2500.25}}
{"at":"2026-01-01T00:01:00Z","prices":{"btc":64001}}
{"at":"2026-01-01T00:03:00.500Z","prices":{"ETH":"2501","NEW":0.000000000001}}
"#;

fn prices(recording: &Recording, place: i128) -> String {
    let pair = |(asset, price): (_, Price)| format!("{asset}={price}");
    recording.prices(place).map(pair).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_newest_price_counts_and_what_a_line_lacks_stays() {
    let recording = Recording::read(MINUTES).unwrap();
    for (place, expected) in [
        (0, "BTC=64000.1 ETH=2500.25"),
        (59_999, "BTC=64000.1 ETH=2500.25"),
        (60_000, "BTC=64001 ETH=2500.25"),
        (180_499, "BTC=64001 ETH=2500.25"),
        (180_500, "BTC=64001 ETH=2501 NEW=0.000000000001"),
    ] {
        assert_eq!(prices(&recording, place), expected, "{place}");
    }
}

#[test]
fn after_the_end_it_starts_over_and_the_last_line_counts_as_long_as_the_one_before() {
    let recording = Recording::read(MINUTES).unwrap();
    let length = 180_500 + 120_500;
    assert_eq!(prices(&recording, length - 1), "BTC=64001 ETH=2501 NEW=0.000000000001");
    for start in [0, length, 1_000_000 * length] {
        assert_eq!(prices(&recording, start), "BTC=64000.1 ETH=2500.25", "{start}");
    }
}

#[test]
fn one_line_is_a_recording() {
    let recording = Recording::read(r#"{"at":"2026-01-01T00:00:00+01:00","prices":{"BTC":1}}"#).unwrap();
    assert_eq!(prices(&recording, 0) + &prices(&recording, 12_345), "BTC=1BTC=1");
}

#[test]
fn a_wrong_line_is_named() {
    let first = r#"{"at":"2026-01-01T00:00:00Z","prices":{"BTC":1}}"#;
    for (line, reason) in [
        ("", "EOF"),
        ("[]", "expected struct Line"),
        (r#"{"at":"2026-01-02T00:00:00Z"}"#, "missing field `prices`"),
        (r#"{"at":"2026-01-02T00:00:00Z","prices":{},"more":1}"#, "unknown field `more`"),
        (r#"{"at":"2026-01-02T00:00:00Z","prices":[]}"#, "expected prices by asset"),
        (r#"{"at":"yesterday","prices":{}}"#, "at must be a time"),
        (r#"{"at":"2026-01-01T00:00:00Z","prices":{}}"#, "at must be later"),
        (r#"{"at":"2025-12-31T23:59:59Z","prices":{}}"#, "at must be later"),
        (r#"{"at":"2026-01-02T00:00:00Z","prices":{"BTC":0}}"#, "the price of BTC must be"),
        (r#"{"at":"2026-01-02T00:00:00Z","prices":{"BTC":-1}}"#, "the price of BTC must be"),
        (r#"{"at":"2026-01-02T00:00:00Z","prices":{"BTC":0.0000000000001}}"#, "the price of BTC "),
        (r#"{"at":"2026-01-02T00:00:00Z","prices":{"BTC":1000000001}}"#, "the price of BTC "),
        (r#"{"at":"2026-01-02T00:00:00Z","prices":{"BTC":null}}"#, "the price of BTC must be a number"),
        (r#"{"at":"2026-01-02T00:00:00Z","prices":{"BTC":1,"btc":2}}"#, "BTC has two prices"),
        (r#"{"at":"2026-01-02T00:00:00Z","prices":{"USD":1}}"#, "USD is cash"),
        (r#"{"at":"2026-01-02T00:00:00Z","prices":{"B-C":1}}"#, "asset \"B-C\" must be 1 to 10"),
    ] {
        let error = Recording::read(&format!("{first}\n{line}\n{first}")).err().unwrap();
        assert!(error.starts_with("line 2: ") && error.contains(reason), "{line}: {error}");
    }
    for empty in ["", r#"{"at":"2026-01-01T00:00:00Z","prices":{}}"#] {
        assert_eq!(Recording::read(empty).err().unwrap(), "it has no price");
    }
}
