//! Finding assets in the catalog: orders, categories and searches, and the sums over all of them.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use rust_decimal::RoundingStrategy::MidpointAwayFromZero;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tradepost_testkit::{Client, Setup, World};

use crate::figures::{exact, number, still};

crate::tests![
    each_order_is_right_both_ways,
    a_category_holds_its_own_assets_and_no_others,
    the_best_is_found_first,
    what_is_misspelt_is_found_and_nonsense_is_not,
    whatever_is_asked_for_its_pages_join_to_the_whole,
    the_search_text_has_limits_and_orders_have_names,
    categories_are_the_sums_over_their_assets,
    the_market_is_the_sum_over_all_assets,
    reading_the_catalog_asks_the_store_for_nothing,
];

/// A listed asset, its figures exact.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    id: String,
    name: String,
    category: String,
    is_active: bool,
    rank: Option<Decimal>,
    price: Option<Decimal>,
    change: Option<Decimal>,
    volume: Option<Decimal>,
    market_cap: Option<Decimal>,
}

impl Row {
    fn read(fields: &BTreeMap<String, Box<RawValue>>) -> Self {
        let text = |name: &str| serde_json::from_str(fields[name].get()).unwrap();
        let figure = |name: &str| Some(fields[name].get()).filter(|text| *text != "null").map(exact);
        Self {
            id: text("asset_id"),
            name: text("name"),
            category: text("category"),
            is_active: fields["is_active"].get() == "true",
            rank: figure("market_cap_rank"),
            price: figure("price_usd"),
            change: figure("price_change_percentage_24h"),
            volume: figure("total_volume_24h"),
            market_cap: figure("market_cap"),
        }
    }
}

type Fields = BTreeMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct Page {
    data: Vec<Fields>,
    total_count: usize,
    active_count: usize,
}

async fn page(client: &Client, query: &str) -> Page {
    let answer = client.get(&format!("/api/v1/inventory/assets?{query}")).await.expect(200);
    serde_json::from_str(&answer.text).unwrap()
}

async fn rows(client: &Client, query: &str) -> Vec<Row> {
    page(client, query).await.data.iter().map(Row::read).collect()
}

async fn all(client: &Client) -> Vec<Row> {
    rows(client, "active_only=false&limit=250").await
}

async fn found(client: &Client, query: &str) -> Vec<String> {
    ids(&rows(client, &format!("active_only=false&limit=250&{query}")).await)
}

fn ids(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.id.clone()).collect()
}

/// The known ones in order, then the unknown ones; what is equal as it was.
fn sorted<T: Ord>(rows: &[Row], is_descending: bool, value: impl Fn(&Row) -> Option<T>) -> Vec<String> {
    let (mut known, unknown): (Vec<Row>, Vec<Row>) =
        rows.iter().cloned().partition(|row| value(row).is_some());
    known.sort_by(|one, other| {
        let ordering = value(one).cmp(&value(other));
        if is_descending { ordering.reverse() } else { ordering }
    });
    ids(&[known, unknown].concat())
}

async fn each_order_is_right_both_ways(world: World) {
    let own = world.own(still()).await;
    let all = all(&own).await;
    for is_descending in [false, true] {
        let expected = [
            ("rank", sorted(&all, is_descending, |row| row.rank)),
            ("name", sorted(&all, is_descending, |row| Some(row.name.to_lowercase()))),
            ("price", sorted(&all, is_descending, |row| row.price)),
            ("change", sorted(&all, is_descending, |row| row.change)),
            ("volume", sorted(&all, is_descending, |row| row.volume)),
            ("market_cap", sorted(&all, is_descending, |row| row.market_cap)),
        ];
        for (key, expected) in expected {
            let sort = format!("sort={}{key}", if is_descending { "-" } else { "" });
            assert_eq!(found(&own, &sort).await, expected, "{sort}");
        }
    }
    assert_eq!(found(&own, "sort=rank").await, ids(&all));
    assert_eq!(found(&own, "sort=-price").await[0], "BTC");
}

async fn a_category_holds_its_own_assets_and_no_others(world: World) {
    let all = all(&world).await;
    let categories: BTreeSet<_> = all.iter().map(|row| row.category.clone()).collect();
    assert!(categories.len() > 10, "{categories:?}");
    for category in &categories {
        let expected = ids(&all.iter().filter(|row| row.category == *category).cloned().collect::<Vec<_>>());
        for spelt in [category.clone(), category.to_uppercase()] {
            let page = page(&world, &format!("active_only=false&limit=250&category={spelt}")).await;
            let found: Vec<_> = page.data.iter().map(Row::read).collect();
            assert_eq!((ids(&found), page.total_count), (expected.clone(), expected.len()), "{spelt}");
        }
    }
    // LUNC is the only one of its category that cannot be traded, and is counted all the same.
    let category = all.iter().find(|row| row.id == "LUNC").unwrap().category.clone();
    let page = page(&world, &format!("category={category}&limit=250")).await;
    assert!(page.data.len() < page.total_count && page.data.len() == page.active_count);
    for unheard_of in ["nonsense", "def", "defi%20", "", "%25"] {
        assert!(found(&world, &format!("category={unheard_of}")).await.is_empty(), "{unheard_of}");
    }
}

async fn the_best_is_found_first(world: World) {
    for (q, first) in [
        ("btc", "BTC"),
        ("BTC", "BTC"),
        ("bitcoin", "BTC"),
        ("%20Bitcoin%20", "BTC"),
        ("bitcoin%20cash", "BCH"),
        ("cash", "BCH"),
        ("sol", "SOL"),
        ("ethereum", "ETH"),
        ("inu", "SHIB"),
        ("usd", "USDT"),
    ] {
        let found = found(&world, &format!("q={q}")).await;
        assert_eq!(found.first().map(String::as_str), Some(first), "{q}: {found:?}");
    }
    // By name first those that begin so, then those that only contain it.
    let bitcoins = found(&world, "q=bitcoin").await;
    assert!(bitcoins.contains(&"BCH".to_owned()) && bitcoins.contains(&"BSV".to_owned()), "{bitcoins:?}");
    let coins = found(&world, "q=coin").await;
    assert!(coins.contains(&"BTC".to_owned()) && coins.contains(&"DOGE".to_owned()), "{coins:?}");
    let place = |id: &str| coins.iter().position(|coin| coin == id).unwrap();
    assert!(place("USDC") < place("BTC"), "a word of it before a part of a word: {coins:?}");
    let sorted = found(&world, "q=coin&sort=name").await;
    assert_eq!(BTreeSet::from_iter(&sorted), BTreeSet::from_iter(&coins));
    assert!(sorted != coins && sorted[0] == "APE", "{sorted:?}");
}

async fn what_is_misspelt_is_found_and_nonsense_is_not(world: World) {
    for (q, first) in [
        ("bitcon", "BTC"),
        ("bticoin", "BTC"),
        ("etherium", "ETH"),
        ("solanna", "SOL"),
        ("dogcoin", "DOGE"),
        ("cardnao", "ADA"),
    ] {
        let found = found(&world, &format!("q={q}")).await;
        assert_eq!(found.first().map(String::as_str), Some(first), "{q}: {found:?}");
    }
    for q in ["qqqqqqqq", "%25", "_", "zq", "bitcoin%20is%20the%20best", "%F0%9F%9A%80", "%27%20OR%201=1"] {
        let page = page(&world, &format!("active_only=false&q={q}")).await;
        assert_eq!((page.data.len(), page.total_count, page.active_count), (0, 0, 0), "{q}");
    }
    assert!(found(&world, "q=bitcon&category=stablecoin").await.is_empty());
    assert_eq!(found(&world, "q=usd&category=stablecoin&sort=-market_cap").await[0], "USDT");
}

async fn whatever_is_asked_for_its_pages_join_to_the_whole(world: World) {
    let own = world.own(still()).await;
    for query in [
        "sort=-change",
        "sort=name&active_only=false",
        "q=coin",
        "q=a&sort=-volume&active_only=false",
        "category=smart-contracts&sort=price",
        "category=defi&q=a&sort=-market_cap&active_only=false",
    ] {
        let whole = page(&own, &format!("limit=250&{query}")).await;
        let whole_ids = ids(&whole.data.iter().map(Row::read).collect::<Vec<_>>());
        assert!(whole_ids.len() > 3, "{query}: {whole_ids:?}");
        let mut joined = Vec::new();
        while let part = page(&own, &format!("limit=3&offset={}&{query}", joined.len())).await
            && !part.data.is_empty()
        {
            assert_eq!(part.total_count, whole.total_count, "{query}");
            let part_rows: Vec<_> = part.data.iter().map(Row::read).collect();
            assert_eq!(part_rows.iter().filter(|row| row.is_active).count(), part.active_count, "{query}");
            joined.extend(ids(&part_rows));
        }
        assert_eq!(joined, whole_ids, "{query}");
        let all = page(&own, &format!("limit=250&{query}&active_only=false")).await;
        assert!(query.contains("active_only") || all.data.len() == whole.total_count, "{query}");
    }
}

async fn the_search_text_has_limits_and_orders_have_names(world: World) {
    let path = "/api/v1/inventory/assets";
    for q in ["x".to_owned(), "x".repeat(50), "%C3%B6".repeat(50), format!("%20{}%20", "x".repeat(50))] {
        world.get(&format!("{path}?q={q}")).await.expect(200);
    }
    for q in [String::new(), "%20%20".to_owned(), "x".repeat(51), "%C3%B6".repeat(51)] {
        world.get(&format!("{path}?q={q}")).await.invalid(&["q"]);
    }
    for sort in ["nonsense", "", "-", "--rank", "Rank", "price_usd", "rank,name", "%2Brank"] {
        let refused = world.get(&format!("{path}?sort={sort}")).await.invalid(&["sort"]);
        let message = refused.json()["validation_errors"][0]["message"].to_string();
        for name in ["rank", "name", "price", "change", "volume", "market_cap"] {
            assert!(message.contains(name), "{message}");
        }
    }
}

async fn categories_are_the_sums_over_their_assets(world: World) {
    let own = world.own(still()).await;
    let all = all(&own).await;
    let answer = own.get("/api/v1/inventory/categories").await.expect(200);
    let sums = serde_json::from_str::<BTreeMap<String, Vec<Fields>>>(&answer.text).unwrap().remove("data");
    let (mut counted, mut before) = (0, Decimal::MAX);
    for sum in sums.unwrap() {
        let text = |name: &str| serde_json::from_str::<String>(sum[name].get()).unwrap();
        let category = text("category");
        let own: Vec<_> = all.iter().filter(|row| row.category == category).collect();
        let total = exact(sum["total_market_cap"].get());
        assert_eq!(sum["asset_count"].get(), own.len().to_string(), "{category}");
        assert_eq!(total, own.iter().filter_map(|row| row.market_cap).sum(), "{category}");
        assert!(total <= before, "the largest first: {category}");
        assert!(text("name").starts_with(char::is_uppercase), "{category}");
        if let Some((_, name)) = [("defi", "DeFi"), ("ai", "AI"), ("smart-contracts", "Smart contracts")]
            .into_iter()
            .find(|(known, _)| *known == category)
        {
            assert_eq!(text("name"), name);
        }
        (counted, before) = (counted + own.len(), total);
    }
    assert_eq!(counted, all.len());
}

async fn the_market_is_the_sum_over_all_assets(world: World) {
    let own = world.own(still()).await;
    let all = all(&own).await;
    let answer = own.get("/api/v1/inventory/market").await.expect(200);
    let total: Decimal = all.iter().filter_map(|row| row.market_cap).sum();
    assert_eq!(exact(number(&answer.text, "data.total_market_cap")), total);
    let volume: Decimal = all.iter().filter_map(|row| row.volume).sum();
    assert_eq!(exact(number(&answer.text, "data.total_volume_24h")), volume);

    let market = answer.json()["data"].clone();
    let largest = found(&own, "sort=-market_cap").await;
    let shares = market["dominance"].as_object().unwrap();
    assert_eq!(BTreeSet::from_iter(shares.keys()), BTreeSet::from_iter(&largest[..10]));
    for id in &largest[..10] {
        let cap = all.iter().find(|row| row.id == *id).unwrap().market_cap.unwrap();
        let share = (cap * Decimal::ONE_HUNDRED / total).round_dp_with_strategy(2, MidpointAwayFromZero);
        assert_eq!(exact(number(&answer.text, &format!("data.dominance.{id}"))), share, "{id}");
    }
    let active: Vec<_> = all.iter().filter(|row| row.is_active).cloned().collect();
    let with_change = |is_wanted: fn(Decimal) -> bool| {
        let rows = active.iter().filter(|row| row.change.is_some_and(is_wanted));
        rows.cloned().collect::<Vec<_>>()
    };
    let gainers = with_change(|change| change > Decimal::ZERO);
    let losers = with_change(|change| change < Decimal::ZERO);
    for (list, expected) in [
        ("top_gainers", sorted(&gainers, true, |row| row.change)),
        ("top_losers", sorted(&losers, false, |row| row.change)),
        ("most_traded", sorted(&active, true, |row| row.volume)),
    ] {
        let shown: Vec<_> = market[list].as_array().unwrap().iter().map(|asset| &asset["asset_id"]).collect();
        assert_eq!(shown, expected.iter().take(10).collect::<Vec<_>>(), "{list}");
    }
    let listed = own.get("/api/v1/inventory/assets?sort=-volume&limit=1").await.expect(200).json();
    assert_eq!(without_age(&market["most_traded"][0]), without_age(&listed["data"][0]));
    let newest = own.get("/api/v1/inventory/assets/BTC").await.expect(200).json();
    assert_eq!(market["last_updated"], newest["data"]["last_updated"]);
}

fn without_age(asset: &Value) -> Value {
    assert!(asset["price_age_s"].is_u64(), "{asset}");
    let mut asset = asset.clone();
    asset["price_age_s"].take();
    asset
}

async fn reading_the_catalog_asks_the_store_for_nothing(world: World) {
    let own = world.own(Setup::default().quiet()).await;
    own.get("/api/v1/inventory/assets").await.expect(200);
    own.until_quiet().await;
    let reads = async {
        for path in [
            "assets",
            "assets?category=defi&sort=-change",
            "assets?q=bitcon",
            "assets/BTC",
            "categories",
            "market",
        ] {
            own.get(&format!("/api/v1/inventory/{path}")).await.expect(200);
        }
    };
    assert_eq!(own.storage_calls(reads).await, ((), 0, 0));
}
