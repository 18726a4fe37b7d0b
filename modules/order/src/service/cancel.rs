//! Cancelling an open order.

use tradepost_kernel::{OrderId, UserId};
use tradepost_problem::Outage;

use super::{OrderService, undecided};
use crate::OrderError;
use crate::domain::{Intent, Order, Stage, Status};
use crate::store::Closing;

/// How an order stands after somebody wanted it to end.
pub(crate) enum Intended {
    /// It is to end like that.
    Mine(Order),
    /// It did not wait any more: somebody else was faster.
    Another(Order),
}

impl OrderService {
    /// Cancels an open order and gives back what it holds. Of a cancellation and a fill at the same time, the one
    /// that is written down first takes place.
    ///
    /// # Errors
    /// [`OrderError::OrderNotFound`], also for an order of somebody else; [`OrderError::OrderNotOpen`] when it has
    /// ended, is being filled or is not open yet; [`OrderError::Outage`], after which it may be cancelled.
    pub async fn cancel(&self, user: UserId, order: &OrderId) -> Result<Order, OrderError> {
        let order = self.order(user, order).await?;
        let order = match order.stage() {
            Stage::Waiting => match self.intend(order, Intent::Cancel { at: self.clock.now() }).await? {
                Intended::Mine(order) | Intended::Another(order) => order,
            },
            _ => order,
        };
        if !matches!(order.stage(), Stage::Ending(Intent::Cancel { .. })) {
            return Err(not_open(&order));
        }
        let order = self.end(order).await.map_err(undecided)?;
        if order.status == Status::Cancelled { Ok(order) } else { Err(not_open(&order)) }
    }

    /// Writes down how a waiting order is to end.
    pub(crate) async fn intend(&self, order: Order, intent: Intent) -> Result<Intended, Outage> {
        let Some(ending) = order.clone().ending(intent) else { return Ok(Intended::Another(order)) };
        match self.advance(&order, &ending).await? {
            Closing::Written => Ok(Intended::Mine(ending)),
            Closing::Earlier(found) => Ok(Intended::Another(*found)),
        }
    }
}

fn not_open(order: &Order) -> OrderError {
    let status = match order.stage() {
        Stage::Ending(Intent::Fill { .. }) => "being filled",
        Stage::Ending(Intent::Expire { .. }) => "expired",
        _ => order.status.as_str(),
    };
    OrderError::OrderNotOpen { status: status.to_owned() }
}
