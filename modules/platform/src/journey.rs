//! What travels with a request through every process it touches: its id, its trace, and how long it may still
//! take.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;
use tradepost_kernel::RequestId;

tokio::task_local! {
    static JOURNEY: Journey;
}

/// The way of one request through the platform.
#[derive(Clone, Debug)]
pub struct Journey {
    /// Names the request in every log.
    pub request: RequestId,
    /// Its trace (W3C Trace Context).
    pub trace: Trace,
    /// Nobody waits for an answer after this moment.
    pub deadline: Option<Instant>,
}

impl Journey {
    /// A journey that begins here: of work that no request asked for.
    #[must_use]
    pub fn begin() -> Self {
        Self { request: RequestId::generate(), trace: Trace::begin(), deadline: None }
    }

    /// The journey this task is on, or a new one.
    #[must_use]
    pub fn current() -> Self {
        JOURNEY.try_with(Clone::clone).unwrap_or_else(|_| Self::begin())
    }

    /// When this task's answer is no longer waited for.
    #[must_use]
    pub fn current_deadline() -> Option<Instant> {
        JOURNEY.try_with(|journey| journey.deadline).ok().flatten()
    }

    /// How long an answer is still waited for; `None` is without end.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Does work on this journey.
    pub async fn carry<T>(self, work: impl Future<Output = T>) -> T {
        JOURNEY.scope(self, work).await
    }
}

/// A trace, as the header `traceparent` names it (W3C Trace Context, version 00).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    id: String,
    flags: u8,
}

impl Trace {
    /// A trace that begins here.
    #[must_use]
    pub fn begin() -> Self {
        // Two halves, because numbers of 128 bits are slow to write.
        let (first, second) = (rand::rng().random_range(1..=u64::MAX), rand::random::<u64>());
        Self { id: format!("{first:016x}{second:016x}"), flags: 0 }
    }

    /// The trace of a `traceparent` header (`00-{32 hex}-{16 hex}-{2 hex}`), if it is well-formed.
    #[must_use]
    pub fn accept(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let mut part = |length: usize| {
            let part = parts.next()?;
            let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (part.len() == length && is_hex).then_some(part)
        };
        let (version, id, parent, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
        // Later versions may add parts, version ff is forbidden.
        let is_whole = version != "ff" && (version != "00" || parts.next().is_none());
        let flags = u8::from_str_radix(flags, 16).ok()?;
        (is_whole && !is_zero(id) && !is_zero(parent)).then(|| Self { id: id.to_owned(), flags })
    }

    /// The id that all processes log.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// The header for an onward call: the same trace, a new parent.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{:016x}-{:02x}", self.id, rand::rng().random_range(1..=u64::MAX), self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::{Journey, Trace};

    #[test]
    fn a_trace_goes_on_under_its_id() {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = Trace::accept(header).unwrap();
        let onward = trace.to_string();
        assert_ne!(onward, header);
        assert_eq!(Trace::accept(&onward), Some(trace));
        let begun = Trace::begin();
        assert_eq!(Trace::accept(&begun.to_string()), Some(begun));
    }

    #[test]
    fn a_malformed_trace_is_no_trace() {
        for header in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Trace::accept(header), None, "{header}");
        }
        assert!(Trace::accept("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
    }

    #[tokio::test]
    async fn work_knows_the_journey_it_is_on() {
        let journey = Journey::begin();
        let id = journey.request.clone();
        let seen = journey.carry(async { Journey::current().request }).await;
        assert_eq!(seen.as_str(), id.as_str());
        assert_ne!(Journey::current().request.as_str(), id.as_str());
    }
}
