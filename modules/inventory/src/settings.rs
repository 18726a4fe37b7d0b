//! The section `[inventory]`.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

const DEMO_CATALOG: &str = include_str!("../../../config/catalog.json");

/// The section `[inventory]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The path of the catalog file; empty for the demo catalog that is compiled in.
    pub catalog: String,
    /// Where prices come from.
    pub feed: Feed,
    /// Chooses the course of simulated prices: processes with the same seed and catalog show the same prices.
    pub simulation_seed: u64,
    /// Allows `feed = "simulated"` in production.
    pub simulated_in_production: bool,
    /// How often prices are renewed, in milliseconds: 100 to 60000.
    pub tick_ms: u64,
}

/// Where prices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// Made up around the reference prices of the catalog; for trying the platform out.
    Simulated,
}

impl Settings {
    /// Checks each value, and what production refuses.
    ///
    /// # Errors
    /// A sentence that names the key and the rule it breaks.
    pub fn check(&self, production: bool) -> Result<(), String> {
        if production && self.feed == Feed::Simulated && !self.simulated_in_production {
            return Err("Production does not trade at simulated prices. To show them all the same, set \
                        inventory.simulated_in_production = true."
                .to_owned());
        }
        if !(100..=60_000).contains(&self.tick_ms) {
            return Err(format!("inventory.tick_ms must be from 100 to 60000, not {}", self.tick_ms));
        }
        if !self.catalog.is_empty() && self.catalog.trim().is_empty() {
            return Err("inventory.catalog must be the path of a file, or empty for the demo".to_owned());
        }
        Ok(())
    }

    pub(crate) fn tick(&self) -> Duration {
        Duration::from_millis(self.tick_ms)
    }

    /// The text of the catalog these settings ask for.
    pub(crate) fn catalog_text(&self) -> Result<Cow<'static, str>, String> {
        if self.catalog.is_empty() {
            return Ok(Cow::Borrowed(DEMO_CATALOG));
        }
        std::fs::read_to_string(&self.catalog)
            .map(Cow::Owned)
            .map_err(|error| format!("inventory.catalog: {} cannot be read: {error}", self.catalog))
    }
}

#[cfg(test)]
mod tests {
    use super::{Feed, Settings};

    fn settings(tick_ms: u64, catalog: &str) -> Settings {
        Settings {
            catalog: catalog.to_owned(),
            feed: Feed::Simulated,
            simulation_seed: 1,
            simulated_in_production: false,
            tick_ms,
        }
    }

    #[test]
    fn a_tick_takes_a_tenth_of_a_second_to_a_minute() {
        for (tick_ms, is_valid) in [(99, false), (100, true), (60_000, true), (60_001, false)] {
            assert_eq!(settings(tick_ms, "").check(false).is_ok(), is_valid, "{tick_ms}");
        }
        assert!(settings(0, "").check(false).unwrap_err().starts_with("inventory.tick_ms must be"));
    }

    #[test]
    fn production_refuses_simulated_prices_unless_told() {
        let mut settings = settings(1000, "");
        assert!(settings.check(true).unwrap_err().contains("inventory.simulated_in_production"));
        settings.simulated_in_production = true;
        assert_eq!(settings.check(true), Ok(()));
    }

    #[test]
    fn a_catalog_that_cannot_be_read_is_named() {
        assert!(settings(1000, "  ").check(false).unwrap_err().starts_with("inventory.catalog must be"));
        let error = settings(1000, "/nowhere/catalog.json").catalog_text().unwrap_err();
        assert!(error.starts_with("inventory.catalog: /nowhere/catalog.json"), "{error}");
    }

    #[test]
    fn unknown_keys_and_feeds_are_refused() {
        let good = r#"{"catalog":"","feed":"simulated","simulation_seed":1,"simulated_in_production":false,"tick_ms":1000}"#;
        assert_eq!(serde_json::from_str::<Settings>(good).unwrap(), settings(1000, ""));
        for bad in [good.replace("simulated", "guessed"), good.replace("tick_ms", "tick")] {
            assert!(serde_json::from_str::<Settings>(&bad).is_err(), "{bad}");
        }
    }
}
