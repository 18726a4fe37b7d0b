//! How an order gets from one state to the next. What is asked of the accounts follows from the state alone, and
//! the next state from their answer; so whoever finds an order can go on with it.
//!
//! ```text
//! pending -> completed | failed                              a market order, when it is settled
//! pending -> open | failed                                   any other, when its hold is made
//! open -> open with an intent                                one intent, for ever
//! open with an intent -> completed | cancelled | expired     as the accounts say; failed if they refuse to fill
//! ```

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tradepost_inventory_api::Quote;
use tradepost_kernel::{Amount, AssetId, Price, Rounding, Timestamp, Usd};
use tradepost_problem::Failure;
use tradepost_user_api::{AccountsError, Held, Hold, HoldEnd, Release, Settled, Settlement, Side, Source};

use super::{Order, Refused, Status};

/// As long as the writes of a request may take; before that, whoever took the order is most likely still at it.
const GRACE: TimeDelta = TimeDelta::seconds(3);

/// How an open order is to end. Once one is written down, no other can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "snake_case")]
pub enum Intent {
    /// Its user does not want it any more.
    Cancel { at: Timestamp },
    /// Its time is over.
    Expire { at: Timestamp },
    /// The market has reached its price; this is what it costs or brings.
    Fill { price: Price, source: String, total: Usd, at: Timestamp },
}

impl Intent {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Cancel { .. } => "cancel",
            Self::Expire { .. } => "expire",
            Self::Fill { .. } => "fill",
        }
    }

    const fn at(&self) -> Timestamp {
        match self {
            Self::Cancel { at } | Self::Expire { at } | Self::Fill { at, .. } => *at,
        }
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage<'a> {
    /// Written down; what the accounts say of it is not.
    Pending,
    /// Open, for its price to come.
    Waiting,
    /// Open, and to end in this way.
    Ending(&'a Intent),
    Final,
}

/// What the accounts are asked for; the same every time it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Settle(Settlement),
    Hold(Hold),
    Release(Release),
}

impl Order {
    pub const fn stage(&self) -> Stage<'_> {
        match (self.status, &self.intent) {
            (Status::Pending, _) => Stage::Pending,
            (Status::Open, None) => Stage::Waiting,
            (Status::Open, Some(intent)) => Stage::Ending(intent),
            (Status::Completed | Status::Cancelled | Status::Expired | Status::Failed, _) => Stage::Final,
        }
    }

    /// When somebody else may take the order up; never, once it is final.
    pub fn due(&self) -> Option<Timestamp> {
        match self.stage() {
            Stage::Pending => Some(self.created_at + GRACE),
            Stage::Waiting => Some(self.expires_at.unwrap_or(self.created_at)),
            Stage::Ending(intent) => Some(intent.at() + GRACE),
            Stage::Final => None,
        }
    }

    /// What an order that waits needs from the accounts next, or a pending or ending one to get on.
    pub fn request(&self) -> Option<Request> {
        match self.stage() {
            Stage::Pending if self.limit_price.is_some() => Some(Request::Hold(self.hold())),
            Stage::Pending => Some(Request::Settle(self.settlement(Source::Available))),
            Stage::Ending(Intent::Fill { price, total, .. }) => {
                let settlement = self.settlement(Source::Hold);
                Some(Request::Settle(Settlement { price: *price, total: *total, ..settlement }))
            }
            Stage::Ending(Intent::Cancel { .. } | Intent::Expire { .. }) => {
                Some(Request::Release(self.release()))
            }
            Stage::Waiting | Stage::Final => None,
        }
    }

    /// What the order takes from its user: dollars for a buy, the asset for a sale.
    pub fn needs(&self) -> (AssetId, Amount) {
        match self.order_type.side() {
            Side::Buy => (AssetId::USD, self.total.into()),
            Side::Sell => (self.asset, self.quantity.into()),
        }
    }

    /// What it costs or brings: of one that is being filled, at the price it is filled at.
    pub fn value(&self) -> Usd {
        match &self.intent {
            Some(Intent::Fill { total, .. }) => *total,
            _ => self.total,
        }
    }

    fn hold(&self) -> Hold {
        let (asset, amount) = self.needs();
        Hold { user: self.user, order: self.order_id.clone(), asset, amount, hold_by: self.settle_by }
    }

    /// What gives back what is held for the order.
    pub fn release(&self) -> Release {
        Release { user: self.user, order: self.order_id.clone(), asset: self.needs().0 }
    }

    fn settlement(&self, from: Source) -> Settlement {
        Settlement {
            user: self.user,
            order: self.order_id.clone(),
            side: self.order_type.side(),
            asset: self.asset,
            quantity: self.quantity,
            price: self.price,
            total: self.total,
            settle_by: self.settle_by,
            from,
        }
    }

    /// How to fill the order at this quote, if it waits, is not over, and the market has reached its price. A buy
    /// never costs more than its hold, because the price is not above the limit.
    pub fn fill(&self, quote: &Quote, now: Timestamp) -> Option<Intent> {
        let (direction, awaited) = self.order_type.direction().zip(self.limit_price)?;
        let is_over = self.expires_at.is_some_and(|end| now >= end);
        if self.stage() != Stage::Waiting || is_over || !direction.reaches(awaited, quote.price) {
            return None;
        }
        let total = quote.price.times(self.quantity, rounding(self.order_type.side())).ok()?;
        Some(Intent::Fill { price: quote.price, source: quote.source.clone(), total, at: now })
    }

    /// When the request that is to be answered came.
    pub fn asked_at(&self) -> Timestamp {
        match self.stage() {
            Stage::Ending(Intent::Cancel { at }) => *at,
            _ => self.created_at,
        }
    }

    /// The order with how it is to end, or `None` if it does not wait.
    pub fn ending(self, intent: Intent) -> Option<Self> {
        (self.stage() == Stage::Waiting).then_some(Self { intent: Some(intent), ..self })
    }

    /// The order after its hold was made.
    #[must_use]
    pub fn opened(self, held: Held) -> Self {
        match self.stage() {
            Stage::Pending => self.moved_to(Status::Open, held.at),
            _ => self,
        }
    }

    /// The order after its settlement.
    #[must_use]
    pub fn completed(self, settled: Settled) -> Self {
        match self.intent.clone() {
            Some(Intent::Fill { price, source, total, .. }) if !self.status.is_final() => {
                let filled = Self { price, price_source: source, total, ..self };
                filled.moved_to(Status::Completed, settled.at)
            }
            _ => self.moved_to(Status::Completed, settled.at),
        }
    }

    /// The order after a refusal.
    #[must_use]
    pub fn failed(self, refusal: &dyn Failure, at: Timestamp) -> Self {
        if self.status.is_final() {
            return self;
        }
        let failure = Refused { code: refusal.about().code.to_owned(), detail: refusal.to_string() };
        Self { failure: Some(failure), ..self }.moved_to(Status::Failed, at)
    }

    /// The order after its hold ended. Whatever was intended, what the accounts did is what happened; `refusal` is
    /// why it could not be filled, if that was tried.
    #[must_use]
    pub fn ended(self, end: HoldEnd, refusal: Option<&AccountsError>, now: Timestamp) -> Self {
        match (end, refusal, &self.intent) {
            (HoldEnd::Settled { at }, ..) => self.completed(Settled { at }),
            (HoldEnd::Refused, refusal, _) => self.failed(refusal.unwrap_or(&AccountsError::NoHold), now),
            (HoldEnd::Released { at }, Some(refusal), _) => self.failed(refusal, at),
            (HoldEnd::Released { at }, None, Some(Intent::Expire { .. })) => {
                self.moved_to(Status::Expired, at)
            }
            (HoldEnd::Released { at }, None, _) => self.moved_to(Status::Cancelled, at),
        }
    }

    fn moved_to(self, status: Status, at: Timestamp) -> Self {
        if self.status.is_final() {
            return self;
        }
        // The accounts may run on another machine, whose clock may be behind.
        let updated_at = at.max(self.updated_at);
        Self { status, intent: None, asked_by: None, updated_at, ..self }
    }
}

/// The value of an order is rounded against its user.
pub const fn rounding(side: Side) -> Rounding {
    match side {
        Side::Buy => Rounding::Up,
        Side::Sell => Rounding::Down,
    }
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "transition_tests.rs"]
mod transitions;
