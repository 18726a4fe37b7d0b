//! Orders that wait for a price, against the real engine.

use crate::support::{Trouble, World, limit, no_key, now, order};
use chrono::TimeDelta;
use tradepost_kernel::{Clock, OrderId};
use tradepost_order::{ClientOrderId, NewOrder, OrderError, OrderType, Status, StoredOrder, order_records};
use tradepost_problem::Outage;

#[tokio::test]
async fn an_order_that_waits_costs_two_writes_and_no_read() {
    let world = World::new().await;
    let before = world.dynamo.calls().so_far();
    let placed = world.open().await;
    assert_eq!(world.calls_since(before), (0, 2));
    assert_eq!(world.the_order().await, placed);
    assert_eq!(world.books.balances(), ["99100", "900", "0", "0"]);
}

#[tokio::test]
async fn ending_an_order_costs_two_writes() {
    let world = World::new().await;
    let open = world.open().await;
    let before = world.dynamo.calls().so_far();
    world.cancel(&open.order_id).await.unwrap();
    assert_eq!(world.calls_since(before), (1, 2));
    assert_eq!(world.books.balances(), ["100000", "0", "0", "0"]);
    assert_eq!(world.recover_after(3600).await, 0, "nothing is left to do");
}

#[tokio::test]
async fn a_tick_that_reaches_nothing_asks_for_nothing() {
    let world = World::new().await;
    world.open().await;
    world.service.trigger(0).await.unwrap();
    let before = world.dynamo.calls().so_far();
    for price in ["1200", "901", "1000", "900.01"] {
        world.price(price);
        world.service.trigger(0).await.unwrap();
    }
    assert_eq!(world.calls_since(before), (0, 0));
    world.price("899");
    world.service.trigger(0).await.unwrap();
    let filled = world.the_order().await;
    assert_eq!((filled.status, filled.total.to_string()), (Status::Completed, "899.00".to_owned()));
    assert_eq!(world.books.balances(), ["99101", "0", "1", "0"]);
}

#[tokio::test]
async fn what_another_process_opened_is_found_by_the_next_sweep() {
    let world = World::new().await;
    world.service.trigger(0).await.unwrap();
    let new = limit(OrderType::LimitBuy, "1", "900");
    world.another_service().place(world.user, new, &no_key()).await.unwrap();
    world.price("890");
    world.service.trigger(0).await.unwrap();
    assert_eq!(world.the_order().await.status, Status::Open, "this process does not know of it yet");
    world.clock.advance(30);
    world.price("890");
    world.service.trigger(0).await.unwrap();
    assert_eq!(world.the_order().await.status, Status::Completed);
}

#[tokio::test]
async fn several_processes_fill_each_order_once() {
    let world = World::new().await;
    for _ in 0..40 {
        world.place(limit(OrderType::LimitBuy, "0.1", "900")).await.unwrap();
    }
    world.price("890");
    let (calls, (a, b)) = (world.books.calls(), (world.another_service(), world.another_service()));
    let (a, b, c) = tokio::join!(a.trigger(0), b.trigger(0), world.service.trigger(0));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert!(world.orders().await.iter().all(|order| order.status == Status::Completed));
    assert_eq!(world.books.calls() - calls, 40, "one intent each");
    assert_eq!(world.books.balances(), ["96440", "0", "4", "0"]);
}

#[tokio::test]
async fn more_orders_than_are_read_in_one_go_are_filled_the_nearest_first() {
    let world = World::new().await;
    for number in 0..120 {
        let price = (900 + number % 7).to_string();
        world.place(limit(OrderType::LimitBuy, "0.1", &price)).await.unwrap();
    }
    world.price("903");
    world.service.trigger(0).await.unwrap();
    let status = |reached: bool| if reached { Status::Completed } else { Status::Open };
    let mut place = None;
    let mut seen = 0;
    loop {
        let page = order_records(&world.dynamo, place).await.unwrap();
        for record in page.items {
            let StoredOrder::Order { order, is_dead } = record.stored else { panic!("{record:?}") };
            let is_reached = order.limit_price.unwrap().to_string().as_str() >= "903";
            assert_eq!((order.status, is_dead), (status(is_reached), false), "{order:?}");
            seen += 1;
        }
        place = page.more_after;
        if place.is_none() {
            break;
        }
    }
    assert_eq!(seen, 120);
}

#[tokio::test]
async fn a_fill_that_the_accounts_do_not_answer_is_finished_by_recovery() {
    let world = World::new().await;
    world.open().await;
    world.price("890");
    world.books.expect(Trouble::AnswerLost);
    world.service.trigger(0).await.unwrap();
    let filling = world.the_order().await;
    let refused = world.cancel(&filling.order_id).await;
    assert_eq!(refused, Err(OrderError::OrderNotOpen { status: "being filled".to_owned() }));
    assert_eq!(world.recover_after(4).await, 1);
    let filled = world.the_order().await;
    assert_eq!((filled.status, filled.price.to_string()), (Status::Completed, "890".to_owned()));
    assert_eq!(world.books.balances(), ["99110", "0", "1", "0"]);
}

#[tokio::test]
async fn a_cancellation_without_an_answer_may_be_asked_for_again() {
    let world = World::new().await;
    let open = world.open().await;
    for trouble in [Trouble::Outage, Trouble::AnswerLost, Trouble::Busy] {
        world.books.expect(trouble);
        assert!(matches!(world.cancel(&open.order_id).await, Err(OrderError::Outage(_))));
    }
    let cancelled = world.cancel(&open.order_id).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    assert_eq!(world.books.balances(), ["100000", "0", "0", "0"]);
}

#[tokio::test]
async fn a_pending_order_cannot_be_cancelled() {
    let world = World::new().await;
    world.books.expect(Trouble::Outage);
    assert_eq!(
        world.place(limit(OrderType::LimitBuy, "1", "900")).await.map(drop),
        Err(OrderError::Outage(Outage::Storage))
    );
    let pending = world.the_order().await;
    let refused = world.cancel(&pending.order_id).await;
    assert_eq!(refused, Err(OrderError::OrderNotOpen { status: "pending".to_owned() }));
    assert_eq!(world.recover_after(4).await, 1);
    assert_eq!(world.the_order().await.status, Status::Open);
    assert_eq!(world.cancel(&OrderId::generate()).await, Err(OrderError::OrderNotFound));
}

#[tokio::test]
async fn an_order_whose_hold_came_too_late_is_given_up() {
    let world = World::new().await;
    world.books.expect(Trouble::Outage);
    assert!(world.place(limit(OrderType::LimitBuy, "1", "900")).await.is_err());
    assert_eq!(world.recover_after(11).await, 1);
    let failed = world.the_order().await;
    assert_eq!(
        (failed.status, failed.failure.unwrap().code.as_str()),
        (Status::Failed, "settlement_expired")
    );
    assert_eq!(world.books.balances(), ["100000", "0", "0", "0"]);
}

#[tokio::test]
async fn an_order_that_recovery_opens_is_filled_at_once_if_the_market_has_reached_it() {
    let world = World::new().await;
    world.books.expect(Trouble::Outage);
    assert!(world.place(limit(OrderType::LimitBuy, "1", "900")).await.is_err());
    world.clock.advance(4);
    world.price("890");
    assert_eq!(world.service.recover_due(world.clock.now()).await, Ok(1));
    assert_eq!(world.the_order().await.status, Status::Completed);
}

#[tokio::test]
async fn an_order_expires_at_its_moment_and_is_not_filled_from_then_on() {
    let world = World::new().await;
    let open = world.open().await;
    let end = open.expires_at.unwrap();
    assert_eq!(world.service.recover_due(end).await, Ok(0));
    world.clock.advance((end - world.clock.now()).num_seconds());
    world.price("890");
    world.service.trigger(0).await.unwrap();
    assert_eq!(world.the_order().await.status, Status::Open, "too late to fill it");
    assert_eq!(world.service.recover_due(end + TimeDelta::milliseconds(1)).await, Ok(1));
    assert_eq!(world.the_order().await.status, Status::Expired);
    assert_eq!(world.books.balances(), ["100000", "0", "0", "0"]);
}

#[tokio::test]
async fn a_suspended_asset_and_an_old_price_fill_nothing() {
    let world = World::new().await;
    world.open().await;
    world.price("890");
    world.catalog.0.lock().unwrap()[0].tradable = false;
    world.service.trigger(0).await.unwrap();
    world.catalog.0.lock().unwrap()[0].tradable = true;
    world.clock.advance(61);
    world.service.trigger(0).await.unwrap();
    assert_eq!(world.the_order().await.status, Status::Open);
    world.price("890");
    world.service.trigger(0).await.unwrap();
    assert_eq!(world.the_order().await.status, Status::Completed);
}

#[tokio::test]
async fn an_order_that_nobody_can_finish_becomes_a_dead_letter_and_is_still_tried() {
    let world = World::new().await;
    (0..21).for_each(|_| world.books.expect(Trouble::AnswerLost));
    assert!(world.buy("1").await.is_err());
    let is_dead = async || {
        let records = order_records(&world.dynamo, None).await.unwrap().items;
        records.iter().any(|record| matches!(record.stored, StoredOrder::Order { is_dead: true, .. }))
    };
    for attempt in 1..=20 {
        assert!(!is_dead().await, "before attempt {attempt}");
        assert_eq!(world.recover_after(61).await, 0);
    }
    assert!(is_dead().await);
    let calls = world.books.calls();
    assert_eq!(world.recover_after(3590).await, 0);
    assert_eq!(world.books.calls(), calls, "once an hour");
    assert_eq!(world.recover_after(11).await, 1);
    assert_eq!(world.the_order().await.status, Status::Completed);
    assert!(!is_dead().await);
}

#[tokio::test]
async fn of_two_orders_with_the_same_id_of_the_client_one_is_kept() {
    let world = World::new().await;
    let id: ClientOrderId = "mine".parse().unwrap();
    let new = NewOrder { client_order_id: Some(id), ..order(OrderType::MarketBuy, "1") };
    let services = [world.another_service(), world.another_service(), world.another_service()];
    let once = no_key();
    let [a, b, c] = services.each_ref().map(|service| service.place(world.user, new.clone(), &once));
    let (a, b, c) = tokio::join!(a, b, c);
    let placed = [a, b, c].map(|done| now(done.unwrap()));
    assert_eq!(placed.iter().filter(|placed| !placed.is_repeated).count(), 1);
    assert_eq!(world.the_order().await.order_id, placed[0].order.order_id);
    assert_eq!(world.books.cash(), "99000");
}

#[tokio::test]
async fn a_process_that_starts_tries_dead_letters_at_once() {
    let world = World::new().await;
    (0..21).for_each(|_| world.books.expect(Trouble::AnswerLost));
    assert!(world.buy("1").await.is_err());
    for _ in 1..=20 {
        assert_eq!(world.recover_after(61).await, 0);
    }
    assert_eq!((world.recover_after(120).await, world.the_order().await.status), (0, Status::Pending));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let recovery = tokio::spawn(world.another_service().run_recovery(stopped));
    while world.the_order().await.status != Status::Completed {
        tokio::task::yield_now().await;
    }
    stop.send(true).unwrap();
    recovery.await.unwrap();
}
