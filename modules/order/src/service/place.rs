//! Placing an order: write it down, have it settled, write down how that ended.

use tradepost_inventory_api::Listing;
use tradepost_kernel::{OrderId, UserId};
use tradepost_problem::Outage;
use tradepost_user_api::{AccountsError, Positions};

use super::{OrderService, count};
use crate::OrderError;
use crate::domain::{NewOrder, Order};
use crate::recovery;
use crate::store::Closing;

/// What the accounts made of an order.
pub(crate) struct Outcome {
    /// The order in its final state.
    pub order: Order,
    /// Why, if it failed.
    pub refusal: Option<AccountsError>,
}

impl OrderService {
    /// Executes an order at the price of now.
    ///
    /// # Errors
    /// A refusal, or [`OrderError::Outage`], after which the outcome is unknown until recovery has settled it.
    pub async fn place(&self, user: UserId, new: NewOrder) -> Result<Order, OrderError> {
        let unknown = OrderError::UnknownAsset { asset: new.asset };
        let listing = self.catalog.listing(new.asset).await?.ok_or(unknown)?;
        let now = self.clock.now();
        let order = new.at_market(user, OrderId::generate(), &listing, &self.settings, now)?;
        match self.check(&order, &listing).await {
            Ok(()) => self.execute(order).await,
            Err(OrderError::Outage(outage)) => Err(outage.into()),
            Err(refusal) => {
                let failed = order.failed(&refusal, now);
                self.store.insert(&failed, None).await?;
                count(&failed);
                Err(refusal)
            }
        }
    }

    /// Asks the accounts to settle a pending order, for the first time or again: their first outcome stands.
    pub(crate) async fn settle(&self, order: Order) -> Result<Outcome, Outage> {
        match self.accounts.settle(order.settlement()).await {
            Ok(settled) => Ok(Outcome { order: order.completed(settled), refusal: None }),
            Err(AccountsError::Outage(outage)) => Err(outage),
            Err(refusal) => {
                let order = order.failed(&refusal, self.clock.now());
                Ok(Outcome { order, refusal: Some(refusal) })
            }
        }
    }

    async fn check(&self, order: &Order, listing: &Listing) -> Result<(), OrderError> {
        let verdict = order.check(listing.tradable, &self.settings);
        if matches!(verdict, Err(OrderError::OrderValueTooSmall { .. }))
            && self.empties_position(order).await?
        {
            return Ok(());
        }
        verdict
    }

    async fn empties_position(&self, order: &Order) -> Result<bool, OrderError> {
        let positions = self.accounts.positions(order.user, Positions::Of(vec![order.asset])).await?;
        Ok(positions.iter().any(|position| order.empties(position)))
    }

    async fn execute(&self, order: Order) -> Result<Order, OrderError> {
        self.store.insert(&order, Some(recovery::first_due(&order))).await?;
        let Outcome { order, refusal } = self.settle(order).await.map_err(undecided)?;
        let order = self.close(order).await;
        refusal.map_or(Ok(order), |refusal| Err(refusal.into()))
    }

    /// What the accounts decided stands, whether it can be written down here now or only by recovery later.
    async fn close(&self, order: Order) -> Order {
        match self.store.close(&order).await {
            Ok(Closing::Written) => {
                count(&order);
                order
            }
            Ok(Closing::Earlier(found)) => *found,
            Err(_) => order,
        }
    }
}

/// Recovery will finish an order that is written down, so its client must not be told that nothing was changed.
const fn undecided(outage: Outage) -> Outage {
    match outage {
        Outage::Busy => Outage::Peer,
        other => other,
    }
}
