//! Taking an order from one state to the next: what it needs is asked of the accounts, and their answer decides.

use tradepost_problem::Outage;
use tradepost_user_api::{AccountsError, Settlement};

use super::{OrderService, count};
use crate::domain::{Order, Request, Stage};
use crate::store::Closing;

/// What the accounts made of an order.
pub(crate) struct Outcome {
    /// The order in its next state.
    pub order: Order,
    /// Why, if it failed.
    pub refusal: Option<AccountsError>,
}

impl OrderService {
    /// Asks the accounts for what an order needs, for the first time or again: their first outcome stands.
    pub(crate) async fn decide(&self, order: Order) -> Result<Outcome, Outage> {
        match order.request() {
            Some(Request::Settle(settlement)) => self.settle(order, settlement).await,
            Some(Request::Hold(hold)) => match self.accounts.hold(hold).await {
                Ok(held) => Ok(Outcome { order: order.opened(held), refusal: None }),
                Err(AccountsError::Outage(outage)) => Err(outage),
                Err(refusal) => Ok(self.refused(order, refusal)),
            },
            Some(Request::Release(_)) => self.release(order, None).await,
            None => Ok(Outcome { order, refusal: None }),
        }
    }

    async fn settle(&self, order: Order, settlement: Settlement) -> Result<Outcome, Outage> {
        match self.accounts.settle(settlement).await {
            Ok(settled) => Ok(Outcome { order: order.completed(settled), refusal: None }),
            Err(AccountsError::Outage(outage)) => Err(outage),
            Err(refusal) if order.stage() == Stage::Pending => Ok(self.refused(order, refusal)),
            // The hold is as it was, and nobody knows why it does not fit.
            Err(refusal @ AccountsError::SettlementExceedsHold) => Err(Outage::internal("fill", &refusal)),
            // It cannot be filled now, say because the balance would be too large, and must hold nothing for ever.
            Err(refusal) => self.release(order, Some(refusal)).await,
        }
    }

    async fn release(&self, order: Order, refusal: Option<AccountsError>) -> Result<Outcome, Outage> {
        match self.accounts.release(order.release()).await {
            Ok(end) => {
                let order = order.ended(end, refusal.as_ref(), self.clock.now());
                Ok(Outcome { order, refusal })
            }
            Err(AccountsError::Outage(outage)) => Err(outage),
            Err(refusal) => Err(Outage::internal("release", &refusal)),
        }
    }

    fn refused(&self, order: Order, refusal: AccountsError) -> Outcome {
        Outcome { order: order.failed(&refusal, self.clock.now()), refusal: Some(refusal) }
    }

    /// Writes the next state of an order down.
    pub(crate) async fn advance(&self, before: &Order, order: &Order) -> Result<Closing, Outage> {
        let closing = self.store.advance(before.stage(), order).await?;
        if matches!(closing, Closing::Written) && order.status.is_final() {
            count(order);
        }
        Ok(closing)
    }

    /// Ends an order in the way it intends, and answers how it ended.
    pub(crate) async fn end(&self, ending: Order) -> Result<Order, Outage> {
        let Outcome { order, .. } = self.decide(ending.clone()).await?;
        match self.advance(&ending, &order).await {
            Ok(Closing::Earlier(found)) => Ok(*found),
            // What the accounts decided stands, whether it is written down here now or only by recovery later.
            Ok(Closing::Written) | Err(_) => Ok(order),
        }
    }
}
