//! What is asked, of whom, and with which key.

use tradepost_inventory::Plan;

use crate::coins::{coin, list, page};
use crate::world::World;

#[actix_web::test]
async fn a_request_has_every_parameter_and_says_who_asks() {
    let world = World::new(|_| page("64000", "2500")).await;
    world.until_price("BTC", "64000").await;
    let request = world.server.requests().remove(0);
    assert_eq!(request.path, "/api/v3/coins/markets");
    let mut query: Vec<_> = request.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    query.sort();
    assert_eq!(
        query,
        [
            "locale=en",
            "order=market_cap_desc",
            "page=1",
            "per_page=3",
            "price_change_percentage=24h,7d,30d",
            "vs_currency=usd",
        ]
    );
    assert_eq!(request.headers["user-agent"], concat!("tradepost/", env!("CARGO_PKG_VERSION")));
    assert!(!request.headers.keys().any(|name| name.contains("api-key")), "{:?}", request.headers);
}

#[actix_web::test]
async fn each_plan_has_its_header() {
    for (plan, header, other) in [
        (Plan::Demo, "x-cg-demo-api-key", "x-cg-pro-api-key"),
        (Plan::Pro, "x-cg-pro-api-key", "x-cg-demo-api-key"),
    ] {
        let with_key = |settings: &mut tradepost_inventory::Settings| {
            settings.coingecko.plan = plan;
            settings.coingecko.api_key = "CG-of-somebody".to_owned().into();
        };
        let world = World::with(with_key, |_| page("64000", "2500")).await;
        world.until_price("BTC", "64000").await;
        let request = world.server.requests().remove(0);
        assert_eq!(request.headers[header], "CG-of-somebody");
        assert!(!request.headers.contains_key(other) && !format!("{:?}", request.query).contains("CG-of"));
    }
}

#[actix_web::test]
async fn as_many_pages_are_asked_for_as_there_are_but_no_more_than_configured() {
    for (pages, filled, expected) in [(1, 9, 1), (3, 9, 3), (5, 2, 3)] {
        let script = move |request: &crate::server::Request| {
            let page: usize = request.query["page"].parse().unwrap();
            let coins = if page <= filled { 3 } else { 1 };
            let coin =
                |number| coin(&format!("coin-{page}-{number}"), &format!("c{page}x{number}"), "5", "9");
            list(&(0..coins).map(coin).collect::<Vec<_>>())
        };
        let world = World::with(|settings| settings.coingecko.pages = pages, script).await;
        world.until_price("C1X0", "5").await;
        let asked: Vec<_> = world
            .server
            .requests()
            .iter()
            .take(expected)
            .map(|request| request.query["page"].clone())
            .collect();
        let numbers: Vec<_> = (1..=expected).map(|page| page.to_string()).collect();
        assert_eq!(asked, numbers);
        let listed = world.detail(&format!("C{expected}X0")).await;
        assert_eq!(listed["price_source"], "coingecko", "the last page is listed, too");
        world.until_asked(1).await;
        let next = world.server.requests()[expected].query["page"].clone();
        assert_eq!(next, "1", "after {expected} pages comes the next fetch");
    }
}
