//! In what order a snapshot can be listed. Each order is worked out when it is first asked for.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use crate::entry::Entry;

/// What assets are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Rank,
    Name,
    Price,
    Change,
    Volume,
    MarketCap,
}

/// By what, and whether the greatest come first. What is not known stands last either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub key: Key,
    pub is_descending: bool,
}

/// The orders that were asked for: the places of all entries of a snapshot.
#[derive(Default)]
pub struct Orders([OnceLock<Box<[u32]>>; 12]);

impl Key {
    pub const ALL: [(&str, Self); 6] = [
        ("rank", Self::Rank),
        ("name", Self::Name),
        ("price", Self::Price),
        ("change", Self::Change),
        ("volume", Self::Volume),
        ("market_cap", Self::MarketCap),
    ];
}

impl Order {
    /// From the least to the greatest.
    pub const fn ascending(key: Key) -> Self {
        Self { key, is_descending: false }
    }

    /// From the greatest to the least.
    pub const fn descending(key: Key) -> Self {
        Self { key, is_descending: true }
    }

    const fn number(self) -> usize {
        self.key as usize * 2 + self.is_descending as usize
    }
}

impl Orders {
    /// The places of the entries in this order. The entries are in the order of their ranks, and stay in it where they
    /// are equal.
    pub fn get(&self, order: Order, entries: &[Arc<Entry>]) -> &[u32] {
        let Some(known) = self.0.get(order.number()) else { return &[] };
        known.get_or_init(|| match order.key {
            Key::Rank => sorted(entries, order, |entry| entry.asset.rank),
            Key::Name => sorted(entries, order, |entry| Some(entry.search.name())),
            Key::Price => sorted(entries, order, Entry::price),
            Key::Change => sorted(entries, order, |entry| entry.figures.price_change_percentage_24h),
            Key::Volume => sorted(entries, order, |entry| entry.figures.total_volume_24h),
            Key::MarketCap => sorted(entries, order, |entry| entry.figures.market_cap),
        })
    }
}

fn sorted<'a, T: Ord>(
    entries: &'a [Arc<Entry>],
    order: Order,
    value: impl Fn(&'a Entry) -> Option<T>,
) -> Box<[u32]> {
    let (mut known, mut unknown) = (Vec::with_capacity(entries.len()), Vec::new());
    for (place, entry) in (0_u32..).zip(entries) {
        match value(entry) {
            Some(value) => known.push((value, place)),
            None => unknown.push(place),
        }
    }
    known.sort_by(|one, other| compare(&one.0, &other.0, order.is_descending));
    known.into_iter().map(|(_, place)| place).chain(unknown).collect()
}

fn compare<T: Ord>(one: &T, other: &T, is_descending: bool) -> Ordering {
    let ordering = one.cmp(other);
    if is_descending { ordering.reverse() } else { ordering }
}
