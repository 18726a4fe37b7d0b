//! The public routes, through the same `routes` the server mounts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, http::header::CONTENT_TYPE};
use serde_json::Value;
use tradepost_inventory::{Inventory, Settings, routes, state};
use tradepost_inventory_api::Catalog;
use tradepost_kernel::{Clock, Timestamp};
use tradepost_platform::cursor::Cursors;
use tradepost_platform::secrets::Secret;
use utoipa_actix_web::{AppExt, scope};

const LIST_KEYS: [&str; 12] = [
    "asset_id",
    "name",
    "description",
    "category",
    "price_usd",
    "is_active",
    "symbol",
    "image",
    "market_cap_rank",
    "price_change_percentage_24h",
    "market_cap",
    "total_volume_24h",
];
const DETAIL_KEYS: [&str; 17] = [
    "availability_status",
    "price_change_24h",
    "price_change_percentage_7d",
    "price_change_percentage_30d",
    "high_24h",
    "low_24h",
    "circulating_supply",
    "total_supply",
    "max_supply",
    "ath",
    "ath_change_percentage",
    "ath_date",
    "atl",
    "atl_change_percentage",
    "atl_date",
    "last_updated",
    "price_source",
];

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }
}

fn inventory(catalog: &str) -> Arc<Inventory> {
    let settings = Settings { catalog: catalog.to_owned(), ..Settings::demo() };
    Inventory::new(settings, None, Arc::new(Still)).unwrap()
}

fn cursors() -> Cursors {
    Cursors::new(Secret::from_bytes(b"test").derive("cursors"))
}

async fn answer_of(inventory: Arc<Inventory>, path: &str) -> (u16, String, String) {
    let routes = scope("/api/v1").configure(state(inventory, cursors())).configure(routes);
    let app = App::new().into_utoipa_app().service(routes);
    let app = init_service(app.into_app().wrap(from_fn(tradepost_problem::finish))).await;
    let response = call_service(&app, TestRequest::get().uri(&format!("/api/v1{path}")).to_request()).await;
    let media_type = response.headers().get(CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
    let status = response.status().as_u16();
    (status, media_type, String::from_utf8(read_body(response).await.to_vec()).unwrap())
}

async fn get(path: &str) -> (u16, Value) {
    let (status, media_type, body) = answer_of(inventory(""), path).await;
    let expected = if status == 200 { "application/json" } else { "application/problem+json" };
    assert_eq!(media_type, expected, "{path}");
    (status, serde_json::from_str(&body).unwrap())
}

async fn list(query: &str) -> Value {
    let (status, body) = get(&format!("/inventory/assets{query}")).await;
    assert_eq!(status, 200, "{query}: {body}");
    body
}

async fn detail(asset: &str) -> Value {
    let (status, mut body) = get(&format!("/inventory/assets/{asset}")).await;
    assert_eq!(status, 200, "{asset}: {body}");
    body["data"].take()
}

fn keys(object: &Value) -> HashSet<&String> {
    object.as_object().unwrap().keys().collect()
}

fn ids(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().unwrap();
    rows.iter().map(|row| row["asset_id"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn every_listed_asset_has_every_key() {
    let page = list("?active_only=false&limit=250").await;
    for row in page["data"].as_array().unwrap() {
        for key in LIST_KEYS {
            assert!(row.get(key).is_some(), "{row} lacks {key}");
        }
        assert!(row["price_usd"].is_number() && row["name"].is_string());
        assert_eq!(row["price_source"], "simulated");
        assert_eq!(row["symbol"], row["asset_id"]);
    }
}

#[actix_web::test]
async fn the_default_page_has_fifty_active_assets_by_rank() {
    let page = list("").await;
    let rows = page["data"].as_array().unwrap();
    assert_eq!(rows.len(), 50);
    assert_eq!((page["total_count"].as_u64(), page["active_count"].as_u64()), (Some(100), Some(50)));
    assert_eq!(rows[0]["asset_id"], "BTC");
    let ranks: Vec<_> = rows.iter().map(|row| row["market_cap_rank"].as_u64().unwrap()).collect();
    assert!(ranks.is_sorted() && rows.iter().all(|row| row["is_active"] == true));
}

#[actix_web::test]
async fn inactive_assets_are_listed_on_request_and_always_counted() {
    let active = list("?limit=250&active_only=true").await;
    let all = list("?limit=250&active_only=false").await;
    assert_eq!((ids(&active).len(), ids(&all).len()), (97, 100));
    for page in [&active, &all] {
        assert_eq!((page["total_count"].as_u64(), page["active_count"].as_u64()), (Some(100), Some(97)));
    }
    assert!(!ids(&active).contains(&"LUNC".to_owned()) && ids(&all).contains(&"LUNC".to_owned()));
}

#[actix_web::test]
async fn pages_join_without_gap_or_overlap() {
    let whole = ids(&list("?limit=250&active_only=false").await);
    let mut joined = Vec::new();
    for offset in (0..=120).step_by(30) {
        joined.extend(ids(&list(&format!("?limit=30&active_only=false&offset={offset}")).await));
    }
    assert_eq!(joined, whole);
    assert_eq!(whole.iter().collect::<HashSet<_>>().len(), 100);
    let beyond = list("?offset=100000").await;
    assert_eq!((ids(&beyond).len(), beyond["active_count"].as_u64()), (0, Some(0)));
}

#[actix_web::test]
async fn parameters_hold_both_sides_of_their_limits() {
    for (query, status) in [
        ("limit=0", 422),
        ("limit=1", 200),
        ("limit=250", 200),
        ("limit=251", 422),
        ("limit=-1", 422),
        ("limit=ten", 422),
        ("limit=", 422),
        ("offset=0", 200),
        ("offset=100000", 200),
        ("offset=100001", 422),
        ("offset=-1", 422),
        ("active_only=maybe", 422),
        ("q=", 422),
        ("q=%20%20", 422),
        ("q=%20b%20", 200),
        ("q=%00", 200),
        (concat!("q=", "01234567890123456789012345678901234567890123456789"), 200),
        (concat!("q=", "012345678901234567890123456789012345678901234567890"), 422),
        ("sort=rank", 200),
        ("sort=-market_cap", 200),
        ("sort=", 422),
        ("sort=-", 422),
        ("sort=--name", 422),
        ("sort=Name", 422),
        ("sort=nonsense", 422),
        ("category=&unknown=1", 200),
    ] {
        let (actual, body) = get(&format!("/inventory/assets?{query}")).await;
        assert_eq!(actual, status, "{query}");
        if status == 422 {
            assert_eq!(body["code"], "validation_failed");
            assert_eq!(body["validation_errors"][0]["field"], query.split('=').next().unwrap());
        }
    }
    assert_eq!(ids(&list("?limit=1").await).len(), 1);
}

#[actix_web::test]
async fn one_asset_has_every_key_and_agrees_with_the_list() {
    let page = list("?limit=250&active_only=false").await;
    for row in page["data"].as_array().unwrap() {
        let detail = detail(row["asset_id"].as_str().unwrap()).await;
        for key in LIST_KEYS {
            assert_eq!(detail[key], row[key], "{key}");
        }
        for key in DETAIL_KEYS {
            assert!(detail.get(key).is_some(), "{detail} lacks {key}");
        }
    }
}

#[actix_web::test]
async fn bitcoin_is_active_and_under_a_hundred_thousand_dollars() {
    let btc = detail("btc").await;
    assert_eq!((&btc["asset_id"], &btc["is_active"]), (&Value::from("BTC"), &Value::from(true)));
    assert_eq!(btc["availability_status"], "available");
    assert_eq!(btc["last_updated"], "2026-03-01T12:00:00Z");
    assert_eq!(btc["ath_date"], "2025-01-20");
    let whole_dollars = btc["price_usd"].to_string().split('.').next().unwrap().parse::<u64>().unwrap();
    assert!((54_400..73_600).contains(&whole_dollars), "{whole_dollars}");
}

#[actix_web::test]
async fn an_inactive_asset_is_shown_as_unavailable_with_its_price() {
    let retired = detail("WAVES").await;
    assert_eq!(
        (&retired["is_active"], &retired["availability_status"]),
        (&Value::from(false), &"unavailable".into())
    );
    assert!(retired["price_usd"].is_number());
}

#[actix_web::test]
async fn an_unknown_symbol_is_404_and_a_malformed_one_422() {
    for asset in ["NOPE", "USD", "ABCDEFGHIJ", "0"] {
        let (status, body) = get(&format!("/inventory/assets/{asset}")).await;
        assert_eq!((status, body["code"].as_str()), (404, Some("asset_not_found")), "{asset}");
        assert_eq!(body["type"], "/problems/asset_not_found");
    }
    for asset in
        ["ABCDEFGHIJK", "BT-C", "%20%20%20", "BTC%20", "B%C3%87", "%2e%2e%2fx", "BTC%00", "%F0%9F%9A%80"]
    {
        let (status, body) = get(&format!("/inventory/assets/{asset}")).await;
        assert_eq!((status, body["code"].as_str()), (422, Some("validation_failed")), "{asset}");
        assert_eq!(body["validation_errors"][0]["field"], "asset_id");
    }
}

#[actix_web::test]
async fn numbers_have_their_exact_digits_and_unknown_ones_are_null() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let catalog = r#"{"assets":[
        {"asset_id":"TINY","name":"Tiny","category":"meme","is_active":true,
         "reference_price":"0.000000000001","circulating_supply":"79228162514264337593.54395033",
         "atl":"0.0000000000000000000000000001","atl_date":"2020-02-29"},
        {"asset_id":"FIRST","name":"First","category":"meme","rank":7,"is_active":true,
         "reference_price":"1"}]}"#;
    file.write_all(catalog.as_bytes()).unwrap();
    let inventory = inventory(file.path().to_str().unwrap());

    let (_, _, body) = answer_of(Arc::clone(&inventory), "/inventory/assets/TINY").await;
    for expected in [
        r#""price_usd":0.000000000001,"#,
        r#""circulating_supply":79228162514264337593.54395033,"#,
        r#""market_cap":79228162.51,"#,
        r#""atl":0.0000000000000000000000000001,"#,
        r#""price_change_24h":0,"#,
        r#""description":null,"#,
        r#""market_cap_rank":null,"#,
        r#""total_volume_24h":null,"#,
        r#""max_supply":null,"#,
        r#""ath":null,"ath_change_percentage":null,"ath_date":null,"#,
    ] {
        assert!(body.contains(expected), "{expected} is not in {body}");
    }
    let (_, _, body) = answer_of(inventory, "/inventory/assets").await;
    assert!(body.find("FIRST").unwrap() < body.find("TINY").unwrap(), "the unranked stand last: {body}");
    assert!(body.contains(r#""price_usd":0.000000000001,"#));
}

#[actix_web::test]
async fn the_price_shown_is_the_price_quoted_to_the_last_digit() {
    let inventory = inventory("");
    let (_, _, body) = answer_of(Arc::clone(&inventory), "/inventory/assets?limit=250").await;
    let page: Value = serde_json::from_str(&body).unwrap();
    for id in ids(&page) {
        let quote = inventory.listing(id.parse().unwrap()).await.unwrap().unwrap().quote.unwrap();
        let row = body.split(&format!(r#"{{"asset_id":"{id}","#)).nth(1).unwrap();
        let price = row.split(r#""price_usd":"#).nth(1).unwrap().split(',').next().unwrap();
        assert_eq!(price, quote.price.to_string(), "{id}");
    }
}

/// A catalog of its own: what is equal, unknown or written in capitals.
fn odd_catalog() -> (tempfile::NamedTempFile, Arc<Inventory>) {
    let asset = |id: &str, name: &str, more: &str| {
        format!(
            r#"{{"asset_id":"{id}","name":"{name}","category":"Odd-Ones","is_active":true,
                "reference_price":"1"{more}}}"#
        )
    };
    let supply = r#","circulating_supply":"1000","rank":3"#;
    let assets = [
        asset("B", "zebra", r#","rank":1,"volume_24h":"5.50""#),
        asset("A", "Zebra", r#","volume_24h":"5.50""#),
        asset("D", "Ähre", supply),
        asset("C", "ähre", supply),
        asset("E", "apple", r#","volume_24h":"0.00","rank":2"#),
    ];
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, r#"{{"assets":[{}]}}"#, assets.join(",")).unwrap();
    let inventory = inventory(file.path().to_str().unwrap());
    (file, inventory)
}

async fn listed_by(inventory: &Arc<Inventory>, query: &str) -> String {
    let (status, _, body) = answer_of(Arc::clone(inventory), &format!("/inventory/assets?{query}")).await;
    assert_eq!(status, 200, "{query}: {body}");
    ids(&serde_json::from_str(&body).unwrap()).concat()
}

#[actix_web::test]
async fn what_is_equal_stands_by_rank_and_what_is_unknown_last() {
    let (_file, inventory) = odd_catalog();
    for (sort, expected) in [("rank", "BECDA"), ("-rank", "CDEBA"), ("name", "EBACD"), ("-name", "CDBAE")] {
        assert_eq!(listed_by(&inventory, &format!("sort={sort}")).await, expected, "{sort}");
    }
    // Prices differ, and with them what is traded and what all units cost; two of these have no volume, three no units.
    for (key, unknown) in [("volume", "CD"), ("market_cap", "BEA")] {
        for sort in [key.to_owned(), format!("-{key}")] {
            let listed = listed_by(&inventory, &format!("sort={sort}")).await;
            assert!(listed.ends_with(unknown), "{sort}: {listed}");
        }
    }
    assert!(listed_by(&inventory, "sort=volume").await.starts_with('E'), "nothing of it is traded");
}

#[actix_web::test]
async fn a_category_is_matched_in_either_case_and_shown_as_it_is_asked_for() {
    let (_file, inventory) = odd_catalog();
    for (category, count) in [("Odd-Ones", 5), ("odd-ones", 5), ("ODD-ONES", 5), ("odd", 0), ("", 0)] {
        assert_eq!(listed_by(&inventory, &format!("category={category}")).await.len(), count, "{category}");
    }
    let (_, _, body) = answer_of(inventory, "/inventory/categories").await;
    assert!(
        body.starts_with(r#"{"data":[{"category":"odd-ones","name":"Odd ones","asset_count":5,"#),
        "{body}"
    );
}

#[actix_web::test]
async fn without_prices_the_market_is_empty_and_orders_by_rank() {
    let settings = Settings { feed: tradepost_inventory::Source::None, ..Settings::demo() };
    let inventory = Inventory::new(settings, None, Arc::new(Still)).unwrap();
    let (status, _, body) = answer_of(Arc::clone(&inventory), "/inventory/market").await;
    let expected = concat!(
        r#"{"data":{"total_market_cap":0,"total_volume_24h":0,"dominance":{},"top_gainers":[],"#,
        r#""top_losers":[],"most_traded":[],"last_updated":null}}"#
    );
    assert_eq!((status, body.as_str()), (200, expected));
    let by_rank = listed_by(&inventory, "limit=250").await;
    for sort in ["price", "-price", "change", "-change", "volume", "-volume", "market_cap", "-market_cap"] {
        assert_eq!(listed_by(&inventory, &format!("limit=250&sort={sort}")).await, by_rank, "{sort}");
    }
    let (_, _, body) = answer_of(inventory, "/inventory/categories").await;
    let categories: Value = serde_json::from_str(&body).unwrap();
    for category in categories["data"].as_array().unwrap() {
        assert_eq!(category["total_market_cap"], 0);
    }
}

#[actix_web::test]
async fn every_route_is_documented_with_its_parameters_and_problems() {
    let app = App::new()
        .into_utoipa_app()
        .service(scope("/api/v1").configure(state(inventory(""), cursors())).configure(routes));
    let document = serde_json::to_value(app.split_for_parts().1).unwrap();
    let many = &document["paths"]["/api/v1/inventory/assets"]["get"];
    let names: Vec<_> = many["parameters"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["active_only", "limit", "offset", "category", "q", "sort"]);
    assert!(many["parameters"].as_array().unwrap().iter().all(|parameter| parameter["required"] == false));
    let one = &document["paths"]["/api/v1/inventory/assets/{asset_id}"]["get"];
    assert_eq!(one["tags"][0], "inventory");
    for (status, code) in [("404", "`asset_not_found`"), ("422", "`validation_failed`")] {
        assert!(one["responses"][status]["description"].as_str().unwrap().starts_with(code));
    }
    let shown = [
        ("ListedAsset", list("?limit=1").await["data"][0].take()),
        ("AssetDetail", detail("BTC").await),
        ("Category", get("/inventory/categories").await.1["data"][0].take()),
        ("Market", get("/inventory/market").await.1["data"].take()),
    ];
    for (schema, answer) in shown {
        let example = &document["components"]["schemas"][schema]["example"];
        assert_eq!(keys(example), keys(&answer), "{schema}");
    }
    for schema in ["AssetPage", "AssetAnswer", "CategoryAnswer", "MarketAnswer"] {
        assert!(document["components"]["schemas"].get(schema).is_some(), "{schema}");
    }
}
