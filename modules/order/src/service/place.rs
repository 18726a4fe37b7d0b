//! Placing an order: write it down, have it settled or what it takes held, write down how that ended.

use std::ops::ControlFlow;

use tradepost_inventory_api::Listing;
use tradepost_kernel::{OrderId, UserId};
use tradepost_platform::idempotency::{Done, KeyRefusal, Once, Told, Verdict};
use tradepost_problem::Outage;
use tradepost_user_api::{Positions, Side};

use super::finish::Outcome;
use super::keyed::{Attempt, Attempted, MOST_RACES, over};
use super::{OrderService, count, undecided};
use crate::OrderError;
use crate::answer::Placed;
use crate::domain::{NewOrder, Order, Stage};
use crate::store::{Claimed, Closing, Inserted, Known};

impl OrderService {
    /// Executes a market order at the price of now; opens any other, and fills it at once if the market has
    /// reached its price.
    ///
    /// # Errors
    /// A refusal; [`OrderError::Key`]; or [`OrderError::Outage`], after which the outcome is unknown until recovery
    /// has decided it.
    pub async fn place(
        &self,
        user: UserId,
        new: NewOrder,
        once: &Once<Placed>,
    ) -> Result<Done<Placed>, OrderError> {
        let mut known = self.store.known(user, None, new.client_order_id.as_ref(), once.request()).await?;
        for _ in 0..MOST_RACES {
            let attempt = match self.begin(user, known, once)? {
                ControlFlow::Continue(attempt) => attempt,
                ControlFlow::Break(done) => return Ok(done),
            };
            known = match self.try_place(new.clone(), attempt).await? {
                Attempted::Over(done) => return Ok(done),
                Attempted::Raced(known) => *known,
            };
        }
        Err(Outage::busy("place order").into())
    }

    async fn try_place(
        &self,
        new: NewOrder,
        attempt: Attempt<'_, Placed>,
    ) -> Result<Attempted<Placed>, OrderError> {
        let content = new.content();
        if let Some(claimed) = &attempt.known.claimed {
            let (work, result) =
                (claimed.order_id.clone(), self.repeated(attempt.user, claimed, &content).await);
            return self.conclude(attempt, work, result).await;
        }
        let id = OrderId::generate();
        let Some(listing) = self.catalog.listing(new.asset).await? else {
            let unknown = OrderError::UnknownAsset { asset: new.asset };
            return self.conclude(attempt, id, Err(unknown)).await;
        };
        let accepted = new.accept(attempt.user, id.clone(), &listing, &self.settings, attempt.now);
        let order = match accepted {
            Ok(order) => order,
            Err(refusal) => return self.conclude(attempt, id, Err(refusal)).await,
        };
        match self.check(&order, &listing).await {
            Ok(()) => self.execute(order, &content, &listing, attempt).await,
            Err(OrderError::Outage(outage)) => Err(outage.into()),
            Err(refusal) => self.refuse(order, &content, refusal, attempt).await,
        }
    }

    async fn repeated(&self, user: UserId, claimed: &Claimed, content: &str) -> Result<Placed, OrderError> {
        if claimed.content != content {
            return Err(OrderError::ClientOrderIdTaken);
        }
        let order = self.order(user, &claimed.order_id).await?;
        Ok(Placed { order, is_repeated: true })
    }

    async fn check(&self, order: &Order, listing: &Listing) -> Result<(), OrderError> {
        match order.check(listing, &self.settings) {
            Err(refusal) if refusal.spares_emptying() && self.empties_position(order).await? => Ok(()),
            verdict => verdict,
        }
    }

    async fn empties_position(&self, order: &Order) -> Result<bool, OrderError> {
        if order.order_type.side() == Side::Buy {
            return Ok(false);
        }
        let positions = self.accounts.positions(order.user, Positions::Of(vec![order.asset])).await?;
        Ok(positions.iter().any(|position| order.empties(position)))
    }

    /// Keeps an order that is refused, for its user to see.
    async fn refuse(
        &self,
        order: Order,
        content: &str,
        refusal: OrderError,
        attempt: Attempt<'_, Placed>,
    ) -> Result<Attempted<Placed>, OrderError> {
        let Attempt { known, once, expect, now, .. } = attempt;
        let failed = order.failed(&refusal, now);
        let key = once.key_write(expect, &failed.order_id, once.refusal(&refusal), now);
        match raced(self.store.insert(&failed, content, key.as_ref()).await?, known) {
            Some(known) => Ok(Attempted::Raced(Box::new(known))),
            None => {
                count(&failed);
                over(Err(refusal), once)
            }
        }
    }

    async fn execute(
        &self,
        order: Order,
        content: &str,
        listing: &Listing,
        attempt: Attempt<'_, Placed>,
    ) -> Result<Attempted<Placed>, OrderError> {
        let Attempt { known, once, expect, now, .. } = attempt;
        let pending = Order { asked_by: once.request().cloned(), ..order };
        let key = once.key_write(expect, &pending.order_id, None, now);
        if let Some(known) = raced(self.store.insert(&pending, content, key.as_ref()).await?, known) {
            return Ok(Attempted::Raced(Box::new(known)));
        }
        let mut outcome = self.decide(pending.clone()).await.map_err(undecided)?;
        outcome.order = self.filled_at_once(&pending, outcome.order, listing);
        let closing = self.advance(&pending, &outcome).await;
        let is_filling = matches!(outcome.order.stage(), Stage::Ending(_));
        let Outcome { order, refusal } = match closing {
            Ok(Closing::Earlier(found)) => return self.overtaken(*found, once).await,
            Ok(_) if is_filling => self.end(&outcome.order).await.map_err(undecided)?,
            // Without its intent written down, it must not be filled.
            Err(outage) if is_filling => return Err(undecided(outage).into()),
            // What the accounts decided stands, whether it is written down here now or only by recovery later.
            Ok(_) | Err(_) => outcome,
        };
        if order.stage() == Stage::Waiting {
            self.look_once_more(order.clone()).await;
        }
        over(refusal.map_or(Ok(Placed { order, is_repeated: false }), |refusal| Err(refusal.into())), once)
    }

    /// An order that was opened, on its way to be filled if the price it was accepted at allows that.
    fn filled_at_once(&self, pending: &Order, order: Order, listing: &Listing) -> Order {
        let intent = listing.quote.as_ref().and_then(|quote| self.intent_to_fill(&order, quote));
        if order.stage() != Stage::Waiting || intent.is_none() {
            return order;
        }
        // It is answered when it is filled.
        Order { intent, asked_by: pending.asked_by.clone(), ..order }
    }

    /// Recovery was faster, and has answered the key or is about to.
    async fn overtaken(&self, order: Order, once: &Once<Placed>) -> Result<Attempted<Placed>, OrderError> {
        let Some(request) = once.request() else {
            return Ok(Attempted::Over(Done::Now(Placed { order, is_repeated: false })));
        };
        let found = self.store.key_use(order.user, request).await.map_err(undecided)?;
        match once.verdict(found.as_ref(), self.clock.now())? {
            Verdict::Again(answer) => Ok(Attempted::Over(Done::Told(Told::first(answer)))),
            Verdict::First(_) => Err(KeyRefusal::InFlight.into()),
        }
    }
}

/// What is known now, if somebody else was faster.
fn raced(inserted: Inserted, known: Known) -> Option<Known> {
    match inserted {
        Inserted::Written => None,
        Inserted::Taken(claimed) => Some(Known { claimed: Some(claimed), ..known }),
        Inserted::Used(key_use) => Some(Known { key_use, ..known }),
    }
}
