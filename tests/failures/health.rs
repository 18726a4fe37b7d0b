//! Services start in any order, and live with each other's absence.

use std::time::{Duration, Instant};

use tradepost_testkit::{Breakable, Mode, PASSWORD, User, block_on};

use crate::{Told, books_are_right, eventually, orders, setup, trader};

#[test]
fn the_order_service_may_start_first() {
    block_on(async {
        let platform = Breakable::prepare(setup()).await;
        platform.launch("user").await;
        let user = platform.at("user").new_user().await;
        user.deposit("1000.00").await;
        platform.stop("user").await;
        platform.user.set(Mode::Down).await;
        platform.inventory.set(Mode::Down).await;

        platform.launch("order").await;
        let trader = User { client: platform.at("order"), ..user };
        trader.client.get("/health/ready").await.expect(200);
        trader.get("/api/v1/orders").await.refused(503, "service_unavailable");
        assert_eq!(Told::by(trader.order("market_buy", "SOL", "1").await), Told::Unknown);
        trader.client.get("/api/v1/orders").await.expect(401);

        platform.launch("user").await;
        platform.launch("inventory").await;
        platform.user.set(Mode::Pass).await;
        platform.inventory.set(Mode::Pass).await;
        let told = eventually("an order that is done", async || {
            let told = Told::by(trader.order("market_buy", "SOL", "1").await);
            (told != Told::Unknown).then_some(told)
        });
        assert!(matches!(told.await, Told::Done(_)));
        books_are_right(&platform, &trader, &orders(&trader).await).await;
    });
}

#[test]
fn tokens_stay_good_while_the_user_service_is_away() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        platform.stop("user").await;
        trader.client.get("/health/ready").await.expect(200);
        assert_eq!(orders(&trader).await.len(), 1);
        trader.get("/api/v1/portfolio").await.refused(503, "service_unavailable");
        let forged = User { token: format!("{}x", trader.token), ..trader.clone() };
        forged.get("/api/v1/orders").await.expect(401);
        platform.launch("user").await;
        trader.get("/api/v1/portfolio").await.expect(200);
    });
}

/// The cache of sessions goes by the real time, so this takes as long as an answer is remembered.
#[test]
fn a_session_that_was_ended_is_refused_by_every_process_within_30_seconds() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let other = platform.at("user").log_in(&trader.username, PASSWORD).await;
        let account = User { client: platform.at("user"), ..trader.clone() };
        trader.get("/api/v1/orders").await.expect(200);
        account.post("/api/v1/auth/logout", &serde_json::json!({})).await.expect(200);
        let ended = Instant::now();
        account.get("/api/v1/balance").await.expect(401);
        while trader.get("/api/v1/orders").await.status != 401 {
            assert!(ended.elapsed() < Duration::from_secs(30), "still let in");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let other = User { client: platform.at("order"), ..other };
        other.get("/api/v1/orders").await.expect(200);
        // When nobody can be asked any more, and what was remembered of live sessions is forgotten, it stays refused.
        platform.stop("user").await;
        tokio::time::sleep(Duration::from_secs(21)).await;
        other.get("/api/v1/orders").await.expect(200);
        trader.get("/api/v1/orders").await.expect(401);
    });
}
