//! Several processes want an end of the same hold, or the same money, at the same moment.

use tokio::task::JoinSet;

use super::{Accounts, AccountsError, Arc, HoldEnd, OrderId, Settled, Settlement, Source, World, are};

const ROUNDS: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_fill_and_a_cancel_exactly_one_wins_and_both_say_which() {
    let world = World::with("5000.00").await;
    let mut cash = 5000;
    for _ in 0..ROUNDS {
        let order = world.held("USD", "70").await;
        let (fill, cancel) = (world.buy(&order, "60.00"), world.release_of(&order, "USD"));
        let (filler, canceller) = (Arc::clone(world.service(0)), Arc::clone(world.service(1)));
        let filled = tokio::spawn({
            let fill = fill.clone();
            async move { filler.settle(fill).await }
        });
        let cancelled = tokio::spawn({
            let cancel = cancel.clone();
            async move { canceller.release(cancel).await }
        });
        let (filled, cancelled) = (filled.await.unwrap(), cancelled.await.unwrap());
        match (filled.clone(), cancelled.clone()) {
            (Ok(Settled { at }), Ok(HoldEnd::Settled { at: same })) if at == same => cash -= 60,
            (Err(AccountsError::HoldReleased), Ok(HoldEnd::Released { .. })) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(world.balances("USD").await, are(&cash.to_string(), "0"));
        assert_eq!(world.service(1).settle(fill).await, filled);
        assert_eq!(world.service(0).release(cancel).await, cancelled);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_and_its_release_at_once_never_leave_anything_held() {
    let world = World::with("100.00").await;
    for _ in 0..ROUNDS {
        let order = OrderId::generate();
        let (hold, release) = (world.hold_of(&order, "USD", "70"), world.release_of(&order, "USD"));
        let (holder, releaser) = (Arc::clone(world.service(0)), Arc::clone(world.service(1)));
        let held = tokio::spawn(async move { holder.hold(hold).await });
        let released = tokio::spawn(async move { releaser.release(release).await });
        let (held, released) = (held.await.unwrap(), released.await.unwrap());
        assert!(matches!(held, Ok(_) | Err(AccountsError::HoldReleased)), "{held:?}");
        assert!(matches!(released, Ok(HoldEnd::Released { .. })), "{released:?}");
        assert_eq!(world.balances("USD").await, are("100", "0"));
        assert_eq!(world.service(1).hold(world.hold_of(&order, "USD", "70")).await, held);
    }
}

/// Their clocks differ, so an answer that is not what was written would show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_do_the_same_agree_on_when_it_was_done() {
    let world = World::with("5000.00").await;
    for _ in 0..ROUNDS {
        let (filled, cancelled) = (OrderId::generate(), OrderId::generate());
        for order in [&filled, &cancelled] {
            let hold = || world.hold_of(order, "USD", "70");
            let held =
                tokio::join!(world.service(0).hold(hold()), later(&world, world.service(1).hold(hold())));
            assert!(held.0.is_ok() && held.0 == held.1, "{held:?}");
        }
        let fill = || world.buy(&filled, "60.00");
        let settled =
            tokio::join!(world.service(0).settle(fill()), later(&world, world.service(1).settle(fill())));
        assert!(settled.0.is_ok() && settled.0 == settled.1, "{settled:?}");
        let cancel = || world.release_of(&cancelled, "USD");
        let released = tokio::join!(
            world.service(0).release(cancel()),
            later(&world, world.service(1).release(cancel()))
        );
        assert!(released.0.is_ok() && released.0 == released.1, "{released:?}");
    }
    assert_eq!(world.balances("USD").await, are("3500", "0"));
}

/// Does something a second later by the clock of the processes.
async fn later<T>(world: &World, call: impl Future<Output = T>) -> T {
    world.advance(1);
    call.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_the_same_money_as_many_get_it_as_there_is() {
    let world = World::with("20.00").await;
    let mut wanting = JoinSet::new();
    for turn in 0..64 {
        let service = Arc::clone(world.service(turn % 2));
        let order = OrderId::generate();
        let hold = world.hold_of(&order, "USD", "1");
        let pay = Settlement { from: Source::Available, ..world.buy(&order, "1.00") };
        wanting.spawn(async move {
            if turn % 4 < 2 {
                service.hold(hold).await.map(|_| 1)
            } else {
                service.settle(pay).await.map(|_| 0)
            }
        });
    }
    let answers = wanting.join_all().await;
    let got = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused =
        answers.iter().filter(|a| matches!(a, Err(AccountsError::InsufficientFunds { .. }))).count();
    assert_eq!((got, refused), (20, 44), "{answers:?}");
    let held: usize = answers.into_iter().flatten().sum();
    assert_eq!(world.balances("USD").await, are("0", &held.to_string()));
}
