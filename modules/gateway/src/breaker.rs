//! The circuit breaker of one upstream: pure, and told the time.
//!
//! It counts failures, less successes, less one for each span of time that passes. Too many of them open it.
//! After a while, or when a health check finds the upstream well, it lets one request through, and no second one before that one has its outcome; an answer closes
//! it, a failure keeps it open for another while.

use chrono::TimeDelta;
use tradepost_kernel::Timestamp;

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// This many failures open it.
    pub failures: u32,
    /// After this long one failure is forgotten.
    pub forget: TimeDelta,
    /// How long it stays open.
    pub open: TimeDelta,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Failures counted at a moment.
    Closed {
        failures: u32,
        at: Timestamp,
    },
    Open {
        since: Timestamp,
    },
    HalfOpen {
        is_tried: bool,
    },
}

/// What a request was let through as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// One of many.
    Ordinary,
    /// The one whose outcome decides.
    Probe,
}

/// That a breaker opened or closed just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Opened,
    Closed,
}

/// The circuit breaker of one upstream.
#[derive(Debug)]
pub(crate) struct Breaker {
    limits: Limits,
    state: State,
}

impl Breaker {
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: State::Closed { failures: 0, at: Timestamp::UNIX_EPOCH } }
    }

    /// Whether a request would be let through.
    pub fn permits(&self, now: Timestamp) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { since } => self.rest(since, now).is_zero(),
            State::HalfOpen { is_tried } => !is_tried,
        }
    }

    /// Lets a request through, or not.
    pub fn pass(&mut self, now: Timestamp) -> Option<Pass> {
        if !self.permits(now) {
            return None;
        }
        if let State::Closed { .. } = self.state {
            return Some(Pass::Ordinary);
        }
        self.state = State::HalfOpen { is_tried: true };
        Some(Pass::Probe)
    }

    /// The upstream has begun to answer a request that was let through.
    pub fn answered(&mut self, pass: Pass, now: Timestamp) -> Option<Change> {
        let State::HalfOpen { .. } = self.state else { return None };
        if pass != Pass::Probe {
            return None;
        }
        self.state = State::Closed { failures: 0, at: now };
        Some(Change::Closed)
    }

    /// An answer is complete: that makes up for one failure.
    pub fn succeeded(&mut self, now: Timestamp) {
        if let State::Closed { .. } = self.state {
            let failures = self.failures(now).saturating_sub(1);
            self.state = State::Closed { failures, at: self.counted_at(now) };
        }
    }

    /// A request that was let through got no answer, or half of one. Those from before the breaker opened change
    /// nothing any more.
    pub fn failed(&mut self, pass: Pass, now: Timestamp) -> Option<Change> {
        match (self.state, pass) {
            (State::Closed { .. }, _) => {
                let failures = self.failures(now).saturating_add(1);
                if failures < self.limits.failures {
                    self.state = State::Closed { failures, at: self.counted_at(now) };
                    return None;
                }
                self.state = State::Open { since: now };
                Some(Change::Opened)
            }
            (State::HalfOpen { .. }, Pass::Probe) => {
                self.state = State::Open { since: now };
                None
            }
            _ => None,
        }
    }

    /// A request that was let through ended without an outcome; if it was the probe, the next one is.
    pub fn abandoned(&mut self, pass: Pass) {
        if let (State::HalfOpen { .. }, Pass::Probe) = (self.state, pass) {
            self.state = State::HalfOpen { is_tried: false };
        }
    }

    /// The upstream says that it is well: the next request finds out whether it is.
    pub fn revived(&mut self) {
        if let State::Open { .. } = self.state {
            self.state = State::HalfOpen { is_tried: false };
        }
    }

    /// How long until it may let a request through.
    pub fn wait(&self, now: Timestamp) -> TimeDelta {
        match self.state {
            State::Open { since } => self.rest(since, now),
            _ => TimeDelta::zero(),
        }
    }

    /// 0 closed, 1 half open, 2 open.
    pub fn degree(&self) -> u8 {
        match self.state {
            State::Closed { .. } => 0,
            State::HalfOpen { .. } => 1,
            State::Open { .. } => 2,
        }
    }

    /// What is left of being open; nothing when the clock has been set back, lest it stay open for that long.
    fn rest(&self, since: Timestamp, now: Timestamp) -> TimeDelta {
        let passed = now - since;
        if passed < TimeDelta::zero() {
            TimeDelta::zero()
        } else {
            (self.limits.open - passed).max(TimeDelta::zero())
        }
    }

    /// The failures not yet forgotten.
    fn failures(&self, now: Timestamp) -> u32 {
        let State::Closed { failures, at } = self.state else { return 0 };
        let forgotten = (now - at).num_milliseconds() / self.limits.forget.num_milliseconds().max(1);
        failures.saturating_sub(u32::try_from(forgotten.max(0)).unwrap_or(u32::MAX))
    }

    /// The moment as of which [`Self::failures`] is exact: a span that has only begun goes on.
    fn counted_at(&self, now: Timestamp) -> Timestamp {
        let State::Closed { at, .. } = self.state else { return now };
        let passed = (now - at).num_milliseconds();
        if passed < 0 || self.failures(now) == 0 {
            return now;
        }
        now - TimeDelta::milliseconds(passed % self.limits.forget.num_milliseconds().max(1))
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
