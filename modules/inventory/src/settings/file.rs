//! The section `[inventory.file]`.

use std::time::Duration;

use serde::Deserialize;
use tradepost_kernel::{Decimal, decimal};

const FASTEST: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);
const MOST_PLACES: u32 = 6;

/// Which recording is replayed and how fast, as `config/default.toml` explains.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    pub path: String,
    /// A decimal as text, so that it never meets a float.
    pub speed: String,
    pub interval_ms: u64,
}

impl FileSettings {
    pub(super) fn check(&self, is_used: bool) -> Result<(), String> {
        if is_used && self.path.trim().is_empty() {
            return Err("inventory.file.path must be set: feed = \"file\" replays a recording".to_owned());
        }
        if !(100..=60_000).contains(&self.interval_ms) {
            let given = self.interval_ms;
            return Err(format!("inventory.file.interval_ms must be from 100 to 60000, not {given}"));
        }
        self.factor().map(drop)
    }

    /// How many seconds of the recording pass in one second.
    pub(crate) fn factor(&self) -> Result<Decimal, String> {
        let is_usable = |speed: &Decimal| {
            *speed > Decimal::ZERO && *speed <= FASTEST && speed.normalize().scale() <= MOST_PLACES
        };
        let speed = decimal::parse(&self.speed).ok().filter(is_usable).map(|speed| speed.normalize());
        speed.ok_or_else(|| {
            "inventory.file.speed must be a decimal above 0, at most 10000, with at most 6 places".to_owned()
        })
    }

    pub(crate) const fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }

    /// No recording, at its own speed.
    #[must_use]
    pub fn none() -> Self {
        Self { path: String::new(), speed: "1".to_owned(), interval_ms: 1_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::FileSettings;

    #[test]
    fn a_recording_is_replayed_at_a_speed_above_zero_and_up_to_ten_thousand() {
        for (speed, is_good) in [
            ("0.000001", true),
            ("0.5", true),
            ("60", true),
            ("1.5000000", true),
            ("10000", true),
            ("0", false),
            ("-1", false),
            ("0.0000001", false),
            ("10000.000001", false),
            ("fast", false),
            ("", false),
        ] {
            let settings = FileSettings { speed: speed.to_owned(), ..FileSettings::none() };
            let outcome = settings.check(false);
            assert_eq!(outcome.is_ok(), is_good, "{speed}");
            assert!(is_good || outcome.unwrap_err().starts_with("inventory.file.speed must be"));
        }
    }

    #[test]
    fn a_price_comes_every_tenth_of_a_second_to_every_minute() {
        for (interval_ms, is_good) in [(99, false), (100, true), (60_000, true), (60_001, false)] {
            let settings = FileSettings { interval_ms, ..FileSettings::none() };
            let outcome = settings.check(false);
            assert_eq!(outcome.is_ok(), is_good, "{interval_ms}");
            assert!(is_good || outcome.unwrap_err().starts_with("inventory.file.interval_ms must be"));
        }
    }

    #[test]
    fn a_recording_must_be_named_where_one_is_replayed() {
        let settings = |path: &str| FileSettings { path: path.to_owned(), ..FileSettings::none() };
        assert_eq!((settings("").check(false), settings("a.jsonl").check(true)), (Ok(()), Ok(())));
        for path in ["", " "] {
            assert!(settings(path).check(true).unwrap_err().starts_with("inventory.file.path must be set"));
        }
    }
}
