use chrono::TimeDelta;
use tradepost_inventory_api::QuoteChange;
use tradepost_kernel::{AssetId, Price, Timestamp};

use super::super::fixtures::{now, quote, settings};
use super::{Direction, Look, Watch};

const MINUTE: TimeDelta = TimeDelta::seconds(60);

fn btc() -> AssetId {
    "BTC".parse().unwrap()
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn change(price: &str) -> Vec<QuoteChange> {
    vec![QuoteChange { asset: btc(), tradable: true, quote: Some(quote(price)) }]
}

/// The directions that are looked at when the price is this.
fn directions(watch: &mut Watch, price: &str) -> Vec<Direction> {
    at(watch, price, now())
}

fn at(watch: &mut Watch, price: &str, now: Timestamp) -> Vec<Direction> {
    let mut change = change(price);
    change[0].quote.as_mut().unwrap().as_of = now;
    watch.update(change, &settings(), now).into_iter().map(|look| look.direction).collect()
}

fn look(direction: Direction) -> Look {
    Look { asset: btc(), direction, quote: quote("100") }
}

/// One that knows of a buy at 90 and a sale at 110, with the market at 100.
fn knowing() -> Watch {
    let mut watch = Watch::default();
    watch.update(change("100"), &settings(), now());
    for (direction, awaited) in [(Direction::Fall, "90"), (Direction::Rise, "110")] {
        watch.begin(&look(direction));
        // Known twice, so that the first time is not spread any more.
        watch.learn(&look(direction), Some(price(awaited)), MINUTE, now());
        watch.learn(&look(direction), Some(price(awaited)), MINUTE, now());
    }
    watch
}

#[test]
fn at_first_both_directions_are_looked_at_until_something_is_learned() {
    let mut watch = Watch::default();
    for _ in 0..2 {
        let mut seen = directions(&mut watch, "100");
        seen.sort_by_key(|direction| direction.as_str());
        assert_eq!(seen, Direction::BOTH);
    }
    assert_eq!(directions(&mut knowing(), "100"), []);
}

#[test]
fn a_price_that_reaches_nothing_asks_for_nothing() {
    let mut watch = knowing();
    for price in ["90.000000000001", "109.999999999999", "100"] {
        assert_eq!(directions(&mut watch, price), [], "{price}");
    }
}

#[test]
fn a_fall_looks_at_what_waits_for_a_fall_and_a_rise_at_the_others() {
    assert_eq!(directions(&mut knowing(), "90"), [Direction::Fall]);
    assert_eq!(directions(&mut knowing(), "80"), [Direction::Fall]);
    assert_eq!(directions(&mut knowing(), "110"), [Direction::Rise]);
    let mut watch = knowing();
    assert_eq!(directions(&mut watch, "80"), [Direction::Fall]);
    assert_eq!(directions(&mut watch, "85"), [], "a rise that has reached only what waited for a fall");
    assert_eq!(directions(&mut watch, "84"), [Direction::Fall]);
}

#[test]
fn what_was_just_opened_is_known_at_once() {
    let mut watch = knowing();
    watch.note(btc(), Direction::Fall, price("95"));
    assert_eq!(directions(&mut watch, "95.1"), []);
    assert_eq!(directions(&mut watch, "95"), [Direction::Fall]);
    watch.note(btc(), Direction::Fall, price("80"));
    assert_eq!(directions(&mut watch, "94"), [Direction::Fall], "what is further away hides nothing");
}

#[test]
fn what_is_opened_during_a_look_is_not_forgotten_with_its_end() {
    let mut watch = knowing();
    watch.note(btc(), Direction::Fall, price("99"));
    watch.begin(&look(Direction::Fall));
    watch.note(btc(), Direction::Fall, price("95"));
    watch.learn(&look(Direction::Fall), Some(price("90")), MINUTE, now());
    assert_eq!(directions(&mut watch, "98"), [], "the look saw that it is gone");
    assert_eq!(directions(&mut watch, "95"), [Direction::Fall]);
}

#[test]
fn after_a_while_it_is_looked_at_again_whatever_the_price() {
    let mut watch = knowing();
    let end = now() + MINUTE;
    assert_eq!(at(&mut watch, "100", end - TimeDelta::milliseconds(1)), []);
    assert_eq!(at(&mut watch, "100", end).len(), 2);
}

#[test]
fn first_looks_are_spread_so_that_the_next_do_not_come_at_once() {
    let mut watch = Watch::default();
    let assets: Vec<AssetId> = (0..8).map(|number| format!("A{number}").parse().unwrap()).collect();
    let changes = |at: Timestamp| {
        let mut quote = quote("100");
        quote.as_of = at;
        let change =
            |asset: &AssetId| QuoteChange { asset: *asset, tradable: true, quote: Some(quote.clone()) };
        assets.iter().map(change).collect::<Vec<_>>()
    };
    for look in watch.update(changes(now()), &settings(), now()) {
        watch.learn(&look, None, MINUTE, now());
    }
    let mut unknown = |at| watch.update(changes(at), &settings(), at).len();
    assert_eq!((unknown(now()), unknown(now() + MINUTE / 2), unknown(now() + MINUTE)), (0, 8, 16));
}

#[test]
fn what_was_forgotten_is_looked_at_by_the_next_tick() {
    let mut watch = knowing();
    watch.forget(&look(Direction::Rise));
    assert_eq!(directions(&mut watch, "100"), [Direction::Rise]);
}

#[test]
fn a_suspended_asset_and_an_old_quote_are_left_alone() {
    let mut watch = knowing();
    let suspended = vec![QuoteChange { tradable: false, ..change("80").remove(0) }];
    assert!(watch.update(suspended, &settings(), now()).is_empty());
    let priceless = vec![QuoteChange { quote: None, ..change("80").remove(0) }];
    assert!(watch.update(priceless, &settings(), now()).is_empty());
    let (fresh, stale) = (now() + TimeDelta::seconds(60), now() + TimeDelta::seconds(61));
    assert!(watch.update(change("80"), &settings(), stale).is_empty());
    let mut watch = knowing();
    assert!(!watch.update(change("80"), &settings(), fresh).is_empty());
    assert_eq!(directions(&mut knowing(), "120"), [Direction::Rise], "once it can be traded again");
}
