//! The user service stops and comes back in the middle of concurrent orders.

use tokio::task::JoinSet;
use tradepost_testkit::{Breakable, Mode, block_on};

use crate::{Told, all_ended, books_are_right, eventually, of_status, setup, trader};

const TRADERS: usize = 3;
const ORDERS: usize = 8;

async fn restarted(is_abrupt: bool) {
    let platform = Breakable::start(setup()).await;
    let mut tasks = JoinSet::new();
    let mut traders = Vec::new();
    for _ in 0..TRADERS {
        traders.push(trader(&platform).await);
    }
    for trader in traders {
        tasks.spawn(async move {
            let mut told = Vec::new();
            for number in 0..ORDERS {
                let order_type = if number % 2 == 0 { "market_buy" } else { "market_sell" };
                told.push(Told::by(trader.order(order_type, "SOL", "0.05").await));
            }
            (trader, told)
        });
    }
    let some = TRADERS + 4;
    eventually("orders under way", async || (platform.user.count("settle") >= some).then_some(())).await;
    assert!(platform.user.count("settle") < TRADERS * (ORDERS + 1), "orders are still to come");
    if is_abrupt {
        platform.user.set(Mode::Down).await;
    }
    platform.stop("user").await;
    platform.launch("user").await;
    platform.user.set(Mode::Pass).await;
    for (trader, told) in tasks.join_all().await {
        let last = Told::by(trader.order("market_buy", "SOL", "0.07").await);
        assert!(matches!(last, Told::Done(_)), "{last:?}");
        let ended = all_ended(&platform, &trader).await;
        assert!(ended.len() <= ORDERS + 2, "no order is there twice: {ended:?}");
        for told in told.into_iter().chain([last]) {
            match told {
                Told::Done(id) => {
                    assert_eq!(
                        of_status(&ended, "completed").filter(|order| order["order_id"] == id).count(),
                        1
                    );
                }
                Told::Refused(code) => panic!("refused for {code}, which is not true"),
                Told::Unknown => {}
            }
        }
        assert!(of_status(&ended, "failed").all(|order| order["code"] == "settlement_expired"), "{ended:?}");
        books_are_right(&platform, &trader, &ended).await;
    }
}

#[test]
fn orders_outlive_a_stop_of_the_user_service() {
    block_on(restarted(false));
}

#[test]
fn orders_outlive_a_crash_of_the_user_service() {
    block_on(restarted(true));
}
