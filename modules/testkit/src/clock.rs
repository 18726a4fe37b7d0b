//! A clock that can be moved, and stopped.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use tradepost_kernel::{Clock, SystemClock, Timestamp};

/// The machine's clock, shifted by what a test says.
#[derive(Debug, Default)]
pub struct ShiftedClock {
    ahead_ms: AtomicI64,
    /// Files by which processes outside the test's own follow.
    files: Mutex<Vec<PathBuf>>,
    shift_ms: AtomicI64,
    stopped_at: Option<Timestamp>,
}

impl ShiftedClock {
    /// A clock that stands still unless it is moved, for rules that hold to the millisecond.
    #[must_use]
    pub fn stopped() -> Self {
        Self { shift_ms: AtomicI64::default(), stopped_at: Some(SystemClock.now()) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead_ms.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
        self.files.lock().unwrap().iter().for_each(|file| self.write(file));
    }

    /// Keeps a file up to date from which other processes read how far this clock is ahead.
    pub(crate) fn follow(&self, file: PathBuf) {
        self.write(&file);
        self.files.lock().unwrap().push(file);
    }

    /// Under another name first, so that nobody reads half a number. A platform that is gone needs no file.
    fn write(&self, file: &Path) {
        let next = file.with_extension("next");
        let ahead = self.ahead_ms.load(Ordering::SeqCst).to_string();
        let _ = std::fs::write(&next, ahead).and_then(|()| std::fs::rename(&next, file));
        self.shift_ms.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + TimeDelta::milliseconds(self.ahead_ms.load(Ordering::SeqCst))
        let now = self.stopped_at.unwrap_or_else(|| SystemClock.now());
        now + TimeDelta::milliseconds(self.shift_ms.load(Ordering::SeqCst))
    }
}
