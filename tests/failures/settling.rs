//! The way to the accounts is broken while orders are placed.

use serde_json::Value;
use tradepost_testkit::{Breakable, Mode, User, block_on};

use crate::{GARBAGE, LATE, Told, all_ended, books_are_right, of_status, orders, setup, trader};

/// Places a buy and a sell that can be settled, and a sell that cannot.
async fn place(trader: &User) -> [Told; 3] {
    let buy = Told::by(trader.order("market_buy", "SOL", "0.5").await);
    let sell = Told::by(trader.order("market_sell", "SOL", "0.3").await);
    let too_much = Told::by(trader.order("market_sell", "SOL", "10").await);
    [buy, sell, too_much]
}

/// After the break: all orders end, as was told where something was told, and the books are right.
async fn mended(platform: &Breakable, trader: &User, told: [Told; 3]) -> Vec<Value> {
    platform.user.set(Mode::Pass).await;
    platform.user.quiet().await;
    let ended = all_ended(platform, trader).await;
    assert_eq!(ended.len(), 4, "each order is kept, once: {ended:?}");
    let [buy, sell, too_much] = told;
    for (told, quantity) in [(buy, "0.5"), (sell, "0.3"), (too_much, "10")] {
        let order = ended.iter().find(|order| order["quantity"] == quantity).unwrap();
        match told {
            Told::Done(id) => {
                assert_eq!((&order["order_id"], &order["status"]), (&id.into(), &"completed".into()))
            }
            Told::Refused(code) => {
                assert_eq!((&order["status"], &order["code"]), (&"failed".into(), &code.into()));
            }
            Told::Unknown if order["status"] == "failed" && quantity != "10" => {
                assert_eq!(order["code"], "settlement_expired", "{order}");
            }
            Told::Unknown => {}
        }
        assert!(quantity != "10" || order["status"] == "failed", "{order}");
    }
    books_are_right(platform, trader, &ended).await;
    assert!(matches!(Told::by(trader.order("market_buy", "SOL", "0.1").await), Told::Done(_)));
    ended
}

/// While the answers are lost, nobody is told anything; what was committed stands.
async fn answers_are_lost(mode: Mode, is_committed: bool) {
    let platform = Breakable::start(setup()).await;
    let trader = trader(&platform).await;
    match mode {
        Mode::Down => platform.user.set(mode).await,
        _ => platform.user.on("settle", mode),
    }
    let told = place(&trader).await;
    assert_eq!(told, [Told::Unknown, Told::Unknown, Told::Unknown], "{mode:?}");
    let ended = mended(&platform, &trader, told).await;
    if is_committed {
        assert_eq!(of_status(&ended, "completed").count(), 3, "{mode:?}: {ended:?}");
    }
}

/// The break does not keep the answer from its client.
async fn answers_come(meddle: impl AsyncFn(&Breakable)) {
    let platform = Breakable::start(setup()).await;
    let trader = trader(&platform).await;
    meddle(&platform).await;
    let told = place(&trader).await;
    let [Told::Done(_), Told::Done(_), Told::Refused(code)] = &told else { panic!("{told:?}") };
    assert_eq!(code, "insufficient_holdings");
    assert!(of_status(&orders(&trader).await, "pending").next().is_none());
    mended(&platform, &trader, told).await;
}

#[test]
fn while_nobody_listens_orders_wait_for_recovery() {
    block_on(answers_are_lost(Mode::Down, false));
}

#[test]
fn a_call_that_arrives_when_nobody_waits_any_more_settles_once() {
    block_on(answers_are_lost(Mode::LateCall(LATE), false));
}

#[test]
fn an_answer_that_arrives_too_late_is_no_refusal() {
    block_on(answers_are_lost(Mode::LateAnswer(LATE), true));
}

#[test]
fn an_answer_cut_off_after_the_commit_is_no_refusal() {
    block_on(answers_are_lost(Mode::Cut, true));
}

#[test]
fn garbage_is_no_answer() {
    block_on(async {
        for garbage in GARBAGE {
            answers_are_lost(garbage, true).await;
        }
    });
}

#[test]
fn calls_that_arrive_twice_settle_once() {
    block_on(answers_come(async |platform| platform.user.set(Mode::Twice).await));
}

#[test]
fn one_lost_answer_is_asked_for_again() {
    block_on(answers_come(async |platform| platform.user.next(1, "settle", Mode::Cut)));
}

#[test]
fn one_call_that_does_not_arrive_is_sent_again() {
    block_on(answers_come(async |platform| platform.user.next(1, "settle", Mode::Down)));
}

/// Nothing is begun for somebody whose session may have ended.
#[test]
fn while_it_is_unknown_whether_a_session_lives_nothing_is_ordered() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let trader = trader(&platform).await;
        let again = platform.at("user").log_in(&trader.username, tradepost_testkit::PASSWORD).await;
        let again = User { client: trader.client.clone(), ..again };
        for mode in [Mode::Down, Mode::Cut, GARBAGE[0], GARBAGE[2], GARBAGE[3]] {
            platform.user.on("is_live", mode);
            assert_eq!(Told::by(again.order("market_buy", "SOL", "0.5").await), Told::Unknown, "{mode:?}");
            assert_eq!(orders(&trader).await.len(), 1, "{mode:?}");
        }
        platform.user.on("is_live", Mode::Twice);
        assert!(matches!(Told::by(again.order("market_buy", "SOL", "0.5").await), Told::Done(_)));
        books_are_right(&platform, &trader, &orders(&trader).await).await;
    });
}
