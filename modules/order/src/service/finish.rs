//! Taking an order from one state to the next: what it needs is asked of the accounts, and their answer decides.

use tradepost_platform::idempotency::{KeyUse, KeyWrite};
use tradepost_problem::Outage;
use tradepost_user_api::{AccountsError, Settlement};

use super::cancel::cancelled;
use super::{OrderService, count};
use crate::OrderError;
use crate::answer::{self, Placed};
use crate::domain::{Intent, Order, Request, Stage};
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

    /// Writes the next state of an order down, and with it the answer to the request that has come to its end by
    /// that.
    pub(crate) async fn advance(&self, before: &Order, outcome: &Outcome) -> Result<Closing, Outage> {
        let (stage, order) = (before.stage(), &outcome.order);
        let mut closing = self.store.advance(stage, order, answered(before, outcome).as_ref()).await?;
        if let Closing::Used(_) = closing {
            // It took longer than a key is kept, and somebody has used the key for something else.
            closing = self.store.advance(stage, order, None).await?;
        }
        if matches!(closing, Closing::Written) && order.status.is_final() {
            count(order);
        }
        Ok(closing)
    }
}

/// The answer to the request that asked for what was done, if that came under a key and is over.
fn answered(before: &Order, outcome: &Outcome) -> Option<KeyWrite> {
    let Outcome { order, refusal } = outcome;
    let request = before.asked_by.as_ref().filter(|_| order.asked_by.is_none())?;
    let refused = |refusal: OrderError| request.refusal(refusal);
    let answer = match (before.stage(), refusal) {
        (Stage::Ending(Intent::Cancel { .. }), _) => {
            cancelled(order.clone()).map_or_else(refused, |order| answer::cancelled(&order))
        }
        (_, Some(refusal)) => refused(refusal.clone().into()),
        (_, None) => answer::placed(&Placed { order: order.clone(), is_repeated: false }),
    };
    let item = KeyUse::new(request, &order.order_id, Some(answer), before.asked_at());
    Some(KeyWrite { scope: request.scope(), item, expect: KeyUse::of_work(&order.order_id) })
}
