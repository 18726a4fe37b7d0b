//! What is made of an answer.

use serde_json::Value;

use crate::coins::{coin, list};
use crate::world::World;

#[actix_web::test]
async fn numbers_are_shown_as_they_were_written() {
    let world = World::new(|_| {
        list(&[
            coin("bitcoin", "btc", "64000.123456789012", "1297846869995.25"),
            coin("tiny", "tiny", "1e-7", "5"),
            coin("long", "long", "0.00001234567890123", "6"),
        ])
    })
    .await;
    world.until_price("BTC", "64000.123456789012").await;
    assert_eq!(world.price("TINY").await, "0.0000001");
    assert_eq!(world.price("LONG").await, "0.000012345679", "rounded to twelve places");
    let body = world.body("/inventory/assets/BTC").await;
    for expected in [
        r#""price_usd":64000.123456789012,"#,
        r#""market_cap":1297846869995.25,"#,
        r#""total_volume_24h":17135990479"#,
        r#""high_24h":65363.5,"#,
        r#""low_24h":64469,"#,
        r#""price_change_24h":-523.6328486848,"#,
        r#""price_change_percentage_24h":-0.60001,"#,
        r#""price_change_percentage_7d":3.0123456789,"#,
        r#""price_change_percentage_30d":12.25,"#,
        r#""circulating_supply":20068353,"#,
        r#""max_supply":21000000,"#,
        r#""ath":126080,"#,
        r#""ath_change_percentage":-48.70606,"#,
        r#""ath_date":"2025-10-06","#,
        r#""atl":0.000000000056366,"#,
        r#""atl_date":"2013-07-05","#,
        r#""last_updated":"2026-03-01T11:59:30Z""#,
        r#""price_source":"coingecko""#,
        r#""image":"https://img.example/bitcoin.png?1696501400""#,
        r#""market_cap_rank":1"#,
    ] {
        assert!(body.contains(expected), "{expected} is not in {body}");
    }
}

#[actix_web::test]
async fn a_bad_coin_costs_no_other_and_is_counted() {
    let good = coin("bitcoin", "btc", "64000", "1297846869995");
    let answer = list(&[
        r#"{"id":"broken","symbol":"brk"}"#.to_owned(),
        "17".to_owned(),
        coin("odd", "o-d-d", "5", "9"),
        coin("dollar", "usd", "1", "9"),
        coin("worthless", "nil", "0", "9"),
        coin("nothing", "none", "null", "9"),
        coin("negative", "neg", "-1", "9"),
        coin("dear", "dear", "1000000001", "9"),
        coin("timeless", "age", "5", "9").replace("2026-03-01T11:59:30.000Z", "unknown"),
        good,
    ]);
    let world = World::with(|settings| settings.coingecko.interval_s = 600, move |_| answer.clone()).await;
    world.until_price("BTC", "64000").await;
    for (reason, number) in [("malformed", 2), ("symbol", 2), ("price", 4), ("time", 1), ("jump", 0)] {
        let counter = format!(r#"tradepost_feed_rejected_total{{reason="{reason}"}}"#);
        assert_eq!(world.counted(&counter), number, "{reason}");
    }
    let page: Value =
        serde_json::from_str(&world.body("/inventory/assets?active_only=false&limit=250").await).unwrap();
    // What else the catalog has is shown without a price.
    let priced = page["data"].as_array().unwrap().iter().filter(|asset| !asset["price_source"].is_null());
    assert_eq!((priced.count(), &page["total_count"]), (1, &Value::from(100)), "{page}");
}

#[actix_web::test]
async fn of_two_coins_with_one_symbol_the_larger_is_listed() {
    let world = World::with(
        |settings| (settings.coingecko.interval_s, settings.coingecko.pages) = (600, 2),
        |request| {
            if request.is_for_page(2) {
                return list(&[coin("late", "eth", "7", "null"), coin("bitcoin", "btc", "63999", "1")]);
            }
            list(&[
                coin("small", "btc", "5", "1000"),
                coin("bitcoin", "btc", "64000", "1297846869995"),
                coin("early", "eth", "6", "1"),
            ])
        },
    )
    .await;
    world.until_price("BTC", "64000").await;
    assert_eq!(world.price("ETH").await, "6", "one without a market cap counts least");
    assert_eq!(world.detail("BTC").await["name"], "bitcoin coin");
}

#[actix_web::test]
async fn a_coin_without_a_price_yields_its_symbol_to_no_other() {
    let world = World::new(|_| {
        list(&[
            coin("bitcoin", "btc", "null", "1297846869995"),
            coin("small", "btc", "5", "1000"),
            coin("ethereum", "eth", "2500", "9"),
        ])
    })
    .await;
    world.until_price("ETH", "2500").await;
    let bitcoin = world.listing("BTC").await.unwrap();
    assert!(bitcoin.quote.is_none() && !bitcoin.tradable, "another's price is not its price");
}

#[actix_web::test]
async fn a_price_said_to_be_of_tomorrow_is_of_now() {
    let world = World::new(|_| {
        list(&[
            coin("bitcoin", "btc", "64000", "9").replace("2026-03-01T11:59:30.000Z", "2026-03-02T12:00:00Z")
        ])
    })
    .await;
    world.until_price("BTC", "64000").await;
    assert_eq!(world.detail("BTC").await["last_updated"], "2026-03-01T12:00:00Z");
}
