//! The `inventory` table. A computed feed keeps nothing in it but what administrators changed.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | the feed: who asks it, and which market is the newest | `FEED` | `HEAD` |
//! | a part of the newest market | `FEED` | `PART#{number}` |
//! | the catalog: how often it was changed | `CATALOG` | `HEAD` |
//! | what was changed of an asset | `CATALOG` | `A#{asset}` |
//! | what an administrator did | `AUDIT` | `{Unix ms}#{id}` |
//! | candles of one minute, of many assets | `M#{days since 1970}` | `{Unix ms}#{number}` |

mod catalog;
mod feed;

use tradepost_platform::dynamo::{Dynamo, Table, TableDefinition};

pub use self::catalog::{AuditEvent, AuditPlace, CatalogHead};
pub use self::feed::{FeedHead, Heads, MOST_ASSETS, Minute};

/// The table of this module.
pub const TABLE: TableDefinition =
    TableDefinition { name: "inventory", indexes: &[], expires_at: Some("expires_at") };

mod keys {
    use tradepost_kernel::{AssetId, Timestamp};
    use tradepost_platform::dynamo::Key;

    pub const FEED: &str = "FEED";
    pub const PART: &str = "PART#";
    pub const CATALOG: &str = "CATALOG";
    pub const AMENDMENT: &str = "A#";
    pub const AUDIT: &str = "AUDIT";

    pub fn feed_head() -> Key {
        Key::new(FEED, "HEAD")
    }

    pub fn part(number: usize) -> Key {
        Key::new(FEED, format!("{PART}{number:04}"))
    }

    pub fn catalog_head() -> Key {
        Key::new(CATALOG, "HEAD")
    }

    pub fn amendment(asset: AssetId) -> Key {
        Key::new(CATALOG, format!("{AMENDMENT}{asset}"))
    }

    pub fn audit(at: Timestamp, id: &str) -> Key {
        Key::new(AUDIT, format!("{:013}#{id}", at.timestamp_millis()))
    }

    pub const DAY_MS: i64 = 86_400_000;

    /// Candles are kept a day to a partition.
    pub fn day(minute_ms: i64) -> String {
        format!("M#{}", minute_ms.div_euclid(DAY_MS))
    }

    /// The first and the last sort key there can be of these minutes.
    pub fn minutes(from_ms: i64, to_ms: i64) -> (String, String) {
        (format!("{from_ms:013}"), format!("{to_ms:013}#~"))
    }

    pub fn minute(minute_ms: i64, number: usize) -> Key {
        Key::new(day(minute_ms), format!("{minute_ms:013}#{number:03}"))
    }
}

/// Reads and writes of the `inventory` table.
#[derive(Clone)]
pub struct Store {
    dynamo: Dynamo,
    table: Table,
}

impl Store {
    pub fn new(dynamo: &Dynamo) -> Self {
        Self { dynamo: dynamo.clone(), table: dynamo.table(TABLE.name) }
    }
}
