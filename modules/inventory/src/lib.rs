//! The asset catalog with its prices: what is listed, what it costs now, and how that moved. Everything is
//! read from a snapshot in memory, which is replaced whole when anything changes.

mod domain;
mod entry;
mod error;
mod feed;
mod history;
mod http;
mod ordering;
mod overview;
mod service;
mod settings;
mod snapshot;
mod store;
mod stream;

pub use error::{InventoryError, PROBLEMS};
pub use http::{routes, state};
pub use service::{Condition, Inventory};
pub use settings::{CoinGeckoSettings, FileSettings, Plan, Settings, Source};
pub use store::TABLE;
