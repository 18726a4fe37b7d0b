use tradepost_kernel::{Decimal, Price};

use super::read_catalog;

const BTC: &str = r#"{"asset_id":"BTC","name":"Bitcoin","category":"currency","rank":1,"is_active":true,
    "reference_price":"64000","ath":"109000","ath_date":"2025-01-20"}"#;

fn catalog(assets: &[&str]) -> String {
    format!(r#"{{"assets":[{}]}}"#, assets.join(","))
}

fn refusal(assets: &[&str]) -> String {
    read_catalog(&catalog(assets)).unwrap_err()
}

#[test]
fn the_demo_lists_a_hundred_assets_and_bitcoin_first() {
    let assets = read_catalog(include_str!("../../../../config/catalog.json")).unwrap();
    assert_eq!(assets.len(), 100);
    let btc = &assets[0];
    assert!(btc.asset.id == "BTC".parse().unwrap() && btc.asset.is_active);
    assert!(btc.reference <= Price::parse("80000").unwrap());
    assert!(assets.iter().any(|entry| !entry.asset.is_active));
    assert!(assets.iter().all(|entry| entry.asset.description.is_some()));
}

#[test]
fn decimals_are_kept_to_the_last_digit() {
    let row = BTC.replace("64000", "0.000000000012").replace("\"109000\"", "\"0.000000000056366001\"");
    let entry = &read_catalog(&catalog(&[&row])).unwrap()[0];
    assert_eq!(entry.reference.to_string(), "0.000000000012");
    assert_eq!(entry.ath.unwrap().value, Decimal::new(56_366_001, 18));
    assert_eq!((entry.asset.circulating_supply, entry.atl), (None, None));
}

#[test]
fn assets_stand_by_rank_and_the_unranked_last_by_symbol() {
    let unranked = |id: &str| BTC.replace("BTC", id).replace("\"rank\":1,", "");
    let second = BTC.replace("BTC", "ETH").replace("\"rank\":1", "\"rank\":2");
    let assets = read_catalog(&catalog(&[&unranked("ZZZ"), &unranked("AAA"), &second, BTC])).unwrap();
    let order: Vec<_> = assets.iter().map(|entry| entry.asset.id.to_string()).collect();
    assert_eq!(order, ["BTC", "ETH", "AAA", "ZZZ"]);
}

#[test]
fn cash_and_doubles_are_refused() {
    assert!(refusal(&[&BTC.replace("BTC", "usd")]).contains("USD, which is cash"));
    assert_eq!(refusal(&[BTC, &BTC.replace("BTC", "btc")]), "asset BTC: is listed twice");
    assert_eq!(refusal(&[]), "lists no asset");
}

#[test]
fn a_refusal_names_the_asset_and_the_field() {
    for (from, to, expected) in [
        ("64000", "64_000", "asset BTC: reference_price must be a number"),
        ("64000", "0", "asset BTC: reference_price must be greater than 0"),
        ("64000", "800000001", "asset BTC: reference_price must be at most 800000000"),
        ("\"64000\"", "64000", "asset BTC: invalid type"),
        ("Bitcoin", " Bitcoin", "asset BTC: name must be text"),
        ("\"rank\":1", "\"rank\":0", "asset BTC: rank must be at least 1"),
        ("109000", "-1", "asset BTC: ath must be greater than 0"),
        (",\"ath_date\":\"2025-01-20\"", "", "asset BTC: ath needs its ath_date"),
        ("2025-01-20", "2025-02-30", "asset BTC: "),
        ("is_active", "active", "asset BTC: unknown field `active`"),
        ("\"asset_id\":\"BTC\",", "", "asset number 1: missing field `asset_id`"),
        ("BTC", "B-T-C", "asset B-T-C: asset_id must be 1 to 10 letters or digits"),
    ] {
        let error = refusal(&[&BTC.replace(from, to)]);
        assert!(error.starts_with(expected), "{to}: {error}");
    }
    assert!(read_catalog(r#"{"assets":[],"more":1}"#).unwrap_err().contains("unknown field `more`"));
}
