//! A recorded series of prices, replayed: what was recorded so long after its beginning is the price of now.

mod recording;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tradepost_kernel::{AssetId, Decimal};

use self::recording::Recording;
use super::{Feed, FeedError, Moment};
use crate::domain::{Asset, CatalogEntry, Figures, OTHER, Row, Tick};
use crate::settings::FileSettings;

/// A recorded series of prices.
pub struct Replay {
    recording: Recording,
    speed: Decimal,
    interval: Duration,
    described: HashMap<AssetId, Arc<Asset>>,
}

impl Replay {
    /// Reads the whole recording; its assets are described as in a catalog where that has them.
    ///
    /// # Errors
    /// A sentence that names the setting or the line of the file that is wrong.
    pub fn new(settings: &FileSettings, catalog: &[CatalogEntry]) -> Result<Self, String> {
        let path = &settings.path;
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("inventory.file.path: {path} cannot be read: {error}"))?;
        let recording =
            Recording::read(&text).map_err(|error| format!("inventory.file.path: {path}: {error}"))?;
        let mut described: HashMap<_, _> =
            catalog.iter().map(|entry| (entry.asset.id, Arc::clone(&entry.asset))).collect();
        for asset in recording.assets() {
            described.entry(asset).or_insert_with(|| Arc::new(bare(asset)));
        }
        Ok(Self { recording, speed: settings.factor()?, interval: settings.interval(), described })
    }

    /// How many milliseconds of the recording have passed, to the whole one below.
    fn place(&self, moment: Moment) -> i128 {
        let passed = moment.now.signed_duration_since(moment.since).num_milliseconds().max(0);
        let scale = 10_i128.pow(self.speed.scale());
        i128::from(passed) * self.speed.mantissa() / scale
    }
}

#[async_trait]
impl Feed for Replay {
    fn source(&self) -> &'static str {
        "file"
    }

    /// Another recording, or another speed, begins anew.
    fn fingerprint(&self) -> String {
        format!("file {:016x} {}", self.recording.hash(), self.speed)
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn fetch(&self, moment: Moment) -> Result<Vec<Row>, FeedError> {
        let prices = self.recording.prices(self.place(moment));
        let row = |(asset, price)| {
            let asset = Arc::clone(self.described.get(&asset)?);
            // What is replayed is true when it is replayed, so that it can be traded.
            let tick = Some(Tick { price, as_of: moment.now });
            Some(Row { asset, tick, figures: Figures::default(), minute: None, sparkline: None })
        };
        Ok(prices.filter_map(row).collect())
    }
}

/// An asset of which nothing is known but its symbol.
fn bare(id: AssetId) -> Asset {
    Asset {
        id,
        name: id.to_string(),
        description: None,
        category: OTHER.to_owned(),
        image: None,
        rank: None,
        is_active: true,
        circulating_supply: None,
        total_supply: None,
        max_supply: None,
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
