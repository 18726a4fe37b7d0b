//! The one place that reads the time, so that a test can hold it still.

use chrono::{SubsecRound, Utc};

use crate::Timestamp;

/// Tells the time. Held as `Arc<dyn Clock>`; everything that needs "now" asks this.
pub trait Clock: Send + Sync {
    /// The current moment in UTC, truncated to the millisecond.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
    fn now(&self) -> Timestamp {
        Utc::now().trunc_subsecs(3)
    }
}
