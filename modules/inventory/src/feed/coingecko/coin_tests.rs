use serde_json::value::RawValue;
use serde_json::{Value, json};
use tradepost_kernel::{Decimal, Timestamp};

use super::{Coin, Rejected, read_coin};

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn read(coin: &Value) -> (Option<Coin>, Option<Rejected>) {
    read_coin(&RawValue::from_string(coin.to_string()).unwrap(), now())
}

fn good() -> Value {
    json!({"id":"bitcoin","symbol":"btc","name":"Bitcoin","image":"https://img.example/btc.png","current_price":64000,
        "market_cap":1264000000000_u64,"market_cap_rank":1,"last_updated":"2026-03-01T11:59:30.123Z"})
}

fn with(key: &str, value: Value) -> Value {
    let mut coin = good();
    coin[key] = value;
    coin
}

#[test]
fn a_coin_needs_no_more_than_its_price_its_time_and_its_names() {
    let (coin, rejected) = read(&good());
    let coin = coin.unwrap();
    let tick = coin.tick.unwrap();
    assert_eq!((rejected, tick.price.to_string().as_str(), coin.asset.rank), (None, "64000", Some(1)));
    assert_eq!(tick.as_of, "2026-03-01T11:59:30.123Z".parse::<Timestamp>().unwrap());
    assert_eq!(coin.figures.market_cap, Some(Decimal::from(1_264_000_000_000_u64)));
    assert_eq!((coin.figures.high_24h, coin.figures.ath, coin.asset.max_supply), (None, None, None));
}

#[test]
fn what_is_wrong_with_a_coin_is_told_apart() {
    for (key, value, reason, is_kept) in [
        ("id", Value::Null, Rejected::Malformed, false),
        ("id", json!(""), Rejected::Malformed, false),
        ("symbol", json!(1), Rejected::Malformed, false),
        ("name", Value::Null, Rejected::Malformed, false),
        ("name", json!("  "), Rejected::Malformed, false),
        ("name", json!("a\u{0}b"), Rejected::Malformed, false),
        ("name", json!("n".repeat(513)), Rejected::Malformed, false),
        ("image", json!(5), Rejected::Malformed, false),
        ("symbol", json!(""), Rejected::Symbol, false),
        ("symbol", json!("usd"), Rejected::Symbol, false),
        ("symbol", json!("b-t-c"), Rejected::Symbol, false),
        ("symbol", json!("elevenchars"), Rejected::Symbol, false),
        ("current_price", Value::Null, Rejected::Price, true),
        ("current_price", json!(0), Rejected::Price, true),
        ("current_price", json!(-1), Rejected::Price, true),
        ("current_price", json!(1_000_000_001), Rejected::Price, true),
        ("current_price", json!("64000"), Rejected::Price, true),
        ("last_updated", Value::Null, Rejected::Time, true),
        ("last_updated", json!("yesterday"), Rejected::Time, true),
    ] {
        let (coin, rejected) = read(&with(key, value.clone()));
        assert_eq!((coin.is_some(), rejected), (is_kept, Some(reason)), "{key} = {value}");
        assert!(coin.is_none_or(|coin| coin.tick.is_none()), "{key} = {value}");
    }
    assert_eq!(read(&json!("bitcoin")).1, Some(Rejected::Malformed));
    for (key, value) in [
        ("name", json!("n".repeat(512))),
        ("symbol", json!("tencharsxx")),
        ("current_price", json!(1_000_000_000)),
    ] {
        assert_eq!(read(&with(key, value.clone())).1, None, "{key} = {value}");
    }
}

#[test]
fn figures_that_cannot_be_read_are_not_known() {
    for key in ["market_cap", "total_volume", "high_24h", "circulating_supply", "market_cap_rank", "ath"] {
        for value in [json!("many"), json!(-5), json!([]), Value::Null] {
            let (coin, rejected) = read(&with(key, value.clone()));
            let coin = coin.unwrap();
            let is_known = [
                (coin.figures.market_cap.is_some(), "market_cap"),
                (coin.figures.total_volume_24h.is_some(), "total_volume"),
                (coin.figures.high_24h.is_some(), "high_24h"),
                (coin.asset.circulating_supply.is_some(), "circulating_supply"),
                (coin.asset.rank.is_some(), "market_cap_rank"),
                (coin.figures.ath.is_some(), "ath"),
            ];
            assert!(is_known.iter().all(|(known, name)| *name != key || !known), "{key} = {value}");
            assert_eq!(rejected, None, "{key} = {value}");
        }
    }
    assert_eq!(read(&with("market_cap_rank", json!(0))).0.unwrap().asset.rank, None);
}

#[test]
fn no_price_comes_from_the_future() {
    let (coin, _) = read(&with("last_updated", json!("2026-03-01T12:00:01Z")));
    assert_eq!(coin.unwrap().tick.unwrap().as_of, now());
}

#[test]
fn a_picture_is_shown_only_if_it_is_encrypted() {
    for (address, is_shown) in
        [("https://a/b.png", true), ("http://a/b.png", false), ("missing_large.png", false)]
    {
        let image = read(&with("image", json!(address))).0.unwrap().asset.image;
        assert_eq!(image.is_some(), is_shown, "{address}");
    }
}

#[test]
fn of_two_coins_the_larger_counts_and_then_the_better_rank() {
    let coin = |cap: Value, rank: Value| {
        let mut coin = with("market_cap", cap);
        coin["market_cap_rank"] = rank;
        read(&coin).0.unwrap()
    };
    for (one, other, outranks) in [
        (coin(json!(2), json!(9)), coin(json!(1), json!(1)), true),
        (coin(json!(1), json!(1)), coin(json!(2), json!(9)), false),
        (coin(json!(1), json!(1)), coin(Value::Null, json!(2)), true),
        (coin(Value::Null, json!(2)), coin(json!(0), json!(3)), true),
        (coin(json!(1), Value::Null), coin(json!(1), json!(7)), false),
        (coin(json!(1), json!(7)), coin(json!(1), json!(7)), false),
    ] {
        assert_eq!(one.outranks(&other), outranks, "{one:?} {other:?}");
    }
}
