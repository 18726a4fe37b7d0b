//! The store does not answer, or refuses for a while, when an order's money moves.

#[path = "../../../../platform/tests/faults/mod.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod faults;

use faults::{Fault, Line, connect};
use futures_util::future::join_all;

use super::{Accounts, AccountsError, Held, HoldEnd, Installation, OrderId, Outage, Settled, World, are};

async fn world() -> (World, Line) {
    let (dynamo, line) = connect();
    let world = World::on(Installation::on(dynamo, 2, 5, 50).await, "100.00").await;
    line.restart_counting();
    (world, line)
}

async fn with_each_fault<F: Future<Output = ()>>(test: impl Fn(Fault) -> F) {
    join_all(Fault::EACH.map(test)).await;
}

#[tokio::test]
async fn a_hold_is_made_once_under_each_fault() {
    with_each_fault(|fault| async move {
        let (world, line) = world().await;
        line.fail_at(0, fault);
        let order = world.held("USD", "70").await;
        assert_eq!((line.applied(), world.balances("USD").await), (1, are("30", "70")), "{fault:?}");
        let again = world.service(1).hold(world.hold_of(&order, "USD", "70")).await;
        assert!(again.is_ok(), "{fault:?} {again:?}");
        assert_eq!(world.balances("USD").await, are("30", "70"), "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn a_hold_ends_once_under_each_fault() {
    with_each_fault(|fault| async move {
        let (world, line) = world().await;
        let (filled, cancelled) = (world.held("USD", "60").await, world.held("USD", "40").await);
        line.restart_counting();
        line.fail_at(0, fault);
        let settled = world.service(0).settle(world.buy(&filled, "50.00")).await;
        assert_eq!((line.applied(), world.balances("USD").await), (1, are("10", "40")), "{fault:?}");
        assert_eq!(world.service(1).settle(world.buy(&filled, "50.00")).await, settled, "{fault:?}");
        line.fail_at(0, fault);
        let released = world.service(0).release(world.release_of(&cancelled, "USD")).await;
        assert_eq!((line.applied(), world.balances("USD").await), (2, are("50", "0")), "{fault:?}");
        assert_eq!(
            world.service(1).release(world.release_of(&cancelled, "USD")).await,
            released,
            "{fault:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_refusal_and_a_release_of_the_unknown_are_written_once_under_each_fault() {
    with_each_fault(|fault| async move {
        let (world, line) = world().await;
        let (refused, unknown) = (OrderId::generate(), OrderId::generate());
        line.fail_at(0, fault);
        let refusal = world.service(0).hold(world.hold_of(&refused, "USD", "100.01")).await;
        assert!(matches!(refusal, Err(AccountsError::InsufficientFunds { .. })), "{fault:?} {refusal:?}");
        line.fail_at(0, fault);
        let end = world.service(0).release(world.release_of(&unknown, "USD")).await.unwrap();
        assert!(matches!(end, HoldEnd::Released { .. }), "{fault:?} {end:?}");
        assert_eq!((line.applied(), world.balances("USD").await), (2, are("100", "0")), "{fault:?}");
    })
    .await;
}

/// The answer to the first is lost; before it asks again, another process has gone on.
#[tokio::test]
async fn a_hold_whose_answer_was_lost_is_told_truly_whatever_became_of_it() {
    let (world, line) = world().await;
    line.fail_at(0, Fault::AnswerLost);
    let order = OrderId::generate();
    let at = super::Clock::now(&*world.installation.clock);
    let (held, ended) = tokio::join!(world.service(0).hold(world.hold_of(&order, "USD", "70")), async {
        line.has_applied(1).await;
        world.service(1).release(world.release_of(&order, "USD")).await
    });
    assert_eq!((held, ended), (Ok(Held { at }), Ok(HoldEnd::Released { at })));
    assert_eq!(world.balances("USD").await, are("100", "0"));
}

#[tokio::test]
async fn a_release_whose_answer_was_lost_is_told_truly_although_the_position_moved_on() {
    let (world, line) = world().await;
    let order = world.held("USD", "70").await;
    line.restart_counting();
    line.fail_at(0, Fault::AnswerLost);
    let (released, other) = tokio::join!(world.service(0).release(world.release_of(&order, "USD")), async {
        line.has_applied(1).await;
        let other = OrderId::generate();
        world.service(1).hold(world.hold_of(&other, "USD", "100")).await
    });
    assert!(matches!(released, Ok(HoldEnd::Released { .. })), "{released:?}");
    assert!(other.is_ok(), "{other:?}");
    assert_eq!(world.balances("USD").await, are("0", "100"));
}

#[tokio::test]
async fn a_fill_whose_answer_was_lost_wins_over_the_cancel_that_follows() {
    let (world, line) = world().await;
    let order = world.held("USD", "70").await;
    line.restart_counting();
    line.fail_at(0, Fault::AnswerLost);
    let (settled, ended) = tokio::join!(world.service(0).settle(world.buy(&order, "60.00")), async {
        line.has_applied(1).await;
        world.service(1).release(world.release_of(&order, "USD")).await
    });
    let Settled { at } = settled.unwrap();
    assert_eq!(ended, Ok(HoldEnd::Settled { at }));
    assert_eq!(world.balances("USD").await, are("40", "0"));
}

#[tokio::test]
async fn a_cancel_that_never_arrived_loses_to_the_fill_that_did() {
    let (world, line) = world().await;
    let order = world.held("USD", "70").await;
    line.restart_counting();
    line.fail_at(0, Fault::RequestLost);
    let (ended, settled) = tokio::join!(world.service(0).release(world.release_of(&order, "USD")), async {
        line.has_sent(1).await;
        world.service(1).settle(world.buy(&order, "60.00")).await
    });
    let Settled { at } = settled.unwrap();
    assert_eq!(ended, Ok(HoldEnd::Settled { at }));
    assert_eq!(world.balances("USD").await, are("40", "0"));
}

/// No answer means unknown; whoever asks again is told what it was.
#[tokio::test]
async fn what_was_unknown_is_known_to_whoever_asks_again() {
    join_all([Fault::ServerError, Fault::ConnectionBroken].map(|first| async move {
        let (world, line) = world().await;
        let silence = || {
            line.heal();
            line.fail_at(0, first);
            line.always_fail(Fault::Contention("TransactionConflict"));
        };
        let (filled, cancelled) = (OrderId::generate(), OrderId::generate());
        for order in [&filled, &cancelled] {
            let hold = || world.hold_of(order, "USD", "50");
            silence();
            assert_eq!(world.service(0).hold(hold()).await, Err(Outage::Storage.into()), "{first:?}");
            line.heal();
            assert!(world.service(1).hold(hold()).await.is_ok(), "{first:?}");
        }
        assert_eq!(world.balances("USD").await, are("0", "100"), "{first:?}");
        silence();
        let unknown = world.service(0).settle(world.buy(&filled, "40.00")).await;
        assert_eq!(unknown, Err(Outage::Storage.into()), "{first:?}");
        line.heal();
        assert!(world.service(1).settle(world.buy(&filled, "40.00")).await.is_ok(), "{first:?}");
        silence();
        let release = || world.release_of(&cancelled, "USD");
        assert_eq!(world.service(0).release(release()).await, Err(Outage::Storage.into()), "{first:?}");
        line.heal();
        let end = world.service(1).release(release()).await;
        assert!(matches!(end, Ok(HoldEnd::Released { .. })), "{first:?} {end:?}");
        assert_eq!(world.balances("USD").await, are("60", "0"), "{first:?}");
    }))
    .await;
}
