//! What a tick costs follows what it fills, and not what is open.

use tradepost_kernel::Decimal;
use tradepost_order::{OrderType, Status};

use crate::support::{World, limit};

/// What an order waits for: each a cent less than the one before.
fn price_of(order: i64) -> String {
    (Decimal::from(900) - Decimal::new(order, 2)).to_string()
}

/// A world with so many open orders, which has learned what they wait for.
async fn with_open(orders: i64) -> World {
    let world = World::new().await;
    for order in 0..orders {
        let placed = world.place(limit(OrderType::LimitBuy, "0.1", &price_of(order))).await.unwrap();
        assert_eq!(placed.status, Status::Open);
    }
    world.service.trigger(0).await.unwrap();
    world
}

/// Reads and writes of the orders that a tick asks for; what the accounts ask for comes on top, per order.
async fn calls_of_a_tick(world: &World, price: &str) -> (u64, u64) {
    let before = world.dynamo.calls().so_far();
    world.price(price);
    world.service.trigger(0).await.unwrap();
    world.calls_since(before)
}

#[tokio::test]
async fn a_tick_that_reaches_no_order_costs_nothing_whatever_is_open() {
    for open in [1, 300] {
        let world = with_open(open).await;
        let settled = world.books.calls();
        for price in ["950", "900.01", "1050"] {
            assert_eq!(calls_of_a_tick(&world, price).await, (0, 0), "{open} open, at {price}");
        }
        assert_eq!(world.books.calls(), settled);
    }
}

#[tokio::test]
async fn a_tick_costs_what_it_fills_whatever_is_open() {
    for open in [45, 300] {
        let world = with_open(open).await;
        let mut reached = 0;
        for fills in [1, 4, 40] {
            let settled = world.books.calls();
            reached += fills;
            let (reads, writes) = calls_of_a_tick(&world, &price_of(reached - 1)).await;
            let fills = u64::try_from(fills).unwrap();
            assert_eq!(world.books.calls() - settled, usize::try_from(fills).unwrap());
            assert_eq!(writes, 2 * fills, "the intent and the end of each");
            // A page of each of the two shards, and another for every 25 orders that are filled.
            assert!(reads <= 2 + fills / 25, "{reads} reads for {fills} fills, {open} open");
        }
    }
}
