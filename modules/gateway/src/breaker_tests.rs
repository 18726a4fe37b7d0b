//! A breaker through its states.

use chrono::TimeDelta;
use tradepost_kernel::Timestamp;

use super::{Breaker, Change, Limits, Pass};

fn breaker() -> Breaker {
    let (forget, open) = (TimeDelta::milliseconds(2000), TimeDelta::milliseconds(5000));
    Breaker::new(Limits { failures: 3, forget, open })
}

fn at(ms: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::milliseconds(ms)
}

/// A breaker that opened at 0.
fn open() -> Breaker {
    let mut breaker = breaker();
    let changes: Vec<_> = (0..3).map(|_| breaker.failed(Pass::Ordinary, at(0))).collect();
    assert_eq!(changes, [None, None, Some(Change::Opened)]);
    breaker
}

#[test]
fn it_opens_with_the_last_failure_it_may_have_and_not_before() {
    let mut breaker = breaker();
    for _ in 0..2 {
        assert_eq!(breaker.pass(at(0)), Some(Pass::Ordinary));
        assert_eq!(breaker.failed(Pass::Ordinary, at(0)), None);
    }
    assert_eq!(breaker.pass(at(0)), Some(Pass::Ordinary));
    assert_eq!(breaker.failed(Pass::Ordinary, at(0)), Some(Change::Opened));
    assert_eq!((breaker.permits(at(0)), breaker.pass(at(0))), (false, None));
    assert_eq!((breaker.degree(), breaker.wait(at(1000))), (2, TimeDelta::milliseconds(4000)));
}

#[test]
fn one_probe_goes_through_once_it_was_open_long_enough() {
    let mut breaker = open();
    assert_eq!(breaker.pass(at(4999)), None);
    assert!(breaker.permits(at(5000)));
    assert_eq!(breaker.pass(at(5000)), Some(Pass::Probe));
    assert_eq!((breaker.permits(at(5000)), breaker.degree()), (false, 1));
    assert_eq!(breaker.pass(at(60_000)), None, "as long as the probe is under way");
    assert_eq!(breaker.answered(Pass::Probe, at(60_000)), Some(Change::Closed));
    assert_eq!((breaker.pass(at(60_000)), breaker.degree()), (Some(Pass::Ordinary), 0));
    assert_eq!(breaker.failed(Pass::Ordinary, at(60_000)), None, "it counts from nothing again");
}

#[test]
fn an_upstream_that_says_it_is_well_gets_a_probe_at_once() {
    let mut breaker = open();
    breaker.revived();
    assert_eq!(breaker.wait(at(1)), TimeDelta::zero());
    assert_eq!((breaker.pass(at(1)), breaker.pass(at(1))), (Some(Pass::Probe), None));
    breaker.revived();
    assert_eq!(breaker.pass(at(1)), None, "its probe is still under way");
    assert_eq!(breaker.answered(Pass::Probe, at(2)), Some(Change::Closed));
}

#[test]
fn a_failed_probe_keeps_it_open_for_another_while() {
    let mut breaker = open();
    assert_eq!(breaker.pass(at(5000)), Some(Pass::Probe));
    assert_eq!(breaker.failed(Pass::Probe, at(6000)), None);
    assert_eq!(breaker.pass(at(10_999)), None);
    assert_eq!(breaker.pass(at(11_000)), Some(Pass::Probe));
}

#[test]
fn a_probe_without_an_outcome_makes_room_for_the_next() {
    let mut breaker = open();
    assert_eq!(breaker.pass(at(5000)), Some(Pass::Probe));
    breaker.abandoned(Pass::Ordinary);
    assert_eq!(breaker.pass(at(5000)), None);
    breaker.abandoned(Pass::Probe);
    assert_eq!(breaker.pass(at(5000)), Some(Pass::Probe));
}

#[test]
fn what_was_under_way_when_it_opened_changes_nothing() {
    let mut breaker = open();
    breaker.succeeded(at(1000));
    assert_eq!(breaker.failed(Pass::Ordinary, at(4000)), None);
    assert_eq!(breaker.answered(Pass::Ordinary, at(4000)), None);
    assert_eq!(breaker.pass(at(5000)), Some(Pass::Probe), "open since the first time");
    assert_eq!(breaker.failed(Pass::Ordinary, at(5000)), None);
    assert_eq!(breaker.answered(Pass::Ordinary, at(5000)), None);
    breaker.succeeded(at(5000));
    assert_eq!(breaker.pass(at(5000)), None, "the probe decides, nobody else");
}

#[test]
fn failures_are_forgotten_one_by_one() {
    let mut breaker = breaker();
    for ms in [0, 0, 2000, 4000, 5999, 7999] {
        // Never more than two are remembered, and the spans are not begun anew by a failure.
        let change = breaker.failed(Pass::Ordinary, at(ms));
        assert_eq!(change, (ms == 5999).then_some(Change::Opened), "{ms}");
    }
}

#[test]
fn a_success_makes_up_for_a_failure_and_no_more() {
    let mut breaker = breaker();
    for _ in 0..100 {
        breaker.succeeded(at(0));
    }
    for _ in 0..10 {
        assert_eq!(breaker.failed(Pass::Ordinary, at(0)), None);
        assert_eq!(breaker.failed(Pass::Ordinary, at(0)), None);
        breaker.succeeded(at(0));
        breaker.succeeded(at(0));
    }
    let changes: Vec<_> = (0..3).map(|_| breaker.failed(Pass::Ordinary, at(0))).collect();
    assert_eq!(changes, [None, None, Some(Change::Opened)]);
}

#[test]
fn a_clock_that_is_set_back_neither_locks_nor_confuses_it() {
    let mut breaker = open();
    assert_eq!(breaker.pass(at(-3_600_000)), Some(Pass::Probe));
    assert_eq!(breaker.answered(Pass::Probe, at(-3_600_000)), Some(Change::Closed));

    let mut breaker = super::tests::breaker();
    assert_eq!(breaker.failed(Pass::Ordinary, at(0)), None);
    assert_eq!(breaker.failed(Pass::Ordinary, at(-3_600_000)), None);
    assert_eq!(breaker.failed(Pass::Ordinary, at(-3_600_000 + 2000)), None, "one is forgotten again");
}
