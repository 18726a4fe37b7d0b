//! One upstream: where it listens, whether it is healthy, what it has in flight and how it fared.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use hyper::header::HeaderValue;
use hyper::http::uri::Authority;
use tradepost_kernel::Clock;

use crate::Module;
use crate::breaker::{Breaker, Change, Limits, Pass};

/// A process that serves a module.
pub(crate) struct Upstream {
    pub module: Module,
    pub authority: Authority,
    /// The same as the value of `Host`.
    pub host: HeaderValue,
    is_healthy: AtomicBool,
    in_flight: AtomicUsize,
    breaker: Mutex<Breaker>,
    clock: Arc<dyn Clock>,
}

/// How an exchange with an upstream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With a complete answer.
    Answered,
    /// No connection could be made.
    Unreachable,
    /// The connection broke, before the answer or in the middle of it.
    Broken,
    /// What came is no answer of HTTP.
    Unreadable,
    /// Nothing came in time.
    TimedOut,
    /// Something between here and the upstream answered that it is not there.
    StoodIn,
    /// The client went away or broke its own request off.
    Abandoned,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::Unreadable => "unreadable",
            Self::TimedOut => "timed_out",
            Self::StoodIn => "stood_in",
            Self::Abandoned => "abandoned",
        }
    }
}

impl Upstream {
    /// An upstream that is taken for healthy until it is asked.
    pub fn new(
        module: Module,
        authority: Authority,
        limits: Limits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let host = HeaderValue::from_str(authority.as_str())
            .map_err(|error| format!("gateway.{module}: {authority}: {error}"))?;
        Ok(Self {
            module,
            authority,
            host,
            is_healthy: AtomicBool::new(true),
            in_flight: AtomicUsize::new(0),
            breaker: Mutex::new(Breaker::new(limits)),
            clock,
        })
    }

    pub fn is_healthy(&self) -> bool {
        self.is_healthy.load(Ordering::Relaxed)
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether [`Upstream::admit`] would let a request through.
    pub fn permits(&self) -> bool {
        self.breaker().permits(self.clock.now())
    }

    /// How long until the breaker may let a request through.
    pub fn wait(&self) -> TimeDelta {
        self.breaker().wait(self.clock.now())
    }

    /// Lets a request through, unless the breaker is against it.
    pub fn admit(self: &Arc<Self>) -> Option<Permit> {
        let pass = self.breaker().pass(self.clock.now())?;
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(Permit { upstream: Arc::clone(self), pass, outcome: Outcome::Abandoned })
    }

    /// Takes note of a health check.
    pub fn checked(&self, is_healthy: bool) {
        let (module, upstream) = (self.module.as_str(), self.authority.as_str());
        if self.is_healthy.swap(is_healthy, Ordering::Relaxed) != is_healthy {
            if is_healthy {
                tracing::info!(module, upstream, "the upstream is healthy again");
            } else {
                tracing::warn!(module, upstream, "the upstream is not healthy: others are preferred");
            }
        }
        if is_healthy {
            self.breaker().revived();
        }
        let degree = self.breaker().degree();
        self.gauge("tradepost_gateway_upstream_healthy", u8::from(is_healthy));
        self.gauge("tradepost_gateway_breaker_state", degree);
    }

    fn settle(&self, pass: Pass, outcome: Outcome) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let now = self.clock.now();
        let change = match outcome {
            Outcome::Answered => {
                self.breaker().succeeded(now);
                None
            }
            Outcome::Abandoned => {
                self.breaker().abandoned(pass);
                None
            }
            _ => self.breaker().failed(pass, now),
        };
        self.report(change);
        metrics::counter!(
            "tradepost_gateway_requests_total",
            "module" => self.module.as_str(), "outcome" => outcome.as_str()
        )
        .increment(1);
    }

    fn report(&self, change: Option<Change>) {
        let Some(change) = change else { return };
        let (module, upstream) = (self.module.as_str(), self.authority.as_str());
        let degree = self.breaker().degree();
        self.gauge("tradepost_gateway_breaker_state", degree);
        match change {
            Change::Opened => {
                tracing::warn!(module, upstream, "the circuit breaker opened: the upstream keeps failing");
            }
            Change::Closed => tracing::info!(module, upstream, "the circuit breaker closed again"),
        }
    }

    fn gauge(&self, name: &'static str, value: u8) {
        let (module, upstream) = (self.module.as_str(), self.authority.to_string());
        metrics::gauge!(name, "module" => module, "upstream" => upstream).set(value);
    }

    /// Nothing that is done under this lock can fail half-way.
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The leave to send one request to an upstream; as long as it lives, the request counts as in flight. Dropped
/// without a word it counts as abandoned.
pub(crate) struct Permit {
    upstream: Arc<Upstream>,
    pass: Pass,
    outcome: Outcome,
}

impl Permit {
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// The head of the answer is there: an upstream that was probed has proved itself.
    pub fn answered(&mut self) {
        let change = self.upstream.breaker().answered(self.pass, self.upstream.clock.now());
        self.pass = Pass::Ordinary;
        self.upstream.report(change);
    }

    /// The exchange is over.
    pub fn settle(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.upstream.settle(self.pass, self.outcome);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use chrono::TimeDelta;
    use hyper::http::uri::Authority;
    use tradepost_kernel::{Clock, Timestamp};

    use super::{Outcome, Upstream};
    use crate::Module;
    use crate::breaker::Limits;

    #[derive(Default)]
    struct MovedClock(AtomicI64);

    impl Clock for MovedClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
        }
    }

    #[test]
    fn a_probe_that_was_answered_speaks_for_itself_alone_from_then_on() {
        let clock = Arc::new(MovedClock::default());
        let limits = Limits { failures: 1, forget: TimeDelta::seconds(2), open: TimeDelta::seconds(5) };
        let at = Authority::from_static("127.0.0.1:1");
        let upstream = Arc::new(Upstream::new(Module::User, at, limits, clock.clone()).unwrap());
        let fail_and_wait = || {
            upstream.admit().unwrap().settle(Outcome::Broken);
            assert!(upstream.admit().is_none());
            clock.0.fetch_add(5000, Ordering::SeqCst);
        };

        fail_and_wait();
        let mut stream = upstream.admit().unwrap();
        stream.answered();
        fail_and_wait();
        let probe = upstream.admit().unwrap();
        drop(stream);
        assert!(upstream.admit().is_none(), "the second probe is still under way");
        assert_eq!(upstream.in_flight(), 1);
        drop(probe);
        assert_eq!(upstream.in_flight(), 0);
        assert!(upstream.admit().is_some());
    }
}
