//! Prices as they change, on markets that move when the test says so.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::json;
use serde_json::value::RawValue;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};
use tradepost_testkit::{Client, Setup, World};

use crate::events::{Block, Events, STREAM, ask};
use crate::figures::{exact, number};
use crate::market::Market;

crate::tests![
    a_stream_begins_with_every_price_and_tells_of_every_change,
    a_stream_of_some_assets_tells_of_no_other,
    an_event_says_what_the_catalog_says,
    a_reader_that_comes_back_is_told_what_changed_meanwhile,
    a_reader_that_was_cut_off_between_two_events_misses_none,
    an_id_that_nobody_knows_is_as_good_as_none,
    a_comment_comes_while_nothing_changes,
    a_stream_is_passed_on_as_it_comes,
    a_client_has_so_many_streams_and_no_more,
    each_client_has_streams_of_its_own,
    a_head_request_takes_no_place,
    assets_that_are_unknown_or_malformed_are_refused,
    a_reader_that_takes_nothing_is_cut_off,
];

const BOUND: Duration = Duration::from_secs(60);

async fn market(world: &World) -> Market {
    Market::with(world, Setup::default().set("inventory.heartbeat_s", "1")).await
}

/// What the catalog says that each asset costs.
async fn catalog(client: &Client) -> BTreeMap<String, Decimal> {
    let list = client.get("/api/v1/inventory/assets?active_only=false&limit=250").await.expect(200);
    let mut page: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&list.text).unwrap();
    let assets: Vec<Box<RawValue>> = serde_json::from_str(page.remove("data").unwrap().get()).unwrap();
    let price = |asset: &str| {
        let named: serde_json::Value = serde_json::from_str(asset).unwrap();
        (named["asset_id"].as_str().unwrap().to_owned(), exact(number(asset, "price_usd")))
    };
    assets.iter().map(|asset| price(asset.get())).collect()
}

/// What is another price now than before.
fn changes(
    before: &BTreeMap<String, Decimal>,
    after: &BTreeMap<String, Decimal>,
) -> BTreeMap<String, Decimal> {
    let changed = after.iter().filter(|(asset, price)| before.get(*asset) != Some(*price));
    changed.map(|(asset, price)| (asset.clone(), *price)).collect()
}

/// Lets a minute pass and waits until the catalog shows other prices, which it answers.
async fn minute(market: &Market, before: &BTreeMap<String, Decimal>) -> BTreeMap<String, Decimal> {
    market.advance(TimeDelta::minutes(1));
    loop {
        let after = catalog(&market.world).await;
        if after != *before {
            return after;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn a_stream_begins_with_every_price_and_tells_of_every_change(world: World) {
    let market = market(&world).await;
    let mut known = catalog(&market.world).await;
    let mut readers =
        [Events::open(&market.world, None, None).await, Events::open(&market.world, None, None).await];
    for reader in &mut readers {
        assert_eq!(reader.batch().await.prices(), known);
    }
    for _ in 0..3 {
        let now = minute(&market, &known).await;
        let mut ids = Vec::new();
        for reader in &mut readers {
            let batch = reader.batch().await;
            assert_eq!(batch.prices(), changes(&known, &now));
            ids.push(batch.id);
        }
        assert_eq!(ids[0], ids[1]);
        known = now;
    }
}

async fn a_stream_of_some_assets_tells_of_no_other(world: World) {
    let market = market(&world).await;
    let known = catalog(&market.world).await;
    let mut some = Events::open(&market.world, Some("eth,BTC,Eth,USDT"), None).await;
    let mut one = Events::open(&market.world, Some("btc"), None).await;
    let of = |prices: &BTreeMap<String, Decimal>, asked: &[&str]| {
        let asked = prices.iter().filter(|(asset, _)| asked.contains(&asset.as_str()));
        asked.map(|(asset, price)| (asset.clone(), *price)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(some.batch().await.prices(), of(&known, &["BTC", "ETH", "USDT"]));
    assert_eq!(one.batch().await.prices(), of(&known, &["BTC"]));
    let now = minute(&market, &known).await;
    let changed = changes(&known, &now);
    assert!(["BTC", "ETH"].iter().all(|asset| changed.contains_key(*asset)));
    assert_eq!(some.batch().await.prices(), of(&changed, &["BTC", "ETH", "USDT"]));
    assert_eq!(one.batch().await.prices(), of(&changed, &["BTC"]));
}

async fn an_event_says_what_the_catalog_says(world: World) {
    let market = market(&world).await;
    for asset in ["BTC", "LUNC"] {
        let event = Events::open(&market.world, Some(asset), None).await.price().await;
        let shown = market.world.get(&format!("/api/v1/inventory/assets/{asset}")).await.expect(200).json();
        let told = event.data.as_object().unwrap();
        assert_eq!(told.len(), 6, "{told:?}");
        for (name, value) in told {
            assert_eq!(shown["data"][name], *value, "{name}");
        }
    }
}

async fn a_reader_that_comes_back_is_told_what_changed_meanwhile(world: World) {
    let market = market(&world).await;
    let known = catalog(&market.world).await;
    let first = Events::open(&market.world, None, None).await.batch().await;
    let later = minute(&market, &known).await;
    let now = minute(&market, &later).await;
    let mut reader = Events::open(&market.world, None, Some(&first.id)).await;
    let missed = reader.batch().await;
    // One that has its old price again changed all the same.
    let mut changed = changes(&known, &later);
    changed.extend(changes(&later, &now));
    changed.iter_mut().for_each(|(asset, price)| *price = now[asset]);
    assert_eq!(missed.prices(), changed);
    // Whoever missed nothing is told nothing before the next change.
    let mut again = Events::open(&market.world, Some("BTC"), Some(&missed.id)).await;
    assert!(matches!(again.next().await, Some(Block::Comment)));
    let next = minute(&market, &now).await;
    assert_eq!(again.batch().await.prices()["BTC"], next["BTC"]);
    assert_eq!(reader.batch().await.prices(), changes(&now, &next));
}

async fn a_reader_that_was_cut_off_between_two_events_misses_none(world: World) {
    let market = market(&world).await;
    let known = catalog(&market.world).await;
    let mut reader = Events::open(&market.world, None, None).await;
    let first = reader.batch().await;
    let now = minute(&market, &known).await;
    for _ in 0..2 {
        assert_eq!(reader.price().await.id, None);
    }
    // It got some of the events, and the last id it got is still that of the snapshot before.
    let mut reader = Events::open(&market.world, None, Some(&first.id)).await;
    assert_eq!(reader.batch().await.prices(), changes(&known, &now));
}

async fn an_id_that_nobody_knows_is_as_good_as_none(world: World) {
    let market = market(&world).await;
    for id in ["", "0", "1", "no number", "ffffffffffffffffff"] {
        let mut reader = Events::open(&market.world, Some("BTC,ETH"), Some(id)).await;
        assert_eq!(reader.batch().await.events.len(), 2, "{id:?}");
    }
}

async fn a_comment_comes_while_nothing_changes(world: World) {
    let market = market(&world).await;
    let mut reader = Events::open(&market.world, Some("BTC"), None).await;
    reader.batch().await;
    for _ in 0..3 {
        assert!(matches!(reader.next().await, Some(Block::Comment)));
    }
}

/// Longer than anything on the way waits for an answer that is not a stream, and never compressed.
async fn a_stream_is_passed_on_as_it_comes(world: World) {
    let setup = Setup::default().set("inventory.heartbeat_s", "1").set("gateway.total_timeout_ms", "1000");
    let setup = setup.set("server.client_timeout_ms", "1000").set("server.keep_alive_s", "1");
    let market = Market::with(&world, setup).await;
    let request = ask(&market.world, Some("BTC"), None).header("accept-encoding", "gzip, br, zstd");
    let response = request.send().await.unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(header("cache-control").as_deref(), Some("no-cache"));
    assert_eq!(header("x-accel-buffering").as_deref(), Some("no"));
    assert_eq!((header("content-encoding"), header("etag"), header("content-length")), (None, None, None));
    assert!(header("ratelimit").is_some() && header("x-request-id").is_some());
    let mut reader = Events::of(response).await;
    reader.batch().await;
    for _ in 0..5 {
        assert!(matches!(reader.next().await, Some(Block::Comment)));
    }
}

/// Waits until there is a place for one more stream, which it answers.
async fn place(client: &Client, assets: &str) -> Events {
    let waiting = async {
        loop {
            // A platform with little patience may cut an idle connection in the moment in which it is used again.
            let request = ask(client, Some(assets), None).header("connection", "close");
            let response = request.send().await.unwrap();
            if response.status() == StatusCode::OK {
                return Events::of(response).await;
            }
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(BOUND, waiting).await.expect("no place was ever free again")
}

async fn a_client_has_so_many_streams_and_no_more(world: World) {
    let setup = Setup::default().set("inventory.heartbeat_s", "1").set("inventory.streams_per_client", "2");
    let own = world.own(setup).await;
    let mut first = Events::open(&own, Some("BTC"), None).await;
    let second = Events::open(&own, None, None).await;
    let refused = own.get(STREAM).await.refused(429, "too_many_streams");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    drop(second);
    let mut third = place(&own, "BTC").await;
    own.get(STREAM).await.refused(429, "too_many_streams");
    for reader in [&mut first, &mut third] {
        reader.price().await;
    }
}

/// Those behind a proxy that is trusted are told apart.
async fn each_client_has_streams_of_its_own(world: World) {
    let setup = Setup::default().set("inventory.streams_per_client", "1");
    let own = world.own(setup.set("server.trusted_proxies", "127.0.0.1")).await;
    let open = async |address: &str| {
        let response = ask(&own, Some("BTC"), None).header("x-forwarded-for", address).send().await;
        let response = response.unwrap();
        (response.status().as_u16(), response)
    };
    let (one, _held) = open("203.0.113.1").await;
    let (two, _held_too) = open("203.0.113.2").await;
    let (same, _) = open("203.0.113.1").await;
    assert_eq!((one, two, same), (200, 200, 429));
    let (network, _held_as_well) = open("2001:db8::1").await;
    let (neighbour, _) = open("2001:db8::2").await;
    assert_eq!((network, neighbour), (200, 429));
}

async fn a_head_request_takes_no_place(world: World) {
    let own = world.own(Setup::default().set("inventory.streams_per_client", "1")).await;
    for _ in 0..3 {
        let head = own.send(own.request(Method::HEAD, STREAM)).await.expect(200);
        assert_eq!(head.header("content-type"), "text/event-stream");
    }
    Events::open(&own, None, None).await.price().await;
}

async fn assets_that_are_unknown_or_malformed_are_refused(world: World) {
    let get = async |assets: &str| world.get(&format!("{STREAM}?assets={assets}")).await;
    get("BTC,NOPE").await.refused(404, "asset_not_found");
    get("USD").await.refused(404, "asset_not_found");
    for malformed in ["", ",", "BTC,", "BTC,%20ETH", "ELEVENCHARS", "B-C"] {
        get(malformed).await.invalid(&["assets"]);
    }
    let many = |count: usize| vec!["BTC"; count].join(",");
    get(&many(101)).await.invalid(&["assets"]);
    let mut most = Events::open(&world, Some(&many(100)), None).await;
    assert_eq!(most.batch().await.events.len(), 1);
}

/// A catalog of so many assets that their prices soon fill every buffer on the way.
fn large_catalog() -> NamedTempFile {
    let asset = |number: u32| {
        json!({
            "asset_id": format!("A{number}"), "name": "One of many", "category": "currency", "rank": number,
            "is_active": true, "reference_price": "100", "circulating_supply": null, "total_supply": null,
            "max_supply": null, "volume_24h": null, "ath": null, "ath_date": null, "atl": null,
            "atl_date": null, "description": null
        })
    };
    let catalog = json!({ "assets": (1..=1000).map(asset).collect::<Vec<_>>() });
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(catalog.to_string().as_bytes()).unwrap();
    file
}

/// It holds the only place there is, until whoever watches its connection cuts it.
async fn a_reader_that_takes_nothing_is_cut_off(world: World) {
    let catalog = large_catalog();
    let setup = Setup::default().set("inventory.catalog", catalog.path().to_str().unwrap());
    let setup = setup.set("inventory.streams_per_client", "1").set("inventory.tick_ms", "100");
    let setup = setup.set("server.client_timeout_ms", "1000").set("server.keep_alive_s", "1");
    let own = world.own(setup).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = own.base().trim_start_matches("http://").parse().unwrap();
    let mut slow = socket.connect(address).await.unwrap();
    slow.write_all(format!("GET {STREAM} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    slow.readable().await.unwrap();
    let request = own.request(Method::GET, STREAM).header("connection", "close");
    own.send(request).await.refused(429, "too_many_streams");
    place(&own, "A1").await;
    drop(slow);
}
