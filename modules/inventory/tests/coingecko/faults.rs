//! What goes wrong, and what becomes of the prices then.

use std::net::TcpListener;

use chrono::TimeDelta;

use crate::coins::{coin, list, page};
use crate::server::{Answer, Request};
use crate::world::World;

const GOOD: (&str, &str) = ("64000", "2500");

fn good() -> Answer {
    page(GOOD.0, GOOD.1)
}

fn body_of(answer: Answer) -> String {
    let Answer::Ok(body) = answer else { panic!("{answer:?}") };
    body
}

/// After each of these the old prices stay, it is counted as such, and the next good answer counts again.
#[test]
fn a_fault_keeps_the_old_prices_is_counted_and_passes() {
    let many: Vec<_> = (0..10).map(|n| coin(&format!("coin-{n}"), &format!("c{n}"), "5", "9")).collect();
    let faults = [
        (Answer::Silence, "unavailable"),
        (Answer::Closed, "unavailable"),
        (Answer::Truncated(body_of(good())), "unavailable"),
        (Answer::Status(500, ""), "unavailable"),
        (Answer::Status(503, ""), "unavailable"),
        (Answer::Status(401, ""), "unavailable"),
        (Answer::Status(403, ""), "unavailable"),
        (Answer::Status(204, ""), "unavailable"),
        (Answer::Status(302, "location: http://127.0.0.1:9/\r\n"), "unavailable"),
        (Answer::Status(429, ""), "limited"),
        (Answer::Status(429, "retry-after: 1\r\n"), "limited"),
        (Answer::Ok(String::new()), "malformed"),
        (Answer::Ok("<html>busy</html>".to_owned()), "malformed"),
        (Answer::Ok(r#"{"status":{"error_code":1020}}"#.to_owned()), "malformed"),
        (Answer::Ok("[]".to_owned()), "malformed"),
        (list(&[coin("bitcoin", "btc", "0", "9")]), "malformed"),
        (Answer::Ok(body_of(list(&many)) + &" ".repeat(100_000)), "malformed"),
    ];
    // Each has a thread of its own, which counts for itself.
    std::thread::scope(|scope| {
        for (fault, kind) in faults {
            scope.spawn(move || actix_web::rt::System::new().block_on(passes(fault, kind)));
        }
    });
}

async fn passes(fault: Answer, kind: &str) {
    let world = World::with(|settings| settings.coingecko.max_body_bytes = 100_000, |_| good()).await;
    world.until_price("BTC", GOOD.0).await;
    let told = format!("{fault:.60?}");
    world.server.answers(move |_| fault.clone());
    let counter = format!(r#"tradepost_feed_errors_total{{kind="{kind}"}}"#);
    world.until_counted(&counter, 1).await;
    assert_eq!(
        (world.price("BTC").await, world.price("ETH").await),
        (GOOD.0.into(), GOOD.1.into()),
        "{told}"
    );
    world.server.answers(|_| page("64100", "2600"));
    world.until_price("BTC", "64100").await;
    assert_eq!(world.price("ETH").await, "2600", "{told}");
}

#[actix_web::test]
async fn an_answer_may_be_as_large_as_it_is_allowed_to_be() {
    let length = body_of(good()).len();
    for (most, is_read) in [(length, true), (length - 1, false)] {
        let world = World::with(|settings| settings.coingecko.max_body_bytes = most, |_| good()).await;
        if is_read {
            world.until_price("BTC", GOOD.0).await;
        } else {
            world.until_counted(r#"tradepost_feed_errors_total{kind="malformed"}"#, 1).await;
            assert_eq!(world.price("BTC").await, "");
        }
    }
}

#[actix_web::test]
async fn a_server_that_is_not_there_is_asked_again() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let elsewhere = move |settings: &mut tradepost_inventory::Settings| {
        settings.coingecko.base_url = format!("http://127.0.0.1:{port}/api/v3");
    };
    let world = World::with(elsewhere, |_| good()).await;
    world.until_counted(r#"tradepost_feed_errors_total{kind="unavailable"}"#, 2).await;
    assert_eq!((world.price("BTC").await, world.server.count()), (String::new(), 0));
}

#[actix_web::test]
async fn a_pause_that_is_asked_for_is_kept() {
    for pause in ["retry-after: 3600\r\n", "retry-after: Sun, 01 Mar 2026 13:00:00 GMT\r\n"] {
        let world = World::new(|_| good()).await;
        world.until_price("BTC", GOOD.0).await;
        world.server.answers(move |_| Answer::Status(429, pause));
        world.until_counted(r#"tradepost_feed_errors_total{kind="limited"}"#, 1).await;
        let asked = world.server.count();
        // Without the pause it would be asked again after two seconds at the latest, and then after four.
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        assert_eq!(world.server.count(), asked, "{pause}");
    }
}

#[actix_web::test]
async fn what_came_before_a_page_that_failed_is_used() {
    for (fault, is_asked_again) in
        [(Answer::Status(500, ""), true), (Answer::Status(429, "retry-after: 3600\r\n"), false)]
    {
        let script = move |request: &Request| {
            if request.is_for_page(2) {
                return fault.clone();
            }
            list(&[
                coin("bitcoin", "btc", "64000", "9"),
                coin("ethereum", "eth", "2500", "8"),
                coin("solana", "sol", "150", "7"),
            ])
        };
        let world = World::with(|settings| settings.coingecko.pages = 3, script).await;
        world.until_price("SOL", "150").await;
        let counter = r#"tradepost_feed_errors_total{kind="partial"}"#;
        assert!(
            world.counted(counter) >= 1 && !world.server.requests().iter().any(|asked| asked.is_for_page(3))
        );
        if is_asked_again {
            world.until_asked(1).await;
        } else {
            world.until_counted(r#"tradepost_feed_errors_total{kind="limited"}"#, 1).await;
            assert_eq!(
                world.server.count(),
                2,
                "all of the pause is kept, not only by the page that was refused"
            );
        }
    }
}

#[actix_web::test]
async fn an_absurd_jump_is_held_back_until_it_has_been_confirmed() {
    let world = World::with(|settings| settings.jump_confirmations = 4, |_| good()).await;
    world.until_price("BTC", GOOD.0).await;
    let counter = r#"tradepost_feed_rejected_total{reason="jump"}"#;
    world.server.answers(|_| page("6400000", "2501"));
    world.until_price("ETH", "2501").await;
    world.until_counted(counter, 1).await;
    assert_eq!(world.price("BTC").await, GOOD.0, "held back");

    world.server.answers(|_| page("64001", "2502"));
    world.until_price("BTC", "64001").await;
    let before = world.counted(counter);
    world.server.answers(|_| page("6400000", "2503"));
    world.until_price("BTC", "6400000").await;
    assert_eq!(world.counted(counter), before + 3, "what fell back to normal counts from the beginning");
}

#[actix_web::test]
async fn a_coin_that_vanishes_keeps_its_price_and_grows_old() {
    let world = World::new(|_| good()).await;
    world.until_price("BTC", GOOD.0).await;
    let listed = world.listing("BTC").await.unwrap().quote.unwrap();
    world.server.answers(|_| list(&[coin("ethereum", "eth", "2600", "8")]));
    world.until_price("ETH", "2600").await;
    world.passes(TimeDelta::minutes(10));
    world.until_asked(2).await;
    let kept = world.listing("BTC").await.unwrap().quote.unwrap();
    assert_eq!(kept, listed, "it is shown with the age it has");
    assert_eq!(world.detail("BTC").await["last_updated"], "2026-03-01T11:59:30Z");
}
