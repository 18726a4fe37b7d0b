//! What assets cost in the past.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tradepost_testkit::{Setup, World};

use crate::figures::{exact, number, still};
use crate::market::Market;

crate::tests![
    charts_are_full_from_the_first_second,
    candles_are_whole_spans_in_order_and_hold_together,
    longer_candles_follow_from_the_shorter_ones,
    the_present_price_is_in_the_last_candle,
    a_price_that_was_shown_is_within_its_candle,
    from_is_inclusive_and_to_exclusive,
    an_answer_has_at_most_1000_candles_and_older_ones_follow,
    a_past_that_is_over_need_not_be_sent_again,
    nothing_is_known_of_the_future,
    an_asset_at_a_price_of_an_administrator_has_no_past,
    broken_parameters_are_listed_at_once,
    unknown_and_malformed_assets_are_told_apart,
    the_day_and_the_week_agree_with_the_candles,
];

const INTERVALS: [(&str, i64); 4] = [("1m", 60), ("5m", 300), ("1h", 3_600), ("1d", 86_400)];

/// A candle, read exactly.
#[derive(Clone, Debug, PartialEq)]
struct Candle {
    at: DateTime<Utc>,
    prices: [Decimal; 4],
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    data: Vec<Row<'a>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    timestamp: DateTime<Utc>,
    #[serde(borrow)]
    open: &'a RawValue,
    #[serde(borrow)]
    high: &'a RawValue,
    #[serde(borrow)]
    low: &'a RawValue,
    #[serde(borrow)]
    close: &'a RawValue,
}

impl Candle {
    fn low(&self) -> Decimal {
        self.prices[2]
    }

    fn high(&self) -> Decimal {
        self.prices[1]
    }
}

async fn candles(world: &World, asset: &str, query: &str) -> Vec<Candle> {
    let path = format!("/api/v1/inventory/assets/{asset}/prices{query}");
    let answer = world.get(&path).await.expect(200);
    let body: Body<'_> = serde_json::from_str(&answer.text).unwrap();
    let read = |row: Row<'_>| Candle {
        at: row.timestamp,
        prices: [row.open, row.high, row.low, row.close].map(|price| exact(price.get())),
    };
    body.data.into_iter().map(read).collect()
}

async fn charts_are_full_from_the_first_second(world: World) {
    for (interval, _) in INTERVALS {
        for asset in ["BTC", "USDT", "LUNC"] {
            let all = candles(&world, asset, &format!("?interval={interval}")).await;
            assert_eq!(all.len(), 1_000, "{asset} {interval}");
        }
    }
    let hours = candles(&world, "eth", "").await;
    assert_eq!(hours[1].at - hours[0].at, TimeDelta::hours(1), "hours, unless told otherwise");
}

async fn candles_are_whole_spans_in_order_and_hold_together(world: World) {
    for (interval, seconds) in INTERVALS {
        let all = candles(&world, "SOL", &format!("?interval={interval}")).await;
        for pair in all.windows(2) {
            assert_eq!((pair[1].at - pair[0].at).num_seconds(), seconds, "{interval}");
        }
        for candle in &all {
            assert_eq!(candle.at.timestamp().rem_euclid(seconds), 0, "{candle:?}");
            let [open, high, low, close] = candle.prices;
            assert!(Decimal::ZERO < low && low <= open.min(close) && open.max(close) <= high, "{candle:?}");
        }
    }
}

async fn longer_candles_follow_from_the_shorter_ones(world: World) {
    let own = world.own(still()).await;
    for (short, long, seconds) in [("1m", "5m", 300), ("5m", "1h", 3_600), ("1h", "1d", 86_400)] {
        let shorter = candles(&own, "ETH", &format!("?interval={short}")).await;
        let longer = candles(&own, "ETH", &format!("?interval={long}")).await;
        let mut compared = 0;
        for candle in &longer {
            let parts: Vec<_> = shorter
                .iter()
                .filter(|part| part.at >= candle.at && part.at < candle.at + TimeDelta::seconds(seconds))
                .collect();
            if shorter[0].at > candle.at || parts.is_empty() {
                continue;
            }
            let expected = [
                parts[0].prices[0],
                parts.iter().map(|part| part.high()).max().unwrap(),
                parts.iter().map(|part| part.low()).min().unwrap(),
                parts.last().unwrap().prices[3],
            ];
            assert_eq!(candle.prices, expected, "{long} {candle:?}");
            compared += 1;
        }
        assert!(compared >= 40, "{compared} {long}");
    }
}

async fn the_present_price_is_in_the_last_candle(world: World) {
    let own = world.own(still()).await;
    for asset in ["BTC", "SHIB", "USDC"] {
        let detail = own.get(&format!("/api/v1/inventory/assets/{asset}")).await.expect(200);
        let price = exact(number(&detail.text, "data.price_usd"));
        for (interval, _) in INTERVALS {
            let all = candles(&own, asset, &format!("?interval={interval}")).await;
            assert_eq!(all.last().unwrap().prices[3], price, "{asset} {interval}");
        }
    }
}

async fn a_price_that_was_shown_is_within_its_candle(world: World) {
    let market = Market::with(&world, Setup::default()).await;
    let mut shown = Vec::new();
    for _ in 0..20 {
        shown.push((market.now(), market.price("BTC").await));
        market.pass(TimeDelta::milliseconds(3_700)).await;
    }
    let minutes = candles(&market.world, "BTC", "?interval=1m").await;
    for (at, price) in shown {
        let candle = minutes.iter().rfind(|candle| candle.at <= at).unwrap();
        assert!(candle.low() <= price && price <= candle.high(), "{at} {price} {candle:?}");
    }
}

async fn from_is_inclusive_and_to_exclusive(world: World) {
    let span = |from: &str, to: &str| format!("?interval=1h&from={from}&to={to}");
    let day = candles(&world, "BTC", &span("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")).await;
    assert_eq!(day.len(), 24);
    assert_eq!(
        (day[0].at.to_rfc3339(), day[23].at.to_rfc3339()),
        ("2026-03-01T00:00:00+00:00".into(), "2026-03-01T23:00:00+00:00".into())
    );
    let inner = candles(&world, "BTC", &span("2026-03-01T00:00:01Z", "2026-03-01T23:00:01Z")).await;
    assert_eq!(inner, day[1..]);
    let shifted =
        candles(&world, "BTC", &span("2026-03-01T01:00:00%2B01:00", "2026-03-01T02:00:00%2B01:00")).await;
    assert_eq!(shifted, day[..1]);
    assert_eq!(candles(&world, "BTC", &span("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z")).await, []);
    assert_eq!(candles(&world, "BTC", &span("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z")).await, []);
}

async fn an_answer_has_at_most_1000_candles_and_older_ones_follow(world: World) {
    let span = |to: &str| format!("?interval=1m&from=2026-03-01T00:00:00Z&to={to}");
    assert_eq!(candles(&world, "BTC", &span("2026-03-01T16:40:00Z")).await.len(), 1_000);
    let newest = candles(&world, "BTC", &span("2026-03-01T16:41:00Z")).await;
    assert_eq!((newest.len(), newest[0].at.to_rfc3339().as_str()), (1_000, "2026-03-01T00:01:00+00:00"));
    let older = candles(&world, "BTC", &span(&newest[0].at.format("%FT%TZ").to_string())).await;
    assert_eq!(
        older.iter().map(|candle| candle.at.to_rfc3339()).collect::<Vec<_>>(),
        ["2026-03-01T00:00:00+00:00"]
    );
}

async fn a_past_that_is_over_need_not_be_sent_again(world: World) {
    let market = Market::with(&world, Setup::default()).await;
    let ask = async |query: &str, known: &str| {
        let path = format!("/api/v1/inventory/assets/BTC/prices{query}");
        market
            .world
            .send(market.world.request(reqwest::Method::GET, &path).header("if-none-match", known))
            .await
    };
    let past = "?interval=1h&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z";
    let tags = [ask(past, "").await.header("etag").to_owned(), ask("", "").await.header("etag").to_owned()];
    let before = market.price("BTC").await;
    while market.price("BTC").await == before {
        market.pass(TimeDelta::seconds(40)).await;
    }
    assert_eq!(ask(past, &tags[0]).await.expect(304).text, "");
    assert_ne!(ask("", &tags[1]).await.expect(200).header("etag"), tags[1]);
}

async fn nothing_is_known_of_the_future(world: World) {
    let own = world.own(still()).await;
    let all = candles(&own, "BTC", "?interval=1m&to=2100-01-01T00:00:00Z").await;
    assert_eq!(all, candles(&own, "BTC", "?interval=1m").await);
    let last_updated = own.get("/api/v1/inventory/assets/BTC").await.expect(200).field("data.last_updated");
    assert_eq!(all.last().unwrap().at, last_updated.parse::<DateTime<Utc>>().unwrap());
    assert_eq!(candles(&own, "BTC", "?interval=1d&from=2099-01-01T00:00:00Z").await, []);
}

async fn an_asset_at_a_price_of_an_administrator_has_no_past(world: World) {
    let own = world.own(Setup::default()).await;
    let admin = own.new_admin().await;
    let gold = json!({ "asset_id": "GOLD", "name": "Gold", "price": "100" });
    admin.post("/api/v1/inventory/admin/assets", &gold).await.expect(201);
    assert_eq!(candles(&own, "GOLD", "").await, []);
    let detail = own.get("/api/v1/inventory/assets/GOLD").await.expect(200).json();
    assert_eq!(detail["data"]["sparkline_7d"], Value::Null);
}

async fn broken_parameters_are_listed_at_once(world: World) {
    let path = "/api/v1/inventory/assets/BTC/prices";
    world.get(&format!("{path}?interval=2m&from=yesterday&to=1")).await.invalid(&["interval", "from", "to"]);
    world.get(&format!("{path}?interval=1M")).await.invalid(&["interval"]);
    world.get(&format!("{path}?interval=")).await.invalid(&["interval"]);
}

async fn unknown_and_malformed_assets_are_told_apart(world: World) {
    let answer = world.get("/api/v1/inventory/assets/NOPE/prices").await.expect(404);
    assert_eq!(answer.field("code"), "asset_not_found");
    world.get("/api/v1/inventory/assets/N-O/prices").await.invalid(&["asset_id"]);
    world.get("/api/v1/inventory/assets/%20%20/prices").await.invalid(&["asset_id"]);
}

async fn the_day_and_the_week_agree_with_the_candles(world: World) {
    let own = world.own(still()).await;
    let answer = own.get("/api/v1/inventory/assets/SOL").await.expect(200);
    let [low, high] =
        ["low_24h", "high_24h"].map(|name| exact(number(&answer.text, &format!("data.{name}"))));
    let minutes = [candles(&own, "SOL", "?interval=1m").await, {
        let now = answer.field("data.last_updated");
        let earlier = now.parse::<DateTime<Utc>>().unwrap() - TimeDelta::minutes(999);
        candles(&own, "SOL", &format!("?interval=1m&to={}", earlier.format("%FT%TZ"))).await
    }]
    .concat();
    let since = answer.field("data.last_updated").parse::<DateTime<Utc>>().unwrap() - TimeDelta::hours(24);
    let day: Vec<_> = minutes.iter().filter(|candle| candle.at >= since).collect();
    assert!(day.len() >= 1_440, "{}", day.len());
    assert!(low <= day.iter().map(|candle| candle.low()).min().unwrap());
    assert!(high >= day.iter().map(|candle| candle.high()).max().unwrap());
    // The range begins with the quarter of an hour that the moment a day ago was in.
    let wider: Vec<_> = minutes.iter().filter(|candle| candle.at >= since - TimeDelta::minutes(15)).collect();
    assert!(low >= wider.iter().map(|candle| candle.low()).min().unwrap());
    assert!(high <= wider.iter().map(|candle| candle.high()).max().unwrap());

    let detail: BTreeMap<String, BTreeMap<String, Box<RawValue>>> =
        serde_json::from_str(&answer.text).unwrap();
    let week: Vec<Box<RawValue>> = serde_json::from_str(detail["data"]["sparkline_7d"].get()).unwrap();
    let week: Vec<_> = week.iter().map(|price| exact(price.get())).collect();
    let hours = candles(&own, "SOL", "?interval=1h").await;
    let expected: Vec<_> = hours[hours.len() - 168..].iter().map(|hour| hour.prices[0]).collect();
    assert_eq!(week, expected);
}
