use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::{Noise, Steps, Towards};

const HOUR_MS: i64 = 3_600_000;
const YEAR_MS: i64 = 365 * 24 * HOUR_MS;

fn moments(steps: Steps) -> impl Iterator<Item = i64> {
    (steps.first..=steps.last).map(move |step| step * steps.step_ms)
}

/// Some hours at a second, some minutes at a tenth of one, and days at a quarter of an hour.
fn stretch() -> impl Strategy<Value = Steps> {
    let lengths = prop_oneof![
        (0..4 * HOUR_MS, proptest::sample::select(vec![1_000_i64, 700, 60_000])),
        (0..HOUR_MS / 3, proptest::sample::select(vec![100_i64, 99])),
        (0..60 * 24 * HOUR_MS, 900_000..3_000_000_i64),
        (0..3_000_i64, 1..200_i64),
    ];
    (-30 * YEAR_MS..90 * YEAR_MS, lengths)
        .prop_filter_map("no step", |(from, (length, step))| Steps::within(from, from + length, step))
}

#[test]
fn steps_are_the_multiples_from_the_beginning_up_to_the_end() {
    for (from, to, expected) in [
        (0, 10, Some((0, 0))),
        (0, 11, Some((0, 10))),
        (1, 10, None),
        (1, 11, Some((10, 10))),
        (10, 10, None),
        (20, 10, None),
        (-10, 0, Some((-10, -10))),
        (-11, 1, Some((-10, 0))),
        (i64::MIN, i64::MAX, Some((i64::MIN / 10 * 10, i64::MAX / 10 * 10))),
    ] {
        let steps = Steps::within(from, to, 10).map(|steps| (steps.first * 10, steps.last * 10));
        assert_eq!(steps, expected, "{from}..{to}");
    }
}

#[test]
fn the_ends_of_the_calendar_are_searched_like_any_other_time() {
    let noise = Noise::new(1, "BTC");
    for (from, to) in [(i64::MIN, i64::MIN + HOUR_MS), (i64::MAX - HOUR_MS, i64::MAX)] {
        let steps = Steps::within(from, to, 1_000).unwrap();
        assert_eq!(
            noise.over(steps).extreme(Towards::High),
            moments(steps).map(|at| noise.at(at)).max().unwrap()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_extremes_are_those_of_all_steps(seed in any::<u64>(), name in "[A-Z]{1,5}", steps in stretch()) {
        let noise = Noise::new(seed, &name);
        let values: Vec<_> = moments(steps).map(|at| noise.at(at)).collect();
        let stretch = noise.over(steps);
        prop_assert_eq!((stretch.first(), stretch.last()), (values[0], values[values.len() - 1]));
        prop_assert_eq!(noise.over(steps).extreme(Towards::High), *values.iter().max().unwrap());
        prop_assert_eq!(noise.over(steps).extreme(Towards::Low), *values.iter().min().unwrap());
    }

    #[test]
    fn the_earliest_step_is_the_first_of_all_that_reach_the_goal(
        seed in any::<u64>(), steps in stretch(), short in prop_oneof![-100..0_i64, 0..3_000_000_i64]
    ) {
        let noise = Noise::new(seed, "ETH");
        let high = noise.over(steps).extreme(Towards::High) - short;
        let first = moments(steps).find(|at| noise.at(*at) >= high);
        prop_assert_eq!(noise.over(steps).earliest(Towards::High, high), first);
        let low = noise.over(steps).extreme(Towards::Low) + short;
        let first = moments(steps).find(|at| noise.at(*at) <= low);
        prop_assert_eq!(noise.over(steps).earliest(Towards::Low, low), first);
    }
}
