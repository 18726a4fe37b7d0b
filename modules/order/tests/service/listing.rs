//! Lists of orders, read from the real engine page by page.

use crate::support::World;
use chrono::TimeDelta;
use tradepost_kernel::{OrderId, PageLimit, UserId};
use tradepost_order::{Order, OrderFilter, OrderPlace, OrderType, Status};

async fn pages(world: &World, filter: OrderFilter, limit: u64) -> Vec<Vec<OrderId>> {
    let (mut pages, mut place) = (Vec::new(), Some(OrderPlace::default()));
    while let Some(start) = place {
        let limit = PageLimit::new(limit).unwrap();
        let page = world.service.orders(world.user, filter.clone(), start, limit).await.unwrap();
        pages.push(page.items.into_iter().map(|order| order.order_id).collect());
        place = page.next;
    }
    pages
}

/// Twelve buys and sells in turn, newest first.
async fn twelve(world: &World) -> Vec<Order> {
    for _ in 0..6 {
        world.buy("0.1").await.unwrap();
        world.sell("0.1").await.unwrap();
    }
    world.orders().await
}

fn ids(orders: &[Order]) -> Vec<OrderId> {
    orders.iter().map(|order| order.order_id.clone()).collect()
}

#[tokio::test]
async fn a_new_user_has_no_orders() {
    let world = World::new().await;
    assert_eq!(pages(&world, OrderFilter::default(), 50).await, [Vec::<OrderId>::new()]);
}

#[tokio::test]
async fn pages_are_full_newest_first_and_the_last_one_knows_it() {
    let mut world = World::new().await;
    let all = twelve(&world).await;
    assert!(ids(&all).is_sorted_by(|newer, older| newer > older));
    let expected: Vec<_> = ids(&all).chunks(4).map(<[_]>::to_vec).collect();
    assert_eq!(pages(&world, OrderFilter::default(), 4).await, expected);
    world.user = UserId::generate();
    assert!(world.orders().await.is_empty(), "nobody sees the orders of others");
}

#[tokio::test]
async fn a_page_is_one_query() {
    let world = World::new().await;
    twelve(&world).await;
    let before = world.dynamo.calls().so_far();
    let limit = PageLimit::new(4).unwrap();
    let place = OrderPlace { after: None, skip: 3 };
    world.service.orders(world.user, OrderFilter::default(), place, limit).await.unwrap();
    assert_eq!(world.calls_since(before), (1, 0));
}

#[tokio::test]
async fn filters_hold_across_pages() {
    let world = World::new().await;
    let all = twelve(&world).await;
    let sells = OrderFilter {
        order_type: Some(OrderType::MarketSell),
        status: Some(Status::Completed),
        asset_id: Some(crate::support::btc()),
        ..OrderFilter::default()
    };
    let expected: Vec<_> =
        ids(&all.into_iter().filter(|order| order.order_type == OrderType::MarketSell).collect::<Vec<_>>());
    let found = pages(&world, sells.clone(), 4).await;
    assert_eq!(found, [expected[..4].to_vec(), expected[4..].to_vec()]);
    let failed = OrderFilter { status: Some(Status::Failed), ..sells };
    assert_eq!(pages(&world, failed, 4).await.concat(), Vec::<OrderId>::new());
}

#[tokio::test]
async fn a_range_of_times_includes_its_start_and_not_its_end() {
    let world = World::with_clock_of_the_machine().await;
    let first = world.buy("0.1").await.unwrap();
    world.clock.advance(1);
    let second = world.buy("0.1").await.unwrap();
    world.clock.advance(1);
    let third = world.buy("0.1").await.unwrap();
    let range = |from: &Order, to: &Order| OrderFilter {
        from: Some(from.created_at),
        to: Some(to.created_at),
        ..OrderFilter::default()
    };
    let found = pages(&world, range(&first, &third), 1).await;
    assert_eq!(found.concat(), ids(&[second.clone(), first.clone()]));
    assert_eq!(pages(&world, range(&second, &second), 50).await.concat(), Vec::new());
    let everything =
        OrderFilter { from: Some(first.created_at - TimeDelta::days(1)), ..OrderFilter::default() };
    assert_eq!(pages(&world, everything, 50).await.concat().len(), 3);
    let nothing = OrderFilter { to: Some(first.created_at - TimeDelta::days(1)), ..OrderFilter::default() };
    assert_eq!(pages(&world, nothing, 50).await.concat(), Vec::new());
}
