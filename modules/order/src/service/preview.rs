//! What would become of an order, without placing it.

use tradepost_inventory_api::Listing;
use tradepost_kernel::{OrderId, UserId};
use tradepost_user_api::{Position, Positions};

use super::OrderService;
use crate::OrderError;
use crate::domain::{NewOrder, Order, Preview};

impl OrderService {
    /// Whether an order would be accepted now, and what it would cost or bring. Nothing is moved and nothing kept.
    ///
    /// # Errors
    /// [`OrderError::InvalidExpiry`] and [`OrderError::Outage`]; every other refusal is part of the answer.
    pub async fn preview(&self, user: UserId, new: NewOrder) -> Result<Preview, OrderError> {
        let asset = new.asset;
        if let Some(id) = &new.client_order_id
            && let Some(claimed) = self.store.claimed(user, id).await?
            && claimed.content != new.content()
        {
            return Ok(Preview::refused(OrderError::ClientOrderIdTaken));
        }
        let Some(listing) = self.catalog.listing(asset).await? else {
            return Ok(Preview::refused(OrderError::UnknownAsset { asset }));
        };
        let order = match new.accept(user, OrderId::generate(), &listing, &self.settings, self.clock.now()) {
            Ok(order) => order,
            Err(invalid @ OrderError::InvalidExpiry) => return Err(invalid),
            Err(refusal) => return Ok(Preview::refused(refusal)),
        };
        let paid_with = Positions::Of(vec![order.needs().0]);
        let positions = self.accounts.positions(user, paid_with).await?;
        let verdict = self.verdict(&order, &listing, &positions);
        Ok(Preview::of(&order, verdict, &positions))
    }

    fn verdict(&self, order: &Order, listing: &Listing, positions: &[Position]) -> Result<(), OrderError> {
        let empties = || positions.iter().any(|position| order.empties(position));
        match order.check(listing, &self.settings) {
            Err(refusal) if refusal.spares_emptying() && empties() => Ok(()),
            verdict => verdict,
        }
    }
}
