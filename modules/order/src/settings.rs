//! The section `[order]`.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tradepost_kernel::Usd;

/// What an order may be worth, how old its price may be, and how often unfinished and open orders are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The least an order may be worth, unless its asset says more; a sell that empties a position may be worth less.
    pub min_value: Usd,
    /// The most an order may be worth, unless its asset says less.
    pub max_value: Usd,
    /// The oldest quote, in seconds, at which an order is still executed.
    pub max_quote_age_s: u32,
    /// The pause, in milliseconds, between two looks for pending orders that nobody finished.
    pub recovery_interval_ms: u32,
    /// How often one order is tried before it counts as a dead letter.
    pub recovery_max_attempts: u32,
    /// The pause, in milliseconds, between two looks for prices that changed.
    pub trigger_interval_ms: u32,
    /// How long, in milliseconds, it is remembered which prices open orders wait for.
    pub sweep_interval_ms: u32,
}

impl Settings {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        if self.min_value > self.max_value {
            return Err("order.min_value must not be above order.max_value".to_owned());
        }
        if !(10..=60_000).contains(&self.recovery_interval_ms) {
            return Err("order.recovery_interval_ms must be from 10 to 60000".to_owned());
        }
        if !(1..=1_000).contains(&self.recovery_max_attempts) {
            return Err("order.recovery_max_attempts must be from 1 to 1000".to_owned());
        }
        if !(10..=60_000).contains(&self.trigger_interval_ms) {
            return Err("order.trigger_interval_ms must be from 10 to 60000".to_owned());
        }
        if !(100..=3_600_000).contains(&self.sweep_interval_ms) {
            return Err("order.sweep_interval_ms must be from 100 to 3600000".to_owned());
        }
        if !(1..=86_400).contains(&self.max_quote_age_s) {
            return Err("order.max_quote_age_s must be from 1 to 86400".to_owned());
        }
        Ok(())
    }

    pub(crate) fn max_quote_age(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.max_quote_age_s))
    }

    pub(crate) fn sweep_interval(&self) -> TimeDelta {
        TimeDelta::milliseconds(i64::from(self.sweep_interval_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    fn with(key: &str, value: u32) -> Result<(), String> {
        let mut settings = serde_json::json!({
            "min_value": "1.00", "max_value": "10000.00", "max_quote_age_s": 60, "recovery_interval_ms": 1000,
            "recovery_max_attempts": 20, "trigger_interval_ms": 1000, "sweep_interval_ms": 30000,
        });
        settings[key] = value.into();
        serde_json::from_value::<Settings>(settings).unwrap().check()
    }

    #[test]
    fn every_limit_is_checked_on_both_sides_and_named() {
        for (key, least, most) in [
            ("max_quote_age_s", 1, 86_400),
            ("recovery_interval_ms", 10, 60_000),
            ("recovery_max_attempts", 1, 1_000),
            ("trigger_interval_ms", 10, 60_000),
            ("sweep_interval_ms", 100, 3_600_000),
        ] {
            for (value, is_valid) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
                assert_eq!(with(key, value).is_ok(), is_valid, "{key} = {value}");
            }
            assert!(with(key, 0).unwrap_err().starts_with(&format!("order.{key} must be")));
        }
    }
}
