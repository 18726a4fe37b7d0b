//! Categories and descriptions: from the catalog file, and from what CoinGecko says of one category at a time.

use chrono::TimeDelta;

use crate::coins::{coin, list};
use crate::server::{Answer, Request};
use crate::world::World;

fn coins() -> Vec<String> {
    vec![
        coin("bitcoin", "btc", "64000", "9"),
        coin("dogwifhat", "wif99", "2", "8"),
        coin("nobody", "nobody", "3", "7"),
    ]
}

fn categories_of(requests: &[Request]) -> Vec<String> {
    requests.iter().filter_map(|request| request.query.get("category").cloned()).collect()
}

async fn until_categories_asked(world: &World, number: usize) {
    for _ in 0..60 {
        if categories_of(&world.server.requests()).len() >= number {
            return;
        }
        world.until_asked(1).await;
    }
    panic!("asked for {:?} only", categories_of(&world.server.requests()));
}

#[actix_web::test]
async fn categories_are_asked_for_one_a_fetch_and_seldom() {
    let script = |request: &Request| match request.query.get("category").map(String::as_str) {
        Some("layer-1") => list(&[coin("bitcoin", "btc", "1", "9")]),
        Some("meme-token") => list(&[coin("dogwifhat", "wif99", "1", "9"), coin("nobody", "x", "1", "9")]),
        Some("broken") => Answer::Status(404, ""),
        Some(other) => panic!("nobody wants {other}"),
        None => list(&coins()),
    };
    let mapping = ["broken=defi", "layer-1=smart-contracts", "meme-token=meme"];
    let with_mapping = |settings: &mut tradepost_inventory::Settings| {
        settings.coingecko.categories = mapping.map(str::to_owned).to_vec();
    };
    let world = World::with(with_mapping, script).await;
    world.until_price("WIF99", "2").await;
    until_categories_asked(&world, 3).await;
    world.until_asked(3).await;

    let requests = world.server.requests();
    assert_eq!(categories_of(&requests), ["broken", "layer-1", "meme-token"], "each once");
    let is_category = |request: &Request| request.query.contains_key("category");
    assert!(!requests.windows(2).any(|pair| is_category(&pair[0]) && is_category(&pair[1])), "one a fetch");
    let request = requests.iter().find(|request| is_category(request)).unwrap();
    assert_eq!((&*request.query["per_page"], &*request.query["page"]), ("250", "1"));

    let bitcoin = world.detail("BTC").await;
    assert_eq!(bitcoin["category"], "currency", "the catalog file knows better");
    assert!(bitcoin["description"].as_str().unwrap().starts_with("The first decentralised"));
    let unknown = world.detail("WIF99").await;
    assert_eq!((&unknown["category"], &unknown["description"]), (&"meme".into(), &serde_json::Value::Null));
    assert_eq!(world.counted(r#"tradepost_feed_errors_total{kind="category"}"#), 1);

    world.passes(TimeDelta::hours(1));
    until_categories_asked(&world, 4).await;
    assert_eq!(categories_of(&world.server.requests())[3..], ["broken"], "what failed is tried again");
    world.passes(TimeDelta::hours(23));
    until_categories_asked(&world, 7).await;
}

#[actix_web::test]
async fn a_coin_in_no_category_is_in_the_category_other() {
    let world = World::new(|_| list(&coins())).await;
    world.until_price("NOBODY", "3").await;
    assert_eq!(world.detail("NOBODY").await["category"], "other");
    world.until_asked(2).await;
    assert!(categories_of(&world.server.requests()).is_empty());
}
