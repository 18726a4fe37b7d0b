//! What can be done with orders, and what their user sees of it.

mod cancel;
mod end;
mod finish;
mod history;
mod keyed;
mod place;
mod portfolio;
mod preview;

use std::sync::{Arc, Mutex};

use tradepost_inventory_api::Catalog;
use tradepost_kernel::{AssetId, Clock};
use tradepost_platform::dynamo::Dynamo;
use tradepost_problem::Outage;
use tradepost_user_api::Accounts;

use crate::domain::{Order, Status, Watch};
use crate::store::Store;
use crate::{OrderError, Settings};

pub(crate) use end::Intended;

/// Takes orders, has them settled, and tells what became of them.
pub struct OrderService {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) watch: Mutex<Watch>,
    accounts: Arc<dyn Accounts>,
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
        let (store, watch) = (Store::new(dynamo), Mutex::default());
        Arc::new(Self { settings, store, clock, catalog, watch, accounts })
    }

    async fn require_asset(&self, asset: AssetId) -> Result<tradepost_inventory_api::Listing, OrderError> {
        self.catalog.listing(asset).await?.ok_or(OrderError::AssetNotFound { asset })
    }
}

/// Counts an order that has just reached its final state. Cents are whole numbers, so nothing is rounded.
pub(crate) fn count(order: &Order) {
    let (order_type, outcome) = (order.order_type.as_str(), order.status.as_str());
    metrics::counter!("tradepost_orders_total", "type" => order_type, "outcome" => outcome).increment(1);
    if order.status == Status::Completed {
        let cents = u64::try_from(order.total.get().mantissa()).unwrap_or(u64::MAX);
        metrics::counter!("tradepost_settled_cents_total", "type" => order_type).increment(cents);
    }
}

/// Recovery will finish an order that is written down, so its client must not be told that nothing was changed.
const fn undecided(outage: Outage) -> Outage {
    match outage {
        Outage::Busy => Outage::Peer,
        other => other,
    }
}
