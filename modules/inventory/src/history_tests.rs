use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::{prop_assert_eq, proptest};
use tradepost_kernel::{AssetId, Price};

use super::{History, MOST_CANDLES};
use crate::domain::candle::derive;
use crate::domain::{Candle, Interval};

const MINUTE_MS: i64 = 60_000;

fn btc() -> AssetId {
    "BTC".parse().unwrap()
}

fn candle(minute: i64, price: u32) -> Candle {
    Candle::begin(minute * MINUTE_MS, Price::new(price.into()).unwrap())
}

fn remembered(candles: &[Candle]) -> History {
    let mut history = History::default();
    // In several goes, as they are read.
    for some in candles.chunks(7) {
        let mut next = history.clone();
        next.extend(some.iter().map(|candle| (btc(), *candle)), 400);
        history = next;
    }
    history
}

proptest! {
    #[test]
    fn what_is_remembered_is_what_follows_from_the_minutes(
        prices in vec((1..200_i64, 1..1_000_000_u32), 1..400), from in 0..20_000_i64, length in 0..20_000_i64,
    ) {
        // Some minutes had no price.
        let mut minute = 0;
        let candles: Vec<_> = prices.iter().map(|(gap, price)| {
            minute += if *gap > 150 { *gap } else { 1 };
            candle(minute, *price)
        }).collect();
        let history = remembered(&candles);
        let range = from * MINUTE_MS..(from + length) * MINUTE_MS;
        for interval in Interval::ALL {
            let all = derive(candles.iter().copied(), interval);
            let expected: Vec<_> = all.into_iter().filter(|candle| range.contains(&candle.start_ms)).collect();
            prop_assert_eq!(history.candles(btc(), interval, &range, None), expected);
        }
    }
}

#[test]
fn minutes_go_back_for_as_many_as_an_answer_has_and_days_for_as_long_as_they_are_kept() {
    let candles: Vec<_> = (0..3 * 1_440).map(|minute| candle(minute, 7)).collect();
    let mut history = History::default();
    history.extend(candles.iter().map(|candle| (btc(), *candle)), 2);
    let all = |interval| history.candles(btc(), interval, &(0..i64::MAX), None);
    assert_eq!(all(Interval::Minute).len(), MOST_CANDLES);
    assert_eq!(all(Interval::Minute).last(), candles.last());
    assert_eq!((all(Interval::Hour).len(), all(Interval::Day).len()), (72, 3));
    let held: BTreeMap<_, _> =
        history.0[&btc()].0.iter().map(|(interval, track)| (interval.as_str(), track.0.len())).collect();
    assert!(held["1m"] <= 12 && held["5m"] <= 12, "{held:?}");
}

#[test]
fn what_is_read_twice_changes_nothing() {
    let candles: Vec<_> = (0..100).map(|minute| candle(minute, u32::try_from(minute).unwrap() + 1)).collect();
    let mut twice = remembered(&candles);
    twice.extend(candles[40..].iter().map(|candle| (btc(), *candle)), 400);
    for interval in Interval::ALL {
        let all = |history: &History| history.candles(btc(), interval, &(0..i64::MAX), None);
        assert_eq!(all(&twice), all(&remembered(&candles)));
    }
}

#[test]
fn the_minute_that_is_not_over_belongs_to_the_last_candle_of_each_length() {
    let history = remembered(&[candle(60, 5), candle(61, 9)]);
    let open = Some(candle(62, 3));
    let last = |interval| *history.candles(btc(), interval, &(0..i64::MAX), open).last().unwrap();
    let price = |price: u32| Price::new(price.into()).unwrap();
    assert_eq!(last(Interval::Minute), candle(62, 3));
    let hour = last(Interval::Hour);
    assert_eq!((hour.open, hour.high, hour.low, hour.close), (price(5), price(9), price(3), price(3)));
    let begun = History::default().candles(btc(), Interval::Day, &(0..i64::MAX), open);
    assert_eq!(begun.iter().map(|candle| candle.start_ms).collect::<Vec<_>>(), [0]);
}
