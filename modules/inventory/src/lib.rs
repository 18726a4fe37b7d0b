//! The asset catalog with its prices: what is listed, what it costs now, and how that moved. Everything is
//! read from a snapshot in memory, which a task replaces whole once a tick.

mod domain;
mod error;
mod feed;
mod http;
mod service;
mod settings;
mod snapshot;

pub use error::{InventoryError, PROBLEMS};
pub use http::{routes, state};
pub use service::Inventory;
pub use settings::{Feed, Settings};
