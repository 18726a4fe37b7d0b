//! The section `[inventory]`.

mod coingecko;
mod file;

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use tradepost_platform::settings::one_of;

pub use self::coingecko::{CoinGeckoSettings, Plan};
pub use self::file::FileSettings;

const DEMO_CATALOG: &str = include_str!("../../../config/catalog.json");

/// The section `[inventory]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The path of the catalog file; empty for the demo catalog that is compiled in.
    pub catalog: String,
    /// Where prices come from.
    #[serde(deserialize_with = "one_of")]
    pub feed: Source,
    /// Chooses the course of simulated prices: processes with the same seed and catalog show the same prices.
    pub simulation_seed: u64,
    /// Allows `feed = "simulated"` in production.
    pub simulated_in_production: bool,
    /// How often simulated prices are renewed, in milliseconds: 100 to 60000.
    pub tick_ms: u64,
    /// Milliseconds between two looks at what other processes wrote: 50 to 60000.
    pub sync_interval_ms: u64,
    /// How long a process may be silent before another asks the feed in its place, in seconds: 1 to 600.
    pub lease_s: u32,
    /// Days that candles are kept, of a feed whose past cannot be computed: 1 to 400.
    pub history_days: u32,
    /// A price this many percent away from the one before is held back; 0 believes every price.
    pub max_jump_percent: u32,
    /// How often in a row such a price must be said to be believed: 1 to 100.
    pub jump_confirmations: u32,
    /// How CoinGecko is asked.
    pub coingecko: CoinGeckoSettings,
    /// What is replayed.
    pub file: FileSettings,
    /// Seconds between two comments on each stream of prices: 1 to 60.
    pub heartbeat_s: u32,
    /// Streams of prices that one address may have open: 1 to 100000.
    pub streams_per_client: u32,
}

/// Where prices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The prices of CoinGecko.
    CoinGecko,
    /// A recorded series, replayed.
    File,
    /// Made up around the reference prices of the catalog; for trying the platform out.
    Simulated,
    /// Nowhere: only what administrators price can be traded.
    None,
}

impl Settings {
    /// Checks each value, and what production refuses.
    ///
    /// # Errors
    /// A sentence that names the key and the rule it breaks.
    pub fn check(&self, production: bool) -> Result<(), String> {
        if production && self.feed == Source::Simulated && !self.simulated_in_production {
            return Err("Production does not trade at simulated prices. To show them all the same, set \
                        inventory.simulated_in_production = true."
                .to_owned());
        }
        for (key, value, min, max) in [
            ("tick_ms", self.tick_ms, 100, 60_000),
            ("sync_interval_ms", self.sync_interval_ms, 50, 60_000),
            ("lease_s", self.lease_s.into(), 1, 600),
            ("history_days", self.history_days.into(), 1, 400),
            ("max_jump_percent", self.max_jump_percent.into(), 0, 1_000_000),
            ("jump_confirmations", self.jump_confirmations.into(), 1, 100),
            ("heartbeat_s", self.heartbeat_s.into(), 1, 60),
            ("streams_per_client", self.streams_per_client.into(), 1, 100_000),
        ] {
            if !(min..=max).contains(&value) {
                return Err(format!("inventory.{key} must be from {min} to {max}, not {value}"));
            }
        }
        self.coingecko.check()?;
        self.file.check(self.feed == Source::File)?;
        if !self.catalog.is_empty() && self.catalog.trim().is_empty() {
            return Err("inventory.catalog must be the path of a file, or empty for the demo".to_owned());
        }
        Ok(())
    }

    /// The demo catalog at simulated prices.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            catalog: String::new(),
            feed: Source::Simulated,
            simulation_seed: 1,
            simulated_in_production: false,
            tick_ms: 1_000,
            sync_interval_ms: 1_000,
            lease_s: 30,
            history_days: 31,
            max_jump_percent: 50,
            jump_confirmations: 3,
            coingecko: CoinGeckoSettings::public(),
            file: FileSettings::none(),
            heartbeat_s: 15,
            streams_per_client: 20,
        }
    }

    /// How often there are new prices.
    #[must_use]
    pub fn feed_interval(&self) -> Duration {
        match self.feed {
            Source::CoinGecko => self.coingecko.interval(),
            Source::File => self.file.interval(),
            Source::Simulated | Source::None => self.tick(),
        }
    }

    pub(crate) fn sync_interval(&self) -> Duration {
        Duration::from_millis(self.sync_interval_ms)
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_s.into())
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s.into())
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
#[path = "settings_tests.rs"]
mod tests;
