use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
use tradepost_kernel::{Clock, SystemClock};

use super::{AttemptId, IpAddr, Network, Scope, Throttle, TimeDelta, Timestamp, whole_seconds};

const LIMIT: usize = 5;

/// A throttle, driven by times in milliseconds from its first moment.
struct Driven {
    throttle: Throttle,
    start: Timestamp,
}

impl Driven {
    fn new() -> Self {
        Self { throttle: Throttle::default(), start: SystemClock.now() }
    }

    /// Takes an attempt, or answers how many milliseconds there may be none.
    fn take(&mut self, at_ms: i64) -> Result<AttemptId, i64> {
        let (id, now) = (AttemptId::generate(), self.start + TimeDelta::milliseconds(at_ms));
        self.throttle =
            self.throttle.take(id, now, LIMIT).map_err(|left: TimeDelta| left.num_milliseconds())?;
        Ok(id)
    }

    fn give_back(&mut self, id: AttemptId) {
        self.throttle = self.throttle.give_back(id, LIMIT);
    }

    fn counted(&self) -> usize {
        self.throttle.attempts.len()
    }
}

/// Four failures, a millisecond apart from 0 on.
fn nearly_blocked() -> Driven {
    let mut driven = Driven::new();
    (0..4).for_each(|at_ms| assert!(driven.take(at_ms).is_ok()));
    driven
}

#[test]
fn the_fifth_failure_blocks_and_the_block_ends_exactly_300_seconds_after_it() {
    let mut driven = nearly_blocked();
    assert_eq!(driven.throttle.blocked_until(), None);
    assert!(driven.take(1_000).is_ok(), "the fifth itself is let through");
    assert_eq!(driven.take(1_000), Err(300_000));
    assert_eq!(driven.take(300_999), Err(1));
    assert!(driven.take(301_000).is_ok());
    assert_eq!(driven.counted(), 1, "none of those before it counts any more");
}

#[test]
fn attempts_while_blocked_leave_no_trace() {
    let mut driven = nearly_blocked();
    assert!(driven.take(4).is_ok());
    let blocked = driven.throttle.clone();
    for at_ms in [4, 1_000, 299_999, 300_003] {
        assert!(driven.take(at_ms).is_err(), "{at_ms}");
    }
    assert_eq!(driven.throttle, blocked);
    assert!(driven.take(300_004).is_ok());
}

#[test]
fn a_failure_counts_for_exactly_300_seconds() {
    let mut driven = nearly_blocked();
    assert!(driven.take(299_999).is_ok());
    assert!(driven.throttle.blocked_until().is_some(), "the first of five is not yet 300 s old");

    let mut driven = nearly_blocked();
    assert!(driven.take(300_000).is_ok());
    assert_eq!(driven.throttle.blocked_until(), None, "the first of five is 300 s old");
    assert!(driven.take(300_000).is_ok());
    assert!(driven.throttle.blocked_until().is_some(), "the second is younger");
}

#[test]
fn a_success_does_not_count_and_does_not_reset() {
    let mut driven = nearly_blocked();
    for at_ms in 10..20 {
        let right = driven.take(at_ms).unwrap();
        assert!(driven.take(at_ms).is_err(), "it counts until it is decided");
        driven.give_back(right);
    }
    assert_eq!(driven.counted(), 4);
    assert!(driven.take(30).is_ok());
    assert_eq!(driven.take(31), Err(299_999));
}

#[test]
fn a_block_that_undecided_attempts_caused_ends_when_one_of_them_was_right() {
    let mut driven = Driven::new();
    let undecided: Vec<_> = (0..5).map(|at_ms| driven.take(at_ms).unwrap()).collect();
    for right in undecided {
        assert!(driven.take(10).is_err());
        driven.give_back(right);
        assert_eq!(driven.throttle.blocked_until(), None);
        // Somebody else's wrong one takes its place.
        assert!(driven.take(10).is_ok());
    }
    assert_eq!(driven.take(10), Err(300_000));
}

#[test]
fn what_does_not_count_can_be_given_back_and_changes_nothing() {
    let mut driven = nearly_blocked();
    assert!(driven.take(4).is_ok());
    let before = driven.throttle.clone();
    driven.give_back(AttemptId::generate());
    assert_eq!(driven.throttle, Throttle { version: before.version + 1, ..before });
}

#[test]
fn an_attempt_taken_twice_counts_once() {
    let (id, now) = (AttemptId::generate(), SystemClock.now());
    let once = Throttle::default().take(id, now, 1).unwrap();
    let twice = once.take(id, now, 1).expect("its own block is not for itself");
    assert_eq!(twice, Throttle { version: 2, ..once });
    assert_eq!(twice.give_back(id, 1).blocked_until(), None);
}

#[test]
fn a_process_with_a_slow_clock_changes_no_count() {
    let mut driven = nearly_blocked();
    assert!(driven.take(-5_000).is_ok(), "a moment before the first");
    assert!(driven.throttle.blocked_until().is_some());
}

#[test]
fn an_item_expires_when_nothing_in_it_counts_any_more() {
    let mut driven = Driven::new();
    driven.take(0).unwrap();
    let last = driven.take(1_500).unwrap();
    driven.give_back(last);
    let end = driven.start + TimeDelta::milliseconds(301_500);
    assert!((end.timestamp()..=end.timestamp() + 1).contains(&driven.throttle.expires_at));
}

#[test]
fn a_limit_of_one_blocks_with_the_first_failure() {
    let now = SystemClock.now();
    let blocked = Throttle::default().take(AttemptId::generate(), now, 1).unwrap();
    assert_eq!(blocked.blocked_until(), Some(now + TimeDelta::seconds(300)));
}

#[test]
fn a_limit_that_was_lowered_blocks_with_the_next_failure() {
    let driven = nearly_blocked();
    let now = driven.start + TimeDelta::seconds(1);
    assert!(driven.throttle.take(AttemptId::generate(), now, 2).unwrap().blocked_until().is_some());
}

#[test]
fn seconds_are_rounded_up() {
    let seconds = |ms| whole_seconds(TimeDelta::milliseconds(ms));
    assert_eq!([seconds(1), seconds(1_000), seconds(1_001), seconds(300_000)], [1, 1, 2, 300]);
}

#[test]
fn an_ipv6_network_is_its_64_and_an_ipv4_one_its_address() {
    let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap()).to_string();
    assert_eq!(network("192.0.2.7"), "192.0.2.7");
    assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7", "an IPv4 address in IPv6 clothes");
    assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    assert_eq!(network("2001:db8:1:2:ffff::"), network("2001:db8:1:2::1"));
    assert_ne!(network("2001:db8:1:3::1"), network("2001:db8:1:2::1"));
    assert_eq!(network("::1"), "::/64");
}

#[test]
fn a_scope_has_a_name_that_tells_nothing_personal() {
    let address: IpAddr = "192.0.2.7".parse().unwrap();
    assert_eq!(Scope::Network(address.into()).name(), "network");
    assert_eq!(Scope::Account("trader_jane".parse().unwrap()).name(), "account");
}

/// Everything that ever happened; what counts is worked out anew each time, from the words of the rule: five that
/// failed (or are undecided) within 300 seconds block until 300 seconds after the fifth.
#[derive(Default)]
struct Naive(Vec<(AttemptId, i64)>);

impl Naive {
    fn blocked_for(&self, now: i64) -> Option<i64> {
        let runs = self.0.windows(LIMIT).map(|run| (run[0].1, run[LIMIT - 1].1));
        let blocks = runs.filter(|(first, last)| last - first < 300_000).map(|(_, last)| last + 300_000);
        blocks.max().filter(|end| now < *end).map(|end| end - now)
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(i64),
    Take,
    /// Gives back the attempt that is so many before the newest.
    GiveBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let round = prop_oneof![Just(1), Just(60_000), Just(75_000), Just(100_000), Just(299_999), Just(300_000)];
    let step = prop_oneof![
        2 => round.prop_map(Step::Wait),
        1 => (0..120_000_i64).prop_map(Step::Wait),
        6 => Just(Step::Take),
        2 => (0..8_usize).prop_map(Step::GiveBack),
    ];
    proptest::collection::vec(step, 1..80)
}

proptest! {
    #[test]
    fn it_does_what_the_naive_count_of_everything_says(steps in steps()) {
        let (mut driven, mut naive, mut now) = (Driven::new(), Naive::default(), 0);
        for step in steps {
            match step {
                Step::Wait(ms) => now += ms,
                Step::Take => {
                    let taken = driven.take(now);
                    prop_assert_eq!(taken.err(), naive.blocked_for(now));
                    naive.0.extend(taken.map(|id| (id, now)));
                }
                Step::GiveBack(back) => {
                    if let Some(index) = naive.0.len().checked_sub(back + 1) {
                        driven.give_back(naive.0.remove(index).0);
                    }
                }
            }
            let slipped = naive.0.windows(LIMIT + 1).any(|run| run[LIMIT].1 - run[0].1 < 300_000);
            prop_assert!(!slipped, "more than {} count within 300 s", LIMIT);
            prop_assert!(driven.counted() <= LIMIT);
        }
    }
}
