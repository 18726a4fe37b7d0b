//! The way to the catalog is broken while orders are placed and portfolios shown.

use tradepost_testkit::{Breakable, Mode, User, block_on};

use crate::{GARBAGE, LATE, Told, books_are_right, orders, setup, trader};

async fn nothing_works(platform: &Breakable, trader: &User, mode: Mode) {
    platform.inventory.set(mode).await;
    let before = orders(trader).await;
    assert_eq!(Told::by(trader.order("market_buy", "SOL", "0.5").await), Told::Unknown, "{mode:?}");
    trader.get("/api/v1/portfolio").await.refused(503, "service_unavailable");
    assert_eq!(orders(trader).await, before, "{mode:?}");
    platform.inventory.set(Mode::Pass).await;
    books_are_right(platform, trader, &before).await;
}

async fn all_works(platform: &Breakable, trader: &User) {
    assert!(matches!(Told::by(trader.order("market_buy", "SOL", "0.1").await), Told::Done(_)));
    trader.get("/api/v1/portfolio").await.expect(200);
    books_are_right(platform, trader, &orders(trader).await).await;
}

#[test]
fn without_the_catalog_nothing_moves_until_it_is_back() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let broken = [Mode::Down, Mode::Cut, Mode::LateCall(LATE), Mode::LateAnswer(LATE)];
        for mode in broken.into_iter().chain(GARBAGE) {
            nothing_works(&platform, &trader, mode).await;
            all_works(&platform, &trader).await;
        }
    });
}

#[test]
fn the_catalog_is_asked_again_once_and_may_be_asked_twice() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        platform.inventory.set(Mode::Twice).await;
        all_works(&platform, &trader).await;
        for mode in [Mode::Cut, GARBAGE[0], GARBAGE[3]] {
            platform.inventory.set(Mode::Pass).await;
            let before = platform.inventory.count("listing");
            platform.inventory.next(1, "listing", mode);
            platform.inventory.next(1, "listings", mode);
            assert!(matches!(Told::by(trader.order("market_buy", "SOL", "0.1").await), Told::Done(_)));
            assert_eq!(platform.inventory.count("listing") - before, 2, "{mode:?}");
            trader.get("/api/v1/portfolio").await.expect(200);
        }
    });
}

#[test]
fn a_restart_of_the_catalog_is_forgotten_at_once() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        platform.stop("inventory").await;
        assert_eq!(Told::by(trader.order("market_buy", "SOL", "0.5").await), Told::Unknown);
        platform.launch("inventory").await;
        all_works(&platform, &trader).await;
    });
}
