use super::{Settings, Source};

fn settings(tick_ms: u64, catalog: &str) -> Settings {
    Settings { catalog: catalog.to_owned(), tick_ms, ..Settings::demo() }
}

#[test]
fn a_tick_takes_a_tenth_of_a_second_to_a_minute() {
    for (tick_ms, is_valid) in [(99, false), (100, true), (60_000, true), (60_001, false)] {
        assert_eq!(settings(tick_ms, "").check(false).is_ok(), is_valid, "{tick_ms}");
    }
    assert!(settings(0, "").check(false).unwrap_err().starts_with("inventory.tick_ms must be"));
}

#[test]
fn production_refuses_simulated_prices_unless_told() {
    let mut settings = settings(1000, "");
    assert!(settings.check(true).unwrap_err().contains("inventory.simulated_in_production"));
    settings.simulated_in_production = true;
    assert_eq!(settings.check(true), Ok(()));
}

#[test]
fn a_catalog_that_cannot_be_read_is_named() {
    assert!(settings(1000, "  ").check(false).unwrap_err().starts_with("inventory.catalog must be"));
    let error = settings(1000, "/nowhere/catalog.json").catalog_text().unwrap_err();
    assert!(error.starts_with("inventory.catalog: /nowhere/catalog.json"), "{error}");
}

const WRITTEN: &str = r#"{"catalog":"","feed":"coingecko","simulation_seed":1,"simulated_in_production":false,
    "tick_ms":1000,"sync_interval_ms":1000,"lease_s":30,"history_days":31,"max_jump_percent":50,
    "jump_confirmations":3,"heartbeat_s":15,"streams_per_client":20,"coingecko":{"base_url":"https://api.coingecko.com/api/v3","plan":"public",
    "api_key":"","currency":"usd","per_page":250,"pages":1,"interval_s":60,"timeout_ms":5000,
    "max_body_bytes":4194304,"categories_refresh_h":24,"categories":"a=b, c=d"},
    "file":{"path":"","speed":"1","interval_ms":1000}}"#;

#[test]
fn unknown_keys_feeds_and_plans_are_refused() {
    let settings: Settings = serde_json::from_str(WRITTEN).unwrap();
    assert_eq!((settings.feed, settings.coingecko.categories.len()), (Source::CoinGecko, 2));
    for feed in ["simulated", "file", "none"] {
        let text = WRITTEN.replace("\"coingecko\",", &format!("\"{feed}\","));
        assert!(serde_json::from_str::<Settings>(&text).is_ok(), "{feed}");
    }
    for (good, bad) in [
        ("\"coingecko\",", "\"guessed\","),
        ("tick_ms", "tick"),
        ("per_page", "page"),
        ("\"speed", "\"pace"),
        ("\"public\"", "\"free\""),
    ] {
        let text = WRITTEN.replace(good, bad);
        assert!(text != WRITTEN && serde_json::from_str::<Settings>(&text).is_err(), "{bad}");
    }
}

#[test]
fn a_feed_is_checked_with_its_section() {
    let settings = Settings { feed: Source::File, ..Settings::demo() };
    assert!(settings.check(true).unwrap_err().starts_with("inventory.file.path must be set"));
    let mut settings = Settings::demo();
    settings.coingecko.pages = 21;
    assert!(settings.check(false).unwrap_err().starts_with("inventory.coingecko.pages must be"));
}

#[test]
fn every_number_has_two_bounds() {
    let with = |change: fn(&mut Settings, u32), value: u32| {
        let mut settings = Settings::demo();
        change(&mut settings, value);
        settings.check(false)
    };
    type Case = (fn(&mut Settings, u32), &'static str, u32, u32);
    let cases: [Case; 7] = [
        (|settings, value| settings.sync_interval_ms = value.into(), "sync_interval_ms", 50, 60_000),
        (|settings, value| settings.lease_s = value, "lease_s", 1, 600),
        (|settings, value| settings.history_days = value, "history_days", 1, 400),
        (|settings, value| settings.max_jump_percent = value, "max_jump_percent", 0, 1_000_000),
        (|settings, value| settings.jump_confirmations = value, "jump_confirmations", 1, 100),
        (|settings, value| settings.heartbeat_s = value, "heartbeat_s", 1, 60),
        (|settings, value| settings.streams_per_client = value, "streams_per_client", 1, 100_000),
    ];
    for (change, key, min, max) in cases {
        assert_eq!((with(change, min), with(change, max)), (Ok(()), Ok(())), "{key}");
        assert!(with(change, max + 1).unwrap_err().starts_with(&format!("inventory.{key} must be")));
        assert!(min == 0 || with(change, min - 1).is_err(), "{key}");
    }
}
