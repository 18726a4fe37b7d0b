//! All assets with their prices at one moment: immutable, and replaced whole.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use tradepost_inventory_api::{Listing, QuoteChanges};
use tradepost_kernel::{AssetId, Timestamp};

use crate::domain::{Amendment, Row};
use crate::entry::{Entry, Parts};
use crate::http::Prepared;
use crate::ordering::{Order, Orders};

/// So many versions before the present one are known, for those who ask what changed since.
const KNOWN_VERSIONS: usize = 128;

/// What is true at one moment.
pub struct Snapshot {
    /// The same in every process that shows the same, and never 0.
    pub version: u64,
    /// By market-cap rank, those without one last.
    pub entries: Vec<Arc<Entry>>,
    index: Arc<HashMap<AssetId, usize>>,
    /// One more than that of the snapshot before, in this process.
    pub number: u64,
    /// The versions before this one with their numbers, the newest last.
    before: VecDeque<(u64, u64)>,
    orders: Orders,
    /// What is shown of the categories, written by the first request that needs it.
    pub categories: OnceLock<String>,
    /// What is shown of the market as a whole, written by the first request that needs it.
    pub market: OnceLock<Prepared>,
}

/// What a snapshot is made of.
pub struct Material<'a> {
    pub version: u64,
    pub source: &'static str,
    pub rows: &'a [Arc<Row>],
    pub amendments: &'a HashMap<AssetId, Arc<Amendment>>,
}

impl Snapshot {
    /// The snapshot that comes of this. What the `previous` one has and still holds is taken over.
    pub fn take(material: &Material<'_>, previous: Option<&Self>) -> Self {
        let number = previous.map_or(1, |previous| previous.number + 1);
        let entry = |id: AssetId, row: Option<&Arc<Row>>| {
            let parts = Parts { row: row.cloned(), amendment: material.amendments.get(&id).cloned() };
            let known = previous.and_then(|previous| previous.get(id));
            Entry::of(parts, material.source, number, known)
        };
        let listed = material.rows.iter().filter_map(|row| entry(row.asset.id, Some(row)));
        let mut entries: Vec<_> = listed.collect();
        entries.extend(added(material).filter_map(|id| entry(id, None)));
        if !entries.is_sorted_by_key(|entry| entry.asset.place()) {
            entries.sort_by_cached_key(|entry| entry.asset.place());
        }
        let index = previous.map(|previous| &previous.index).filter(|index| fits(index, &entries));
        let index = index.cloned().unwrap_or_else(|| Arc::new(places(&entries)));
        Self {
            version: material.version,
            entries,
            index,
            number,
            before: lineage(previous),
            orders: Orders::default(),
            categories: OnceLock::new(),
            market: OnceLock::new(),
        }
    }

    /// All assets in an order.
    pub fn in_order(&self, order: Order) -> impl Iterator<Item = &Entry> {
        let places = self.orders.get(order, &self.entries).iter();
        places.filter_map(|place| self.entries.get(*place as usize)).map(AsRef::as_ref)
    }

    /// One asset, if the catalog has it.
    pub fn get(&self, asset: AssetId) -> Option<&Arc<Entry>> {
        self.entries.get(*self.index.get(&asset)?)
    }

    /// One asset as other modules see it.
    pub fn listing(&self, asset: AssetId, now: Timestamp) -> Option<Listing> {
        self.get(asset).map(|entry| entry.listing(now))
    }

    /// The number of a version that this process showed not long ago.
    pub fn number_of(&self, version: u64) -> Option<u64> {
        if version == self.version {
            return Some(self.number);
        }
        self.before.iter().rev().find(|(known, _)| *known == version).map(|(_, number)| *number)
    }

    /// The quotes that became others after a version; all of them, if it is not known here.
    pub fn quotes_since(&self, version: u64, now: Timestamp) -> QuoteChanges {
        let since = self.number_of(version).unwrap_or(0);
        let changed = self.entries.iter().filter(|entry| entry.quoted > since);
        QuoteChanges { version: self.version, quotes: changed.map(|entry| entry.change(now)).collect() }
    }
}

/// The assets that administrators added to those of the feed, in a fixed order.
fn added(material: &Material<'_>) -> impl Iterator<Item = AssetId> {
    let custom = material.amendments.values().filter(|amendment| amendment.custom.is_some());
    let mut added: Vec<_> = custom.map(|amendment| amendment.asset).collect();
    if !added.is_empty() {
        let listed: std::collections::HashSet<_> = material.rows.iter().map(|row| row.asset.id).collect();
        added.retain(|id| !listed.contains(id));
        added.sort_unstable();
    }
    added.into_iter()
}

fn fits(index: &HashMap<AssetId, usize>, entries: &[Arc<Entry>]) -> bool {
    let is_there = |(place, entry): (usize, &Arc<Entry>)| index.get(&entry.asset.id) == Some(&place);
    index.len() == entries.len() && entries.iter().enumerate().all(is_there)
}

fn places(entries: &[Arc<Entry>]) -> HashMap<AssetId, usize> {
    entries.iter().enumerate().map(|(place, entry)| (entry.asset.id, place)).collect()
}

fn lineage(previous: Option<&Snapshot>) -> VecDeque<(u64, u64)> {
    let Some(previous) = previous else { return VecDeque::new() };
    let skipped = (previous.before.len() + 1).saturating_sub(KNOWN_VERSIONS);
    let known = previous.before.iter().skip(skipped).copied();
    known.chain([(previous.version, previous.number)]).collect()
}
