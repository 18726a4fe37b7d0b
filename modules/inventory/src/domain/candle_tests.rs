use std::collections::BTreeMap;

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use tradepost_kernel::{Decimal, Price};

use super::{Candle, Interval, UnknownInterval, derive, merge, tick};

const MINUTE_MS: i64 = 60_000;

fn price(cents: i64) -> Price {
    Price::new(Decimal::new(cents, 2)).unwrap()
}

/// Times that mostly go forward, by up to some minutes, and sometimes back.
fn ticks() -> impl Strategy<Value = Vec<(i64, Price)>> {
    let pause =
        prop_oneof![4 => 0..20_000_i64, 2 => -90_000..0_i64, 1 => 0..400_000_i64, 1 => Just(MINUTE_MS)];
    let steps = proptest::collection::vec((pause, 1..500_i64), 0..200);
    (-10_000_000..10_000_000_i64, steps).prop_map(|(begin, steps)| {
        let mut at_ms = begin;
        let tick = |(pause, cents)| {
            at_ms += pause;
            (at_ms, price(cents))
        };
        steps.into_iter().map(tick).collect()
    })
}

fn interval() -> impl Strategy<Value = Interval> {
    proptest::sample::select(Interval::ALL.to_vec())
}

/// All candles of the ticks, the open one last.
fn built(ticks: &[(i64, Price)]) -> Vec<Candle> {
    let (mut closed, mut open) = (Vec::new(), None);
    for (at_ms, price) in ticks {
        let (done, now) = tick(open, *at_ms, *price);
        closed.extend(done);
        open = Some(now);
    }
    closed.extend(open);
    closed
}

/// The definition, word for word: the ticks that did not come after one of a later minute, by bucket; the
/// first, the largest, the smallest and the last of each.
fn modelled(ticks: &[(i64, Price)], length_ms: i64) -> Vec<Candle> {
    let mut buckets: BTreeMap<i64, Vec<Price>> = BTreeMap::new();
    for (place, (at_ms, price)) in ticks.iter().enumerate() {
        let minute = |at_ms: i64| at_ms.div_euclid(MINUTE_MS);
        if ticks[..place].iter().all(|(before, _)| minute(*before) <= minute(*at_ms)) {
            buckets.entry(at_ms.div_euclid(length_ms) * length_ms).or_default().push(*price);
        }
    }
    let candle = |(start_ms, prices): (i64, Vec<Price>)| Candle {
        start_ms,
        open: prices[0],
        high: *prices.iter().max().unwrap(),
        low: *prices.iter().min().unwrap(),
        close: prices[prices.len() - 1],
    };
    buckets.into_iter().map(candle).collect()
}

#[test]
fn intervals_are_read_as_they_are_written() {
    let texts = Interval::ALL.map(|interval| interval.to_string());
    assert_eq!(texts, ["1m", "5m", "1h", "1d"]);
    for (text, interval) in texts.iter().zip(Interval::ALL) {
        assert_eq!(text.parse(), Ok(interval));
    }
    for text in ["", "1", "1M", "1 m", "01m", "1w", "60m"] {
        assert_eq!(text.parse::<Interval>(), Err(UnknownInterval), "{text:?}");
    }
    assert_eq!(UnknownInterval.to_string(), "must be one of 1m, 5m, 1h and 1d");
}

#[test]
fn a_bucket_begins_with_its_first_and_ends_before_the_next() {
    for (interval, length_ms) in
        Interval::ALL.into_iter().zip([MINUTE_MS, 5 * MINUTE_MS, 60 * MINUTE_MS, 1_440 * MINUTE_MS])
    {
        assert_eq!(interval.length_ms(), length_ms);
        for (at_ms, start_ms) in [
            (0, 0),
            (length_ms - 1, 0),
            (length_ms, length_ms),
            (-1, -length_ms),
            (-length_ms, -length_ms),
            (-length_ms - 1, -2 * length_ms),
        ] {
            assert_eq!(interval.start_of(at_ms), start_ms, "{interval} {at_ms}");
        }
    }
}

#[test]
fn a_tick_updates_closes_or_comes_too_late() {
    let open = Candle::begin(MINUTE_MS + 7, price(500));
    assert_eq!(open.start_ms, MINUTE_MS);
    let (closed, open) = tick(Some(open), 2 * MINUTE_MS - 1, price(400));
    assert_eq!((closed, open.open, open.high, open.low), (None, price(500), price(500), price(400)));
    let (closed, same) = tick(Some(open), MINUTE_MS - 1, price(900));
    assert_eq!((closed, same), (None, open));
    // Minute 2 has no tick and so no candle.
    let (closed, next) = tick(Some(open), 3 * MINUTE_MS, price(450));
    assert_eq!((closed, next), (Some(open), Candle::begin(3 * MINUTE_MS, price(450))));
}

proptest! {
    #[test]
    fn candles_of_ticks_are_what_the_definition_says(ticks in ticks()) {
        prop_assert_eq!(built(&ticks), modelled(&ticks, MINUTE_MS));
    }

    #[test]
    fn derived_candles_are_what_the_definition_says(ticks in ticks(), interval in interval()) {
        prop_assert_eq!(derive(built(&ticks), interval), modelled(&ticks, interval.length_ms()));
    }

    #[test]
    fn deriving_in_two_steps_is_deriving_at_once(ticks in ticks()) {
        let minutes = built(&ticks);
        prop_assert_eq!(&derive(minutes.iter().copied(), Interval::Minute), &minutes);
        let fives = derive(minutes.iter().copied(), Interval::FiveMinutes);
        let hours = derive(minutes.iter().copied(), Interval::Hour);
        prop_assert_eq!(&derive(fives, Interval::Hour), &hours);
        prop_assert_eq!(derive(hours, Interval::Day), derive(minutes, Interval::Day));
    }

    #[test]
    fn parts_merge_to_the_whole(ticks in ticks(), interval in interval(), cut in any::<proptest::sample::Index>()) {
        let minutes = built(&ticks);
        let (left, right) = minutes.split_at(cut.index(minutes.len() + 1));
        let mut joined = derive(left.iter().copied(), interval);
        for next in derive(right.iter().copied(), interval) {
            match joined.last_mut() {
                Some(last) if last.start_ms == next.start_ms => merge(last, next),
                _ => joined.push(next),
            }
        }
        prop_assert_eq!(joined, derive(minutes, interval));
    }

    #[test]
    fn every_moment_is_in_the_bucket_it_is_put_in(at_ms in any::<i64>(), interval in interval()) {
        let start_ms = interval.start_of(at_ms);
        let into_ms = i128::from(at_ms) - i128::from(start_ms);
        prop_assert!((0..i128::from(interval.length_ms())).contains(&into_ms));
        prop_assert!(start_ms == i64::MIN || start_ms % interval.length_ms() == 0);
    }
}
