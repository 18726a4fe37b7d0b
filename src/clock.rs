//! A clock that tests can move from outside the process.

use std::path::PathBuf;

use chrono::TimeDelta;
use tradepost_kernel::{Clock, SystemClock, Timestamp};

/// The clock that a file sets: the machine's, ahead by the milliseconds that the file says, or standing still at
/// `=` and a Unix time in milliseconds. The machine's while there is no such file.
pub struct FileClock(PathBuf);

impl FileClock {
    /// A clock that looks into this file each time it is asked.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self(file.into())
    }
}

impl Clock for FileClock {
    fn now(&self) -> Timestamp {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let stopped = text.trim().strip_prefix('=').and_then(|text| text.parse().ok());
        if let Some(stopped) = stopped.and_then(Timestamp::from_timestamp_millis) {
            return stopped;
        }
        SystemClock.now() + TimeDelta::milliseconds(text.trim().parse().unwrap_or(0))
    }
}
