//! No prices: the catalog is shown without any, and nothing can be traded but what administrators price.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tradepost_kernel::Timestamp;

use super::{Feed, FeedError, Moment};
use crate::domain::{CatalogEntry, Row};

/// No prices.
pub struct Nothing(Vec<Arc<Row>>);

impl Nothing {
    /// The assets of the catalog, without prices.
    pub fn new(catalog: &[CatalogEntry]) -> Self {
        Self(catalog.iter().map(|entry| Arc::new(Row::unpriced(Arc::clone(&entry.asset)))).collect())
    }
}

#[async_trait]
impl Feed for Nothing {
    fn source(&self) -> &'static str {
        "none"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn computed(&self, _: Timestamp) -> Option<Vec<Arc<Row>>> {
        Some(self.0.clone())
    }

    async fn fetch(&self, _: Moment) -> Result<Vec<Row>, FeedError> {
        Ok(Vec::new())
    }
}
