//! A process that dies at any call of any operation, before or after it took effect: the next one finds what it left
//! and brings it to an end in which nothing is lost, and nothing held for an order that has ended.

use crate::support::{Trouble, World, order};
use chrono::TimeDelta;
use tradepost_kernel::{Clock, Price};
use tradepost_order::{NewOrder, Order, OrderType, Stage, Status, Terms};

/// What a process was doing.
#[derive(Clone, Copy, Debug)]
enum Work {
    Place,
    PlaceReached,
    Fill,
    Cancel,
    Expire,
}

const ALL: [Work; 5] = [Work::Place, Work::PlaceReached, Work::Fill, Work::Cancel, Work::Expire];

/// A buy of one bitcoin that waits for five minutes.
fn short(world: &World, price: &str) -> NewOrder {
    let expires_at = Some(world.clock.now() + TimeDelta::minutes(5));
    let terms = Terms::Limit { price: Price::parse(price).unwrap(), expires_at };
    NewOrder { terms, ..order(OrderType::LimitBuy, "1") }
}

/// Everything before the work during which the process dies.
async fn prepare(world: &World, work: Work) -> Option<Order> {
    match work {
        Work::Place | Work::PlaceReached => None,
        Work::Fill | Work::Cancel | Work::Expire => {
            let open = world.place(short(world, "900")).await.unwrap();
            // A long way off, so that what is done about it is not done by the tick that learns of it.
            world.service.trigger(0).await.unwrap();
            match work {
                Work::Fill => world.price("890"),
                Work::Expire => world.clock.advance(301),
                _ => {}
            }
            Some(open)
        }
    }
}

async fn perform(world: &World, work: Work, open: Option<&Order>) {
    match work {
        Work::Place => drop(world.place(short(world, "900")).await),
        Work::PlaceReached => drop(world.place(short(world, "1100")).await),
        Work::Fill => drop(world.service.trigger(1).await),
        Work::Cancel => drop(world.cancel(&open.unwrap().order_id).await),
        Work::Expire => drop(world.service.recover_due(world.clock.now()).await),
    }
}

/// What the accounts have must be what the order says.
fn check(world: &World, orders: &[Order], what: &str) {
    let balances = world.books.balances();
    let [cash, held, bitcoin, held_bitcoin] = balances.each_ref().map(String::as_str);
    assert_eq!(held_bitcoin, "0", "{what}");
    let Some(order) = orders.first() else {
        return assert_eq!((cash, held, bitcoin), ("100000", "0", "0"), "{what}");
    };
    assert!(matches!(order.stage(), Stage::Waiting | Stage::Final), "{what}: {order:?}");
    let expected = match order.status {
        Status::Open => ("99100", "900", "0"),
        Status::Completed if order.total.to_string() == "890.00" => ("99110", "0", "1"),
        Status::Completed => ("99000", "0", "1"),
        _ => ("100000", "0", "0"),
    };
    assert_eq!((cash, held, bitcoin), expected, "{what}: {order:?}");
}

/// Dies in the middle of the work if that has so many calls, and says whether it had.
async fn dies(work: Work, arrange: impl Fn(&World), died: impl AsyncFn(&World)) -> Option<World> {
    let world = World::new().await;
    let open = prepare(&world, work).await;
    arrange(&world);
    tokio::select! {
        biased;
        () = died(&world) => Some(world),
        () = perform(&world, work, open.as_ref()) => None,
    }
}

async fn settles_down(world: &World, what: &str) {
    world.settle_down().await;
    check(world, &world.orders().await, what);
    for _ in 0..3 {
        world.settle_down().await;
    }
    let orders = world.orders().await;
    assert!(orders.iter().all(|order| order.status.is_final()), "{what}: it expired in the end: {orders:?}");
    check(world, &orders, what);
}

#[tokio::test]
async fn a_process_may_die_at_any_call_to_its_store() {
    for work in ALL {
        for is_applied in [false, true] {
            let mut calls = 0;
            while let Some(world) = dies(
                work,
                |world| world.store.die_after(calls, is_applied),
                async |world| world.store.died().await,
            )
            .await
            {
                settles_down(&world, &format!("{work:?} dies at call {calls}, applied: {is_applied}")).await;
                calls += 1;
            }
            assert!(calls >= 2, "{work:?} has {calls} calls");
        }
    }
}

#[tokio::test]
async fn a_process_may_die_waiting_for_the_accounts() {
    for work in ALL {
        let mut calls = 0;
        loop {
            let arrange = |world: &World| {
                (0..calls).for_each(|_| world.books.expect(Trouble::Nothing));
                world.books.expect(Trouble::Hang);
            };
            let waits = async |world: &World| world.books.hangs().await;
            let Some(world) = dies(work, arrange, waits).await else { break };
            settles_down(&world, &format!("{work:?} waits for answer {calls}")).await;
            calls += 1;
        }
        assert!(calls >= 1, "{work:?} asks for nothing");
    }
}

#[tokio::test]
async fn an_answer_of_the_accounts_may_be_lost() {
    for work in ALL {
        for is_applied in [false, true] {
            for calls in 0..2 {
                let world = World::new().await;
                let open = prepare(&world, work).await;
                (0..calls).for_each(|_| world.books.expect(Trouble::Nothing));
                world.books.expect(if is_applied { Trouble::AnswerLost } else { Trouble::Outage });
                perform(&world, work, open.as_ref()).await;
                settles_down(&world, &format!("{work:?} loses answer {calls}, applied: {is_applied}")).await;
            }
        }
    }
}
