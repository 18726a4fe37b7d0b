//! A clock that runs and can be moved.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use tradepost_kernel::{Clock, SystemClock, Timestamp};

/// The machine's clock, shifted by what a test says.
#[derive(Debug, Default)]
pub struct ShiftedClock(AtomicI64);

impl ShiftedClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + TimeDelta::milliseconds(self.0.load(Ordering::SeqCst))
    }
}
