//! Cancelling an open order.

use std::ops::ControlFlow;

use tradepost_kernel::{OrderId, UserId};
use tradepost_platform::idempotency::{Done, Once};
use tradepost_problem::Outage;

use super::keyed::{Attempt, Attempted, MOST_RACES, over};
use super::{OrderService, undecided};
use crate::OrderError;
use crate::domain::{Intent, Order, Stage, Status};
use crate::store::{Closing, Known};

impl OrderService {
    /// Cancels an open order and gives back what it holds. Of a cancellation and a fill at the same time, the one
    /// that is written down first takes place.
    ///
    /// # Errors
    /// [`OrderError::OrderNotFound`], also for an order of somebody else; [`OrderError::OrderNotOpen`] when it has
    /// ended, is being filled or is not open yet; [`OrderError::Key`]; [`OrderError::Outage`], after which it may be
    /// cancelled.
    pub async fn cancel(
        &self,
        user: UserId,
        order: &OrderId,
        once: &Once<Order>,
    ) -> Result<Done<Order>, OrderError> {
        let mut known = self.store.known(user, Some(order), None, once.request()).await?;
        for _ in 0..MOST_RACES {
            let attempt = match self.begin(user, known, once)? {
                ControlFlow::Continue(attempt) => attempt,
                ControlFlow::Break(done) => return Ok(done),
            };
            known = match self.try_cancel(order, attempt).await? {
                Attempted::Over(done) => return Ok(done),
                Attempted::Raced(known) => *known,
            };
        }
        Err(Outage::busy("cancel order").into())
    }

    async fn try_cancel(
        &self,
        id: &OrderId,
        mut attempt: Attempt<'_, Order>,
    ) -> Result<Attempted<Order>, OrderError> {
        let Some(order) = attempt.known.order.take() else {
            return self.conclude(attempt, id, Err(OrderError::OrderNotFound)).await;
        };
        let result = match order.stage() {
            Stage::Waiting => return self.cancel_waiting(order, attempt).await,
            Stage::Ending(Intent::Cancel { .. }) => {
                cancelled(self.end(&order).await.map_err(undecided)?.order)
            }
            _ => Err(not_open(&order)),
        };
        attempt.known.order = Some(order);
        self.conclude(attempt, id, result).await
    }

    async fn cancel_waiting(
        &self,
        order: Order,
        attempt: Attempt<'_, Order>,
    ) -> Result<Attempted<Order>, OrderError> {
        let Attempt { known, once, expect, now, .. } = attempt;
        let intent = Some(Intent::Cancel { at: now });
        let ending = Order { intent, asked_by: once.request().cloned(), ..order.clone() };
        let key = once.key_write(expect, &order.order_id, None, now);
        match self.store.advance(order.stage(), &ending, key.as_ref()).await? {
            Closing::Written => over(cancelled(self.end(&ending).await.map_err(undecided)?.order), once),
            Closing::Earlier(found) => Ok(Attempted::Raced(Box::new(Known { order: Some(*found), ..known }))),
            Closing::Used(key_use) => {
                Ok(Attempted::Raced(Box::new(Known { order: Some(order), key_use, ..known })))
            }
        }
    }
}

/// The order, if it ended as its user wished.
pub(super) fn cancelled(order: Order) -> Result<Order, OrderError> {
    if order.status == Status::Cancelled { Ok(order) } else { Err(not_open(&order)) }
}

fn not_open(order: &Order) -> OrderError {
    let status = match order.stage() {
        Stage::Ending(Intent::Fill { .. }) => "being filled",
        Stage::Ending(Intent::Expire { .. }) => "expired",
        _ => order.status.as_str(),
    };
    OrderError::OrderNotOpen { status: status.to_owned() }
}
