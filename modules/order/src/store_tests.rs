use chrono::{TimeDelta, Utc};
use tradepost_kernel::{OrderId, Price, Timestamp};

use super::row::Row;
use super::{Order, OrderFilter, SortKeys, keys, range};
use crate::domain::{
    Direction, Stage,
    fixtures::{limit_order, order},
};

#[test]
fn due_moments_sort_as_time_does() {
    let moment = Timestamp::from_timestamp_millis(1_767_225_600_000).unwrap();
    let order = order("1");
    assert!(keys::due(moment, &order).starts_with("2026-01-01T00:00:00.000Z#"));
    let later = moment + TimeDelta::milliseconds(1);
    assert!(keys::due(moment, &order) < keys::until(later));
    assert!(keys::due(later, &order) > keys::until(later), "due at this very moment is for the next look");
}

#[test]
fn a_range_of_times_holds_the_orders_made_in_it() {
    let id: OrderId = "019b76da-a800-7abc-8def-0123456789ab".parse().unwrap();
    let made = Timestamp::from_timestamp_millis(0x019b_76da_a800).unwrap();
    let key = format!("O#{id}");
    assert!(keys::made_at(made) < key && key < keys::made_at(made + TimeDelta::milliseconds(1)));
    assert!(key.as_str() < keys::BEHIND_ORDERS);
    let filter = OrderFilter { from: Some(made), to: Some(made), ..OrderFilter::default() };
    let SortKeys::Between(first, last) = range(&filter) else { panic!("a range is bounded") };
    assert!(first < key && key < last);
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    for text in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"] {
        let end = chrono::DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc);
        let filter = OrderFilter { from: Some(end), to: None, ..OrderFilter::default() };
        assert!(matches!(range(&filter), SortKeys::Between(first, last) if first < last));
    }
}

#[test]
fn every_order_has_one_of_the_shards() {
    let work: Vec<_> = super::shards().map(keys::work).collect();
    assert!((0..100).all(|_| work.contains(&keys::work_of(&OrderId::generate()))));
}

#[test]
fn awaited_prices_sort_as_numbers_do() {
    let order = OrderId::generate();
    let prices = ["0.000000000001", "0.1", "0.11", "2", "10", "99.999999999999", "100", "1000000000"];
    let places = prices.map(|price| keys::awaited(Price::parse(price).unwrap(), &order));
    assert!(places.is_sorted() && places.iter().all(|place| place.len() == places[0].len()), "{places:?}");
    assert_eq!(places[2], format!("0000000000.110000000000#{order}"));
    assert!(places.iter().all(|place| "0" < place.as_str() && place.as_str() < "~"));
}

#[test]
fn an_order_is_in_the_index_of_open_orders_only_while_it_waits() {
    for order in crate::domain::fixtures::every_stage() {
        let row = Row::of(order);
        let waits = row.order.stage() == Stage::Waiting;
        assert_eq!(row.open.is_some(), waits, "{:?}", row.order);
        assert_eq!(row.work.is_none(), row.order.status.is_final());
    }
}

#[test]
fn a_stage_is_never_mistaken_for_another_that_is_due_at_the_same_moment() {
    let moment = Timestamp::from_timestamp_millis(1_767_225_600_000).unwrap();
    let unfinished =
        crate::domain::fixtures::every_stage().into_iter().filter(|order| !order.status.is_final());
    let mut dues: Vec<_> = unfinished
        .map(|order| keys::due(moment, &Order { order_id: limit_order().order_id, ..order }))
        .map(|due| due.split('#').skip(2).collect::<Vec<_>>().join("#"))
        .collect();
    let count = dues.len();
    dues.sort();
    dues.dedup();
    // Pending orders of every type are due alike: nothing but being finished comes after.
    assert_eq!((dues.len(), count), (5, 6));
}

#[test]
fn an_order_of_before_there_were_limits_is_still_read() {
    let row: serde_json::Value = serde_json::json!({
        "user": "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10",
        "order_id": "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a11",
        "order_type": "market_buy", "asset": "BTC", "quantity": "0.1", "price": "50000",
        "price_source": "simulated", "total": "5000.00", "status": "pending",
        "settle_by": "2026-01-01T00:00:10Z",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "work_pk": "WORK#1", "work_sk": "2026-01-01T00:00:03.000Z#019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a11",
        "attempts": 2, "pk": "U#x", "sk": "O#y", "op": "z", "v": 1,
    });
    let row: Row = serde_json::from_value(row).unwrap();
    assert_eq!((row.order.stage(), row.order.limit_price), (Stage::Pending, None));
    let work = row.work.unwrap();
    assert_eq!((work.attempts, &work.work_sk), (2, &keys::due(row.order.due().unwrap(), &row.order)));
}

#[test]
fn every_open_order_has_one_of_the_shards() {
    let asset = "BTC".parse().unwrap();
    let open: Vec<_> = super::open_shards().map(|shard| keys::open(asset, Direction::Fall, shard)).collect();
    assert_eq!(open[0], "BTC#fall#0");
    assert!((0..100).all(|_| open.contains(&keys::open_of(asset, Direction::Fall, &OrderId::generate()))));
}
