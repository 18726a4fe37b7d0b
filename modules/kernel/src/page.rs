//! Pages of a list: how many entries are asked for, and what comes back.

use serde::{Deserialize, Serialize};

/// How many entries a page holds at most: 1 to 100, 50 unless told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLimit(u16);

impl PageLimit {
    /// Takes a number of entries, or `None` outside 1 to 100.
    #[must_use]
    pub fn new(limit: u64) -> Option<Self> {
        u16::try_from(limit).ok().filter(|limit| (1..=100).contains(limit)).map(Self)
    }

    /// The number of entries.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(50)
    }
}

/// One page of a list, with the place where the next one starts (`None` on the last).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page<T, C> {
    /// The entries, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page starts.
    pub next: Option<C>,
}
