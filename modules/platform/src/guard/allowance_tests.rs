//! Tests of counting, of its bounds, and of what the clock may do to it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use governor::Quota;
use governor::clock::Clock as _;
use tradepost_kernel::{Clock, Timestamp};

use super::{Cells, Elapsed, Keys, Limiter, limiter};

const MAX_KEYS: u64 = 4000;

#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp_millis(1_767_225_600_000 + self.0.load(Ordering::SeqCst)).unwrap()
    }
}

fn per_minute(requests: u32) -> (Limiter, Arc<Hand>) {
    let hand = Arc::new(Hand::default());
    let quota = Quota::per_minute(NonZeroU32::new(requests).unwrap());
    (limiter(quota, &Keys::new(MAX_KEYS, 1), 0, &Elapsed::new(hand.clone())), hand)
}

fn allowed(limiter: &Limiter, key: u128) -> usize {
    std::iter::repeat_with(|| limiter.check_key(&key)).take_while(Result::is_ok).count()
}

fn remembered(limiter: Limiter) -> u64 {
    let Cells { keys, .. } = limiter.into_state_store();
    keys.cache.run_pending_tasks();
    keys.cache.entry_count()
}

#[test]
fn as_many_as_allowed_pass_at_once_and_then_evenly_so_many_a_minute() {
    let (limiter, hand) = per_minute(6);
    assert_eq!(allowed(&limiter, 1), 6);
    for (at_ms, more) in [(9_999, 0), (10_000, 1), (19_999, 0), (20_000, 1), (59_999, 3), (600_000, 6)] {
        hand.0.store(at_ms, Ordering::SeqCst);
        assert_eq!(allowed(&limiter, 1), more, "after {at_ms} ms");
    }
}

#[test]
fn every_key_has_an_allowance_of_its_own() {
    let (limiter, _) = per_minute(3);
    assert_eq!((allowed(&limiter, 1), allowed(&limiter, 2), allowed(&limiter, 1)), (3, 3, 0));
}

#[test]
fn policies_that_share_their_keys_count_apart() {
    let (keys, time) = (Keys::new(MAX_KEYS, 2), Elapsed::new(Arc::new(Hand::default())));
    let [three, five] = [(0, 3), (1, 5)].map(|(policy, requests)| {
        limiter(Quota::per_minute(NonZeroU32::new(requests).unwrap()), &keys, policy, &time)
    });
    assert_eq!((allowed(&three, 1), allowed(&five, 1), allowed(&three, 1)), (3, 5, 0));
}

#[test]
fn parallel_requests_share_one_allowance() {
    let (limiter, _) = per_minute(1000);
    let total: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| allowed(&limiter, 1))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(total, 1000);
}

#[test]
fn a_flood_of_keys_is_bounded_and_does_not_reset_one_in_use() {
    let (limiter, _) = per_minute(100);
    assert_eq!(allowed(&limiter, 0), 100);
    for key in 1..=u128::from(MAX_KEYS) * 5 {
        assert!(limiter.check_key(&key).is_ok());
        if key % 100 == 0 {
            assert_eq!(allowed(&limiter, 0), 0, "forgotten after {key} others");
        }
    }
    let keys = remembered(limiter);
    assert!((MAX_KEYS / 2..=MAX_KEYS).contains(&keys), "{keys} keys");
}

#[test]
fn a_clock_that_is_set_back_stops_no_allowance_from_growing() {
    let (limiter, hand) = per_minute(6);
    assert_eq!(allowed(&limiter, 1), 6);
    hand.0.store(-86_400_000, Ordering::SeqCst);
    assert_eq!(allowed(&limiter, 1), 0);
    hand.0.fetch_add(10_000, Ordering::SeqCst);
    assert_eq!(allowed(&limiter, 1), 1);
    hand.0.fetch_add(60_000, Ordering::SeqCst);
    assert_eq!(allowed(&limiter, 1), 6);
}

#[test]
fn elapsed_time_never_runs_backwards() {
    let hand = Arc::new(Hand::default());
    let elapsed = Elapsed::new(hand.clone());
    let mut latest = Duration::ZERO;
    for (step_ms, passed) in
        [(0, 0), (5, 5), (-3, 0), (2, 0), (1000, 999), (-5000, 0), (7, 7), (-2000, 0), (4, 4)]
    {
        hand.0.fetch_add(step_ms, Ordering::SeqCst);
        // The second look after a step back is the first that goes on from there.
        elapsed.now();
        let now = Duration::from(elapsed.now());
        if !latest.is_zero() {
            assert_eq!(now - latest, Duration::from_millis(passed), "after a step of {step_ms} ms");
        }
        latest = now;
    }
}
