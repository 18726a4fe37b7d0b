//! What was left pending is finished, once, whatever went wrong before.

use crate::support::{Trouble, World};
use chrono::TimeDelta;
use tokio::sync::watch;
use tradepost_kernel::Clock;
use tradepost_order::{OrderError, Status};
use tradepost_problem::Outage;

const UNKNOWN: Result<(), OrderError> = Err(OrderError::Outage(Outage::Storage));

#[tokio::test]
async fn an_order_the_accounts_did_not_get_is_settled_later() {
    let world = World::new().await;
    world.books.expect(Trouble::Outage);
    assert_eq!(world.buy("1").await.map(drop), UNKNOWN);
    assert_eq!(world.the_order().await.status, Status::Pending);
    assert_eq!(world.recover_after(2).await, 0, "whoever took the order may still be at it");
    assert_eq!(world.recover_after(2).await, 1);
    assert_eq!(world.the_order().await.status, Status::Completed);
    assert_eq!(world.books.cash(), "99000");
    assert_eq!(world.recover_after(3600).await, 0);
}

#[tokio::test]
async fn an_order_that_will_be_settled_later_is_not_said_to_have_changed_nothing() {
    let world = World::new().await;
    world.books.expect(Trouble::Busy);
    assert_eq!(world.buy("1").await.map(drop), Err(OrderError::Outage(Outage::Peer)));
    assert_eq!(world.recover_after(4).await, 1);
    assert_eq!(world.the_order().await.status, Status::Completed);
}

#[tokio::test]
async fn a_settlement_whose_answer_was_lost_is_not_made_twice() {
    let world = World::new().await;
    world.books.expect(Trouble::AnswerLost);
    assert_eq!(world.buy("1").await.map(drop), UNKNOWN);
    let settled_at = world.clock.now();
    assert_eq!(world.recover_after(3600).await, 1);
    let order = world.the_order().await;
    assert_eq!((order.status, order.updated_at), (Status::Completed, settled_at));
    assert_eq!(world.books.cash(), "99000");
}

#[tokio::test]
async fn an_order_that_nobody_settled_in_time_is_given_up() {
    let world = World::new().await;
    world.books.expect(Trouble::Outage);
    assert_eq!(world.buy("1").await.map(drop), UNKNOWN);
    assert_eq!(world.recover_after(11).await, 1);
    let order = world.the_order().await;
    assert_eq!((order.status, order.failure.unwrap().code.as_str()), (Status::Failed, "settlement_expired"));
    assert_eq!(world.books.cash(), "100000");
}

#[tokio::test]
async fn a_refusal_whose_answer_was_lost_stays_a_refusal() {
    let world = World::new().await;
    world.books.expect(Trouble::AnswerLost);
    assert_eq!(world.sell("1").await.map(drop), UNKNOWN);
    assert_eq!(world.recover_after(4).await, 1);
    assert_eq!(world.the_order().await.failure.unwrap().code, "insufficient_holdings");
}

#[tokio::test]
async fn an_order_whose_request_died_after_the_money_moved_is_completed() {
    let world = World::new().await;
    world.books.expect(Trouble::Hang);
    tokio::select! {
        _ = world.buy("1") => panic!("the answer never comes"),
        () = world.books.was_called() => {}
    }
    assert_eq!(world.the_order().await.status, Status::Pending);
    assert_eq!(world.recover_after(4).await, 1);
    assert_eq!(world.the_order().await.status, Status::Completed);
    assert_eq!(world.books.cash(), "99000");
}

#[tokio::test]
async fn a_request_that_recovery_overtook_answers_what_recovery_wrote() {
    let world = World::new().await;
    let later = world.clock.now() + TimeDelta::seconds(4);
    world.books.expect(Trouble::RecoveredMeanwhile(world.another_service(), later));
    let answered = world.buy("1").await.unwrap();
    assert_eq!(answered, world.the_order().await);
    assert_eq!(answered.status, Status::Completed);
    assert_eq!(world.books.cash(), "99000");
}

#[tokio::test]
async fn money_that_moved_is_answered_as_moved_even_if_that_cannot_be_written_down() {
    let world = World::new().await;
    world.books.expect(Trouble::StoreGoes(world.store.clone()));
    assert_eq!(world.buy("1").await.unwrap().status, Status::Completed);
    assert!(world.service.recover_due(world.clock.now()).await.is_err());
    world.store.on();
    assert_eq!(world.the_order().await.status, Status::Pending);
    assert_eq!(world.recover_after(4).await, 1);
    assert_eq!(world.the_order().await.status, Status::Completed);
    assert_eq!(world.books.cash(), "99000");
}

#[tokio::test]
async fn during_an_outage_attempts_become_rarer() {
    let world = World::new().await;
    world.books.expect(Trouble::AnswerLost);
    assert_eq!(world.buy("1").await.map(drop), UNKNOWN);
    (0..5).for_each(|_| world.books.expect(Trouble::AnswerLost));
    let mut attempts_at = Vec::new();
    for second in 1..=200 {
        let before = world.books.calls();
        world.recover_after(1).await;
        if world.books.calls() > before {
            attempts_at.push(second);
        }
    }
    // Due at a moment is looked at after it, hence the one second on top of every pause.
    assert_eq!(attempts_at, [4, 9, 18, 35, 68, 129]);
    assert_eq!(world.the_order().await.status, Status::Completed);
}

#[tokio::test]
async fn of_several_processes_one_finishes_an_order() {
    let world = World::new().await;
    for _ in 0..20 {
        world.books.expect(Trouble::Outage);
        assert_eq!(world.buy("0.1").await.map(drop), UNKNOWN);
    }
    world.clock.advance(4);
    let (now, calls) = (world.clock.now(), world.books.calls());
    let (a, b) = (world.another_service(), world.another_service());
    let (a, b, c) = tokio::join!(a.recover_due(now), b.recover_due(now), world.service.recover_due(now));
    assert_eq!(a.unwrap() + b.unwrap() + c.unwrap(), 20);
    assert_eq!(world.books.calls() - calls, 20, "a claimed order is left alone");
    assert_eq!(world.books.cash(), "98000");
}

#[tokio::test]
async fn the_background_task_finishes_orders_until_it_is_told_to_stop() {
    let world = World::new().await;
    world.books.expect(Trouble::Outage);
    assert_eq!(world.buy("1").await.map(drop), UNKNOWN);
    world.clock.advance(4);
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(world.another_service().run_recovery(stopped));
    while world.the_order().await.status == Status::Pending {
        tokio::task::yield_now().await;
    }
    stop.send(true).unwrap();
    task.await.unwrap();
    assert_eq!(world.books.cash(), "99000");
}
