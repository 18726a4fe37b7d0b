//! Ending an order that waits: the intent first, then what it needs of the accounts.

use tradepost_problem::Outage;

use super::OrderService;
use super::finish::Outcome;
use crate::domain::{Intent, Order};
use crate::store::Closing;

/// How an order stands after somebody wanted it to end.
pub(crate) enum Intended {
    /// It is to end like that.
    Mine(Order),
    /// It did not wait any more: somebody else was faster.
    Another(Order),
}

impl OrderService {
    /// Writes down how a waiting order is to end.
    pub(crate) async fn intend(&self, order: Order, intent: Intent) -> Result<Intended, Outage> {
        let Some(ending) = order.clone().ending(intent) else { return Ok(Intended::Another(order)) };
        match self.store.advance(order.stage(), &ending, None).await? {
            Closing::Written => Ok(Intended::Mine(ending)),
            Closing::Earlier(found) => Ok(Intended::Another(*found)),
            Closing::Used(_) => Err(Outage::internal("end order", &"there is no key")),
        }
    }

    /// Ends an order in the way it intends, and answers how it ended.
    pub(crate) async fn end(&self, ending: &Order) -> Result<Outcome, Outage> {
        let outcome = self.decide(ending.clone()).await?;
        match self.advance(ending, &outcome).await {
            Ok(Closing::Earlier(found)) => Ok(Outcome { order: *found, ..outcome }),
            // What the accounts decided stands, whether it is written down here now or only by recovery later.
            Ok(_) | Err(_) => Ok(outcome),
        }
    }
}
