//! A clock that tests can move from outside the process.

use std::path::PathBuf;

use chrono::TimeDelta;
use tradepost_kernel::{Clock, SystemClock, Timestamp};

/// The machine's clock, ahead by the milliseconds that a file says; by none while there is no such file.
pub struct FileClock(PathBuf);

impl FileClock {
    /// A clock that looks into this file each time it is asked.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self(file.into())
    }
}

impl Clock for FileClock {
    fn now(&self) -> Timestamp {
        let ahead = std::fs::read_to_string(&self.0).ok().and_then(|text| text.trim().parse().ok());
        SystemClock.now() + TimeDelta::milliseconds(ahead.unwrap_or(0))
    }
}
