//! How much of an allowance each key has left: governor's algorithm (GCRA) over a bounded number of keys.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tradepost_kernel::Clock;

/// An allowance is whole again after a minute, so nothing is lost with a key that was idle for two.
const IDLE: Duration = Duration::from_mins(2);

/// Counts the requests of each key under one policy.
pub(super) type Limiter = RateLimiter<u128, Cells, Elapsed, StateInformationMiddleware>;

/// What is remembered of each key: for each policy, when its allowance is whole again, in nanoseconds; 0 at first.
#[derive(Clone)]
pub(super) struct Keys {
    cache: Cache<u128, Arc<[AtomicU64]>>,
    policies: usize,
}

impl Keys {
    /// Remembers this many keys; of more, those unused for longest are forgotten and start afresh.
    pub fn new(max_keys: u64, policies: usize) -> Self {
        let cache = Cache::builder().max_capacity(max_keys).time_to_idle(IDLE);
        // The default policy would not let a newcomer in while many others knock, and so never count it.
        Self { cache: cache.eviction_policy(EvictionPolicy::lru()).build(), policies }
    }

    fn get(&self, key: u128) -> Arc<[AtomicU64]> {
        self.cache.get_with(key, || (0..self.policies).map(|_| AtomicU64::new(0)).collect())
    }
}

/// The state of each key under one policy.
pub(super) struct Cells {
    keys: Keys,
    policy: usize,
}

/// A limiter where every key starts with the whole quota; `policy` is its place among those that share the keys.
pub(super) fn limiter(quota: Quota, keys: &Keys, policy: usize, time: &Elapsed) -> Limiter {
    Limiter::new(quota, Cells { keys: keys.clone(), policy }, time.clone())
}

impl StateStore for Cells {
    type Key = u128;

    fn measure_and_replace<T, F, E>(&self, key: &u128, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let cells = self.keys.get(*key);
        // Every policy has its cell, so nothing is ever uncounted.
        let Some(cell) = cells.get(self.policy) else { return decide(None).map(|(decision, _)| decision) };
        let mut seen = cell.load(Ordering::Acquire);
        loop {
            let (decision, next) = decide(NonZeroU64::new(seen).map(|state| state.get().into()))?;
            match cell.compare_exchange_weak(seen, next.into(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(decision),
                Err(other) => seen = other,
            }
        }
    }
}

/// The time that has passed by the platform's clock. When that is set back, this goes on from where it was:
/// otherwise nobody's allowance would grow until the clock has caught up.
#[derive(Clone)]
pub(super) struct Elapsed(Arc<Time>);

struct Time {
    clock: Arc<dyn Clock>,
    /// How far the clock has been set back altogether, in milliseconds.
    behind: AtomicI64,
    latest: AtomicI64,
}

impl Elapsed {
    /// Requests on several threads read the clock in one order and come here in another; that is no setting back.
    const JITTER_MS: i64 = 1000;

    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Time { clock, behind: AtomicI64::new(0), latest: AtomicI64::new(0) }))
    }
}

impl GovernorClock for Elapsed {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let time = &*self.0;
        let behind = time.behind.load(Ordering::Acquire);
        let now = time.clock.now().timestamp_millis() + behind;
        let latest = time.latest.fetch_max(now, Ordering::AcqRel);
        if now + Self::JITTER_MS < latest {
            let catch_up = behind + latest - now;
            // Whoever loses this race finds it done.
            let _ = time.behind.compare_exchange(behind, catch_up, Ordering::AcqRel, Ordering::Relaxed);
        }
        Duration::from_millis(now.max(latest).unsigned_abs()).into()
    }
}

#[cfg(test)]
#[path = "allowance_tests.rs"]
mod tests;
