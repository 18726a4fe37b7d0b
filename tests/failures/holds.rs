//! Money that is set aside: through the clients and in process the same, whatever the two do at once, and proved
//! by the books.

use serde_json::Value;
use tradepost::modules;
use tradepost_kernel::{Clock, OrderId, Quantity, Usd, UserId};
use tradepost_testkit::{Breakable, Mode, User, block_on};
use tradepost_user_api::{
    Accounts, AccountsError, Hold, HoldEnd, Positions, Release, Settlement, Side, Source,
};

use crate::twice::{accounts, settlement};
use crate::{Identity, setup, trader};

fn hold(platform: &Breakable, user: UserId, asset: &str, amount: &str) -> Hold {
    Hold {
        user,
        order: OrderId::generate(),
        asset: asset.parse().unwrap(),
        amount: Quantity::parse(amount).unwrap().into(),
        hold_by: platform.clock().now() + chrono::TimeDelta::seconds(10),
    }
}

fn release(hold: &Hold) -> Release {
    Release { user: hold.user, order: hold.order.clone(), asset: hold.asset }
}

/// Half a SOL for fifty dollars, from this hold.
fn fill(platform: &Breakable, hold: &Hold, side: Side) -> Settlement {
    let terms = settlement(platform, hold.user, side, "0.5", "50.00");
    Settlement { order: hold.order.clone(), from: Source::Hold, ..terms }
}

async fn positions(accounts: &dyn Accounts, user: UserId) -> Vec<tradepost_user_api::Position> {
    accounts.positions(user, Positions::All).await.unwrap()
}

/// Asks twice, and once more long after the deadline of the call; nothing moves after the first.
async fn thrice<T: Clone + PartialEq + std::fmt::Debug>(
    platform: &Breakable,
    accounts: &dyn Accounts,
    user: UserId,
    ask: impl AsyncFn() -> Result<T, AccountsError>,
) -> Result<T, AccountsError> {
    let first = ask().await;
    let before = positions(accounts, user).await;
    assert_eq!(ask().await, first);
    platform.clock().advance(chrono::TimeDelta::seconds(30));
    assert_eq!(ask().await, first);
    assert_eq!(positions(accounts, user).await, before);
    first
}

#[test]
fn holds_and_their_ends_are_answered_the_same_however_often_they_are_asked_for() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let Identity { uid, .. } = Identity::of(&trader(&platform).await);
        for (accounts, _) in accounts(&platform) {
            let accounts = &*accounts;
            for (asset, amount, side) in [("USD", "60", Side::Buy), ("SOL", "0.5", Side::Sell)] {
                let mut holds = Vec::new();
                for amount in [amount, "0.1"] {
                    let hold = hold(&platform, uid, asset, amount);
                    thrice(&platform, accounts, uid, async || accounts.hold(hold.clone()).await)
                        .await
                        .unwrap();
                    holds.push(hold);
                }
                let [filled, cancelled] = <[Hold; 2]>::try_from(holds).unwrap();
                let fill = fill(&platform, &filled, side);
                let settled =
                    thrice(&platform, accounts, uid, async || accounts.settle(fill.clone()).await).await;
                let end =
                    thrice(&platform, accounts, uid, async || accounts.release(release(&filled)).await).await;
                assert_eq!(end, settled.map(|settled| HoldEnd::Settled { at: settled.at }));
                let end =
                    thrice(&platform, accounts, uid, async || accounts.release(release(&cancelled)).await)
                        .await;
                assert!(matches!(end, Ok(HoldEnd::Released { .. })), "{end:?}");
            }
            assert!(positions(accounts, uid).await.iter().all(|position| position.held.is_zero()));
        }
    });
}

#[test]
fn refusals_of_holds_are_the_same_for_ever() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let Identity { uid, .. } = Identity::of(&trader(&platform).await);
        for (accounts, _) in accounts(&platform) {
            let accounts = &*accounts;
            let (much, late) = (hold(&platform, uid, "USD", "5000"), hold(&platform, uid, "USD", "1"));
            let refusal = thrice(&platform, accounts, uid, async || accounts.hold(much.clone()).await).await;
            assert!(matches!(refusal, Err(AccountsError::InsufficientFunds { .. })), "{refusal:?}");
            let end = thrice(&platform, accounts, uid, async || accounts.release(release(&much)).await).await;
            assert_eq!(end, Ok(HoldEnd::Refused));
            let expired = thrice(&platform, accounts, uid, async || accounts.hold(late.clone()).await).await;
            assert_eq!(expired, Err(AccountsError::SettlementExpired));
            let never = hold(&platform, uid, "USD", "60");
            let fill = fill(&platform, &never, Side::Buy);
            let settle = async || accounts.settle(fill.clone()).await;
            assert_eq!(thrice(&platform, accounts, uid, settle).await, Err(AccountsError::NoHold));
            let end =
                thrice(&platform, accounts, uid, async || accounts.release(release(&never)).await).await;
            assert!(matches!(end, Ok(HoldEnd::Released { .. })), "{end:?}");
            let late_hold =
                thrice(&platform, accounts, uid, async || accounts.hold(never.clone()).await).await;
            assert_eq!(late_hold, Err(AccountsError::HoldReleased));
            assert_eq!(thrice(&platform, accounts, uid, settle).await, Err(AccountsError::HoldReleased));
        }
    });
}

#[test]
fn of_a_fill_and_a_cancel_in_two_processes_exactly_one_wins() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let Identity { uid, .. } = Identity::of(&trader(&platform).await);
        let [(over_http, _), (in_process, _)] = accounts(&platform);
        for round in 0..20 {
            let (filler, canceller) =
                if round % 2 == 0 { (&over_http, &in_process) } else { (&in_process, &over_http) };
            let hold = hold(&platform, uid, "SOL", "0.5");
            filler.hold(hold.clone()).await.unwrap();
            let sell =
                Settlement { total: Usd::parse("1.00").unwrap(), ..fill(&platform, &hold, Side::Sell) };
            let (settled, ended) = tokio::join!(filler.settle(sell), canceller.release(release(&hold)));
            match (settled, ended) {
                (Ok(settled), Ok(HoldEnd::Settled { at })) if settled.at == at => {
                    let buy = settlement(&platform, uid, Side::Buy, "0.5", "1.00");
                    filler.settle(buy).await.unwrap();
                }
                (Err(AccountsError::HoldReleased), Ok(HoldEnd::Released { .. })) => {}
                other => panic!("{other:?}"),
            }
            assert!(positions(&*over_http, uid).await.iter().all(|position| position.held.is_zero()));
        }
    });
}

/// The answers of the user process never arrive, or arrive where nobody reads them.
#[test]
fn a_call_whose_answer_is_lost_between_processes_takes_place_once() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let Identity { uid, .. } = Identity::of(&trader(&platform).await);
        let peer = platform.peers().peer("order", "user", &platform.user.base());
        let meddled = tradepost_user_api::wire::AccountsClient::new(peer);
        for mode in [Mode::Cut, Mode::Twice, Mode::Down] {
            let (filled, cancelled) = (hold(&platform, uid, "USD", "60"), hold(&platform, uid, "USD", "20"));
            for hold in [&filled, &cancelled] {
                platform.user.next(1, "hold", mode);
                meddled.hold(hold.clone()).await.unwrap();
            }
            platform.user.next(1, "settle", mode);
            let settled = meddled.settle(fill(&platform, &filled, Side::Buy)).await.unwrap();
            platform.user.next(1, "release", mode);
            let end = meddled.release(release(&cancelled)).await;
            assert!(matches!(end, Ok(HoldEnd::Released { .. })), "{mode:?} {end:?}");
            let end = meddled.release(release(&filled)).await;
            assert_eq!(end, Ok(HoldEnd::Settled { at: settled.at }), "{mode:?}");
        }
        let cash = &positions(&meddled, uid).await[1];
        assert!(cash.held.is_zero(), "{cash:?}");
    });
}

#[test]
fn what_is_held_shows_in_the_balance_and_cannot_be_withdrawn() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let user = platform.at("user").new_user().await;
        user.deposit("100.00").await;
        let Identity { uid, .. } = Identity::of(&user);
        let [(accounts, _), _] = accounts(&platform);
        let hold = hold(&platform, uid, "USD", "70");
        accounts.hold(hold.clone()).await.unwrap();
        let balance: Value = user.get("/api/v1/balance").await.expect(200).json();
        let shown =
            ["current_balance", "available_balance", "held_balance"].map(|name| balance[name].clone());
        assert_eq!(shown, ["100.00", "30.00", "70.00"]);
        withdraw(&user, "30.01").await.refused(422, "insufficient_funds");
        withdraw(&user, "30.00").await.expect(201);
        accounts.release(release(&hold)).await.unwrap();
        let balance: Value = user.get("/api/v1/balance").await.expect(200).json();
        let shown =
            ["current_balance", "available_balance", "held_balance"].map(|name| balance[name].clone());
        assert_eq!(shown, ["70.00", "70.00", "0.00"]);
        withdraw(&user, "70.00").await.expect(201);
    });
}

async fn withdraw(user: &User, amount: &str) -> tradepost_testkit::Answer {
    user.post("/api/v1/balance/withdraw", &serde_json::json!({ "amount": amount })).await
}

#[test]
fn the_books_show_what_is_held_for_no_order() {
    block_on(async {
        let platform = Breakable::start(setup()).await;
        let Identity { uid, .. } = Identity::of(&trader(&platform).await);
        platform.reconcile().await;
        let [(accounts, _), _] = accounts(&platform);
        let hold = hold(&platform, uid, "USD", "60");
        accounts.hold(hold.clone()).await.unwrap();
        let report = modules::prove(platform.store()).await.unwrap();
        let text = report.to_string();
        assert!(text.contains("1 of them open holds"), "{text}");
        let wrong: Vec<_> = text.lines().filter(|line| line.starts_with("WRONG")).collect();
        let expected = format!("WRONG: order {}: its money is held, but {uid} has no such order", hold.order);
        assert_eq!(wrong, [expected], "the position holds what its open holds add up to");
    });
}
