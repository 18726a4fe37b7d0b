//! What the inventory module offers to the others: what an asset is called, whether it can be traded, and its
//! newest price.

pub mod wire;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{AssetId, Price, Timestamp};
use tradepost_problem::{About, Failure, Outage};

/// The catalog of assets with their prices.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// One asset, or `None` if the catalog has no such asset. In process it costs no storage call.
    ///
    /// # Errors
    /// [`CatalogError::Outage`] when the catalog does not answer.
    async fn listing(&self, asset: AssetId) -> Result<Option<Listing>, CatalogError>;

    /// Several assets; those the catalog does not have are left out.
    ///
    /// # Errors
    /// [`CatalogError::Outage`] when the catalog does not answer.
    async fn listings(&self, assets: Vec<AssetId>) -> Result<Vec<Listing>, CatalogError>;

    /// The quotes that changed after a version, and the version to ask with next. All quotes there are when
    /// `version` is 0 or not known here, as after a restart. In process it costs no storage call.
    ///
    /// # Errors
    /// [`CatalogError::Outage`] when the catalog does not answer.
    async fn quotes_since(&self, version: u64) -> Result<QuoteChanges, CatalogError>;
}

/// An asset as a trader needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Which.
    pub asset: AssetId,
    /// What people call it.
    pub name: String,
    /// Whether orders on it are accepted.
    pub tradable: bool,
    /// The newest price, if there ever was one.
    pub quote: Option<Quote>,
}

/// A price at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Dollars per unit.
    pub price: Price,
    /// When the price was true.
    pub as_of: Timestamp,
    /// Where it is from, e.g. `simulated`.
    pub source: String,
}

/// What changed between two versions of all quotes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteChanges {
    /// The version that these changes lead to.
    pub version: u64,
    /// The assets whose quote changed, as it is now.
    pub quotes: Vec<QuoteChange>,
}

/// An asset whose quote changed, or the answer to whether it can be traded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteChange {
    /// Which.
    pub asset: AssetId,
    /// Whether orders on it are accepted and filled.
    pub tradable: bool,
    /// The newest price, if there ever was one.
    pub quote: Option<Quote>,
}

/// Why the catalog has no answer. That there is no such asset is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum CatalogError {
    /// See [`Outage`].
    #[error(transparent)]
    Outage(#[from] Outage),
}

impl Failure for CatalogError {
    fn about(&self) -> &'static About {
        let Self::Outage(outage) = self;
        outage.about()
    }

    fn retry_after_s(&self) -> Option<u64> {
        let Self::Outage(outage) = self;
        outage.retry_after_s()
    }
}
