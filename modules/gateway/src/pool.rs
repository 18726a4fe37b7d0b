//! The upstreams of one module, and which of them gets a request.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::upstream::{Permit, Upstream};

/// The upstreams of one module.
pub(crate) struct Pool(Vec<Arc<Upstream>>);

impl Pool {
    pub fn new(upstreams: Vec<Upstream>) -> Self {
        Self(upstreams.into_iter().map(Arc::new).collect())
    }

    pub fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.0
    }

    /// Leave to send a request, if any breaker gives it; after a first try, rather to another upstream than the one
    /// that was tried. An upstream that failed its health check still gets requests where none has passed it: that
    /// check may be older than the recovery, and what it finds missing (the store, say) need not concern every
    /// request.
    pub fn choose(&self, tried: Option<&Arc<Upstream>>) -> Option<Permit> {
        let was_tried = |upstream: &Upstream| tried.is_some_and(|tried| std::ptr::eq(&**tried, upstream));
        [(true, false), (true, true), (false, false), (false, true)].into_iter().find_map(
            |(healthy, again)| {
                self.less_busy(|upstream| upstream.is_healthy() == healthy && was_tried(upstream) == again)
            },
        )
    }

    /// Of two drawn at random, the one with fewer requests in flight: with several gateways this spreads better
    /// than all of them picking the least busy one at once.
    fn less_busy(&self, is_wanted: impl Fn(&Upstream) -> bool) -> Option<Permit> {
        let eligible = || self.0.iter().filter(|upstream| is_wanted(upstream) && upstream.permits());
        let count = eligible().count();
        let chosen = match count {
            0 => return None,
            1 => eligible().next(),
            _ => {
                let first = rand::random_range(0..count);
                let second = (first + rand::random_range(1..count)) % count;
                [first, second].into_iter().filter_map(|n| eligible().nth(n)).min_by_key(|u| u.in_flight())
            }
        };
        // Somebody else may have taken the one place that a half-open breaker has.
        chosen.and_then(Upstream::admit).or_else(|| eligible().find_map(Upstream::admit))
    }

    /// How long until one of the breakers may let a request through.
    pub fn wait(&self) -> TimeDelta {
        self.0.iter().map(|upstream| upstream.wait()).min().unwrap_or_default()
    }
}
