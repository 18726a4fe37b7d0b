use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::{Course, Day, QUARTER_MS, moment};
use crate::domain::{Point, read_catalog};

const DAY_MS: i64 = 86_400_000;
/// 2026-01-01.
const NEW_YEAR_MS: i64 = 1_767_225_600_000;

fn course(seed: u64, category: &str) -> Course {
    let text = format!(
        r#"{{"assets":[{{"asset_id":"ABC","name":"x","category":"{category}","is_active":true,
        "reference_price":"1"}}]}}"#
    );
    Course::new(seed, &read_catalog(&text).unwrap().remove(0))
}

fn any_course() -> impl Strategy<Value = Course> {
    (any::<u64>(), proptest::sample::select(vec!["defi", "stablecoin"]))
        .prop_map(|(seed, kind)| course(seed, kind))
}

/// Looks at every step of the day.
fn by_hand(course: &Course, at_ms: i64, step_ms: i64) -> (Point, Point) {
    let from_ms = (at_ms - DAY_MS).div_euclid(QUARTER_MS) * QUARTER_MS;
    let steps = from_ms.div_euclid(step_ms)..=at_ms.div_euclid(step_ms);
    let moments = steps.map(|step| step * step_ms).filter(|at_ms| *at_ms >= from_ms);
    let points: Vec<_> =
        moments.map(|at_ms| Point { price: course.price(at_ms), at: moment(at_ms) }).collect();
    let high = points.iter().max_by_key(|point| (point.price, std::cmp::Reverse(point.at))).unwrap();
    (*high, *points.iter().min_by_key(|point| (point.price, point.at)).unwrap())
}

#[test]
fn the_day_begins_with_a_quarter_and_ends_with_the_moment() {
    let course = course(1, "defi");
    let six_hours = QUARTER_MS * 24;
    for at_ms in [NEW_YEAR_MS, NEW_YEAR_MS + QUARTER_MS - 1, NEW_YEAR_MS + QUARTER_MS] {
        // One step in the day, every six hours, is easily followed by eye.
        let day = Day::at(&course, at_ms, six_hours, None);
        let is_first = |point: Point| point.at >= moment(NEW_YEAR_MS - DAY_MS);
        assert!(is_first(day.high) && is_first(day.low) && day.high.at <= moment(NEW_YEAR_MS));
        assert_eq!((day.high, day.low), by_hand(&course, at_ms, six_hours));
    }
}

#[test]
fn a_day_without_a_step_shows_the_present_price() {
    let course = course(1, "defi");
    let at_ms = 5 * DAY_MS;
    let day = Day::at(&course, at_ms, 7 * DAY_MS, None);
    assert_eq!((day.high, day.low), (Point { price: course.price(at_ms), at: moment(at_ms) }, day.high));
}

#[test]
fn a_clock_that_goes_back_or_another_step_is_looked_at_anew() {
    let course = course(1, "defi");
    let known = Day::at(&course, NEW_YEAR_MS, 1_000, None);
    for (at_ms, step_ms) in [(NEW_YEAR_MS - 1_000, 1_000), (NEW_YEAR_MS, 60_000)] {
        let fresh = Day::at(&course, at_ms, step_ms, None);
        assert_eq!(Day::at(&course, at_ms, step_ms, Some(&known)), fresh);
        assert_eq!((fresh.high, fresh.low), by_hand(&course, at_ms, step_ms));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn it_is_the_range_of_all_steps(
        course in any_course(), at in NEW_YEAR_MS..NEW_YEAR_MS + 90 * DAY_MS,
        step in prop_oneof![Just(5_000_i64), 3_000..60_000_i64]
    ) {
        let day = Day::at(&course, at, step, None);
        prop_assert_eq!((day.high, day.low), by_hand(&course, at, step));
    }

    #[test]
    fn it_is_the_same_whatever_was_known(
        course in any_course(), begin in NEW_YEAR_MS..NEW_YEAR_MS + 90 * DAY_MS,
        step in proptest::sample::select(vec![100_i64, 1_000, 7_000]),
        // Ticks, gaps, quarters, and now and then hours of sleep.
        pauses in proptest::collection::vec(
            prop_oneof![4 => 0..30_000_i64, 4 => 0..QUARTER_MS, 2 => Just(QUARTER_MS), 1 => 0..3 * QUARTER_MS], 1..120
        )
    ) {
        let (mut at_ms, mut known) = (begin, Day::at(&course, begin, step, None));
        for pause in pauses {
            at_ms += pause;
            let next = Day::at(&course, at_ms, step, Some(&known));
            prop_assert_eq!(&next, &Day::at(&course, at_ms, step, None));
            known = next;
        }
    }
}
