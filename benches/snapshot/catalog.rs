//! A large catalog, and a clock that the bench advances.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;
use tempfile::NamedTempFile;
use tradepost_inventory::{Inventory, Settings};
use tradepost_kernel::{Clock, Timestamp};

use crate::Outcome;

/// The beginning of a day, in milliseconds.
const BEGIN_MS: i64 = 1_772_323_200_000;
pub const TICK_MS: i64 = 1_000;
const CATEGORIES: [&str; 8] =
    ["currency", "defi", "gaming", "meme", "oracle", "privacy", "scaling", "storage"];

/// A catalog with a clock of its own.
pub struct World {
    pub inventory: Arc<Inventory>,
    clock: Arc<Advanced>,
}

struct Advanced(AtomicI64);

impl Clock for Advanced {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_millis(self.0.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

impl World {
    /// A catalog of so many assets at simulated prices.
    pub fn of(assets: usize) -> Outcome<Self> {
        let file = NamedTempFile::new()?;
        std::fs::write(file.path(), text(assets)?)?;
        let settings = Settings { catalog: file.path().display().to_string(), ..Settings::demo() };
        Self::start(settings)
    }

    /// The demo catalog.
    pub fn demo() -> Outcome<Self> {
        Self::start(Settings::demo())
    }

    fn start(settings: Settings) -> Outcome<Self> {
        // In the middle of an hour.
        let clock = Arc::new(Advanced(AtomicI64::new(BEGIN_MS + 12 * 3_600_000 + 1_800_000)));
        let inventory = Inventory::new(settings, None, Arc::clone(&clock) as Arc<dyn Clock>)?;
        Ok(Self { inventory, clock })
    }

    /// A tick passes, after which every price is another.
    pub fn tick(&self) {
        self.clock.0.fetch_add(TICK_MS, Ordering::Relaxed);
        self.inventory.refresh();
    }

    /// Time passes without a tick, to the last one of this hour.
    pub fn skip_to_the_end_of_the_hour(&self) {
        let now = self.clock.0.load(Ordering::Relaxed);
        self.clock.0.store(now - now.rem_euclid(3_600_000) + 3_600_000 - TICK_MS, Ordering::Relaxed);
        self.inventory.refresh();
    }
}

/// The symbol of the asset at a place.
pub fn symbol(place: usize) -> String {
    format!("A{place:05}")
}

fn text(assets: usize) -> Outcome<String> {
    let mut text = r#"{"assets":["#.to_owned();
    for place in 0..assets {
        let (symbol, category) = (symbol(place), CATEGORIES[place % CATEGORIES.len()]);
        let comma = if place == 0 { "" } else { "," };
        let (rank, price) = (place + 1, 1 + place * 37 % 50_000);
        write!(
            text,
            r#"{comma}{{"asset_id":"{symbol}","name":"Asset number {place}","category":"{category}","rank":{rank},
            "is_active":true,"reference_price":"{price}.5","circulating_supply":"19750000","total_supply":"21000000",
            "max_supply":null,"volume_24h":"{price}00000","ath":"{}","ath_date":"2025-01-20","atl":"0.01",
            "atl_date":"2013-07-06","description":"Asset number {place} of a catalog that was made to be large, with a
            description as long as most are."}}"#,
            price * 3
        )?;
    }
    Ok((text + "]}").replace("\n            ", " "))
}
