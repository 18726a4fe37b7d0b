//! All assets with their figures at one moment: immutable, and replaced whole.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::value::RawValue;
use tradepost_inventory_api::{Listing, Quote, QuoteChange, QuoteChanges, Rules};
use tradepost_kernel::{AssetId, Timestamp};

use crate::domain::{Asset, Figures, Observed, Point};
use crate::feed::{Course, Day, SOURCE};

const DAY_MS: i64 = 86_400_000;
/// How far apart the moments are that the range of a day is made of.
const STEP_MS: i64 = 1_000;

/// The assets in the order in which they are listed, each with the course of its price.
pub struct Board {
    assets: Vec<(Arc<Asset>, Course)>,
    index: Arc<HashMap<AssetId, usize>>,
}

/// What is true at one tick.
pub struct Snapshot {
    pub at: Timestamp,
    pub entries: Vec<Entry>,
    index: Arc<HashMap<AssetId, usize>>,
}

/// One asset of a snapshot.
pub struct Entry {
    pub asset: Arc<Asset>,
    pub figures: Figures,
    day: Day,
    prepared: OnceLock<Box<RawValue>>,
}

impl Board {
    /// Puts the assets, in their order, on the board.
    pub fn new(seed: u64, assets: Vec<Asset>) -> Self {
        let index = assets.iter().enumerate().map(|(place, asset)| (asset.id, place)).collect();
        let course = |asset| (Course::new(seed, &asset), asset);
        let assets =
            assets.into_iter().map(course).map(|(course, asset)| (Arc::new(asset), course)).collect();
        Self { assets, index: Arc::new(index) }
    }
}

impl Snapshot {
    /// The snapshot of a moment. What the `previous` one knows and still holds is taken over.
    pub fn take(board: &Board, at: Timestamp, previous: Option<&Self>) -> Self {
        let entry = |(place, (asset, course)): (usize, &(Arc<Asset>, Course))| {
            let day = previous.and_then(|previous| previous.entries.get(place)).map(|entry| &entry.day);
            Entry::new(asset, course, at, day)
        };
        let entries = board.assets.iter().enumerate().map(entry).collect();
        Self { at, entries, index: Arc::clone(&board.index) }
    }

    /// One asset, if the catalog has it.
    pub fn get(&self, asset: AssetId) -> Option<&Entry> {
        self.entries.get(*self.index.get(&asset)?)
    }

    /// One asset as other modules see it.
    pub fn listing(&self, asset: AssetId) -> Option<Listing> {
        let entry = self.get(asset)?;
        let Asset { name, is_active, .. } = &*entry.asset;
        Some(Listing {
            asset,
            name: name.clone(),
            tradable: *is_active,
            quote: Some(self.quote(entry)),
            rules: Rules::default(),
        })
    }

    /// The quotes that are newer than a version. Every tick renews the quote of every asset, if only the moment
    /// at which its price was true, so all of them changed or none.
    pub fn quotes_since(&self, version: u64) -> QuoteChanges {
        let change = |entry: &Entry| QuoteChange {
            asset: entry.asset.id,
            tradable: entry.asset.is_active,
            quote: Some(self.quote(entry)),
        };
        let is_known = version != 0 && version == self.version();
        let quotes = if is_known { Vec::new() } else { self.entries.iter().map(change).collect() };
        QuoteChanges { version: self.version(), quotes }
    }

    /// When the tick began, in Unix milliseconds: the same in every process, and after every restart.
    fn version(&self) -> u64 {
        u64::try_from(self.at.timestamp_millis()).unwrap_or(0)
    }

    fn quote(&self, entry: &Entry) -> Quote {
        Quote { price: entry.figures.price, as_of: self.at, source: SOURCE.to_owned() }
    }
}

impl Entry {
    fn new(asset: &Arc<Asset>, course: &Course, at: Timestamp, known: Option<&Day>) -> Self {
        let at_ms = at.timestamp_millis();
        let day = Day::at(course, at_ms, STEP_MS, known);
        let observed = Observed {
            now: Point { price: course.price(at_ms), at },
            day_ago: course.price(at_ms - DAY_MS),
            week_ago: course.price(at_ms - 7 * DAY_MS),
            month_ago: course.price(at_ms - 30 * DAY_MS),
            high: day.high,
            low: day.low,
        };
        let figures = Figures::derive(asset, &observed);
        Self { asset: Arc::clone(asset), figures, day, prepared: OnceLock::new() }
    }

    /// The text that lists show of this asset: written by the first request that needs it, then shared by all
    /// that read the same snapshot.
    pub fn prepared<E>(&self, write: impl FnOnce() -> Result<Box<RawValue>, E>) -> Result<&RawValue, E> {
        if let Some(text) = self.prepared.get() {
            return Ok(text);
        }
        let text = write()?;
        Ok(self.prepared.get_or_init(|| text))
    }
}
