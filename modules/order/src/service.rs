//! What can be done with orders, and what their user sees of it.

mod history;
mod place;
mod portfolio;

use std::sync::Arc;

use tradepost_inventory_api::Catalog;
use tradepost_kernel::{AssetId, Clock};
use tradepost_platform::dynamo::Dynamo;
use tradepost_user_api::Accounts;

use crate::domain::Order;
use crate::store::Store;
use crate::{OrderError, Settings};

/// Takes orders, has them settled, and tells what became of them.
pub struct OrderService {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    accounts: Arc<dyn Accounts>,
    catalog: Arc<dyn Catalog>,
}

impl OrderService {
    /// A service on the table in `dynamo`, which must exist; the accounts and the catalog may be anywhere.
    pub fn new(
        settings: Settings,
        dynamo: Dynamo,
        accounts: Arc<dyn Accounts>,
        catalog: Arc<dyn Catalog>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self { settings, store: Store::new(dynamo), clock, accounts, catalog })
    }

    async fn require_asset(&self, asset: AssetId) -> Result<tradepost_inventory_api::Listing, OrderError> {
        self.catalog.listing(asset).await?.ok_or(OrderError::AssetNotFound { asset })
    }
}

/// Counts an order that has just reached its final state. Cents are whole numbers, so nothing is rounded.
pub(crate) fn count(order: &Order) {
    let (order_type, outcome) = (order.order_type.as_str(), order.status.as_str());
    metrics::counter!("tradepost_orders_total", "type" => order_type, "outcome" => outcome).increment(1);
    if order.failure.is_none() {
        let cents = u64::try_from(order.total.get().mantissa()).unwrap_or(u64::MAX);
        metrics::counter!("tradepost_settled_cents_total", "type" => order_type).increment(cents);
    }
}
