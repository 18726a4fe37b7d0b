//! A clock that can be moved, and stopped.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use tradepost_kernel::{Clock, SystemClock, Timestamp};

/// The machine's clock, shifted by what a test says; or a clock that stands still where the test leaves it.
#[derive(Debug, Default)]
pub struct ShiftedClock {
    ahead_ms: AtomicI64,
    stopped_at: Option<Timestamp>,
    /// Files by which processes outside the test's own follow.
    files: Mutex<Vec<PathBuf>>,
}

impl ShiftedClock {
    /// A clock that stands still unless it is moved, for rules that hold to the millisecond.
    #[must_use]
    pub fn stopped() -> Self {
        Self { stopped_at: Some(SystemClock.now()), ..Self::default() }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead_ms.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
        self.files.lock().unwrap().iter().for_each(|file| self.write(file));
    }

    /// Keeps a file up to date by which other processes set their clocks.
    pub(crate) fn follow(&self, file: PathBuf) {
        self.write(&file);
        self.files.lock().unwrap().push(file);
    }

    /// Under another name first, so that nobody reads half a number. A platform that is gone needs no file.
    fn write(&self, file: &Path) {
        let next = file.with_extension("next");
        let text = match self.stopped_at {
            None => self.ahead_ms.load(Ordering::SeqCst).to_string(),
            Some(_) => format!("={}", self.now().timestamp_millis()),
        };
        let _ = std::fs::write(&next, text).and_then(|()| std::fs::rename(&next, file));
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let now = self.stopped_at.unwrap_or_else(|| SystemClock.now());
        now + TimeDelta::milliseconds(self.ahead_ms.load(Ordering::SeqCst))
    }
}
