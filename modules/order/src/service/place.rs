//! Placing an order: write it down, have it settled or what it takes held, write down how that ended.

use tradepost_inventory_api::Listing;
use tradepost_kernel::{OrderId, UserId};
use tradepost_user_api::Positions;

use super::finish::Outcome;
use super::{OrderService, count, undecided};
use crate::OrderError;
use crate::domain::{NewOrder, Order, Stage};
use crate::store::{Claimed, Closing, Inserted};

/// An order that was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub order: Order,
    /// Whether it was placed before, under the same id of the client and with the same content.
    pub is_repeated: bool,
}

impl OrderService {
    /// Executes a market order at the price of now; opens any other, and fills it at once if the market has
    /// reached its price.
    ///
    /// # Errors
    /// A refusal, or [`OrderError::Outage`], after which the outcome is unknown until recovery has decided it.
    pub async fn place(&self, user: UserId, new: NewOrder) -> Result<Placed, OrderError> {
        let content = new.content();
        if let Some(id) = &new.client_order_id
            && let Some(claimed) = self.store.claimed(user, id).await?
        {
            return self.repeated(user, claimed, &content).await;
        }
        let unknown = OrderError::UnknownAsset { asset: new.asset };
        let listing = self.catalog.listing(new.asset).await?.ok_or(unknown)?;
        let now = self.clock.now();
        let order = new.accept(user, OrderId::generate(), &listing, &self.settings, now)?;
        match self.check(&order, &listing).await {
            Ok(()) => self.execute(order, &content).await,
            Err(OrderError::Outage(outage)) => Err(outage.into()),
            Err(refusal) => {
                let failed = order.failed(&refusal, now);
                match self.store.insert(&failed, &content).await? {
                    Inserted::Taken(claimed) => self.repeated(user, claimed, &content).await,
                    Inserted::Written => {
                        count(&failed);
                        Err(refusal)
                    }
                }
            }
        }
    }

    async fn repeated(&self, user: UserId, claimed: Claimed, content: &str) -> Result<Placed, OrderError> {
        if claimed.content != content {
            return Err(OrderError::ClientOrderIdTaken);
        }
        let order = self.order(user, &claimed.order_id).await?;
        Ok(Placed { order, is_repeated: true })
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

    async fn execute(&self, pending: Order, content: &str) -> Result<Placed, OrderError> {
        if let Inserted::Taken(claimed) = self.store.insert(&pending, content).await? {
            return self.repeated(pending.user, claimed, content).await;
        }
        let Outcome { order, refusal } = self.decide(pending.clone()).await.map_err(undecided)?;
        let order = match self.advance(&pending, &order).await {
            Ok(Closing::Written) if order.stage() == Stage::Waiting => self.look_once_more(order).await,
            Ok(Closing::Earlier(found)) => *found,
            // What the accounts decided stands, whether it is written down here now or only by recovery later.
            Ok(Closing::Written) | Err(_) => order,
        };
        refusal.map_or(Ok(Placed { order, is_repeated: false }), |refusal| Err(refusal.into()))
    }
}
