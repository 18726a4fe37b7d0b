//! What the inventory module offers to the others: what an asset is called, whether it can be traded, and its
//! newest price.

pub mod wire;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{AssetId, Price, Quantity, Timestamp, Usd};
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
    /// What orders on it must keep to, besides what holds for all assets.
    #[serde(default)]
    pub rules: Rules,
}

/// What orders on one asset must keep to. What is `None` is left to the rules for all assets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// A quantity must be a whole multiple of this.
    pub quantity_step: Option<Quantity>,
    /// Dollars an order must at least be worth.
    pub min_value: Option<Usd>,
    /// Dollars an order may at most be worth.
    pub max_value: Option<Usd>,
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
