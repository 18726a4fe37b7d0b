//! The state machine of an order's money: `held`, then `settled` or `released`; or at once `settled`, `refused` or
//! `released`. What is not `held` is final.

use serde::{Deserialize, Serialize};
use tradepost_kernel::{Amount, AssetId, Timestamp};
use tradepost_user_api::{AccountsError, Held, HoldEnd, Settled, Settlement, Side, Source};

/// What became of an order's money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Set aside; the only state that is left again.
    Held {
        /// Of what.
        asset: AssetId,
        /// How much.
        amount: Amount,
        /// When.
        held_at: Timestamp,
    },
    /// Exchanged.
    Settled {
        /// When.
        at: Timestamp,
        /// When it was set aside before, if it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held_at: Option<Timestamp>,
    },
    /// Given back, or never set aside and never to be.
    Released {
        /// When.
        at: Timestamp,
        /// When it was set aside before, if it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held_at: Option<Timestamp>,
    },
    /// Neither set aside nor exchanged.
    Refused {
        /// Why.
        reason: AccountsError,
    },
}

/// What is set aside for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenHold {
    pub asset: AssetId,
    pub amount: Amount,
    pub held_at: Timestamp,
}

impl Outcome {
    /// What whoever asks for a hold is told. Every state says it.
    pub fn of_hold(&self) -> Result<Held, AccountsError> {
        match self {
            Self::Held { held_at: at, .. }
            | Self::Settled { held_at: Some(at), .. }
            | Self::Released { held_at: Some(at), .. } => Ok(Held { at: *at }),
            Self::Settled { held_at: None, .. } => Err(AccountsError::NoHold),
            Self::Released { held_at: None, .. } => Err(AccountsError::HoldReleased),
            Self::Refused { reason } => Err(reason.clone()),
        }
    }

    /// How the hold ended, or what is held still and is to be given back.
    pub fn of_release(&self) -> Result<HoldEnd, OpenHold> {
        match *self {
            Self::Held { asset, amount, held_at } => Err(OpenHold { asset, amount, held_at }),
            Self::Settled { at, .. } => Ok(HoldEnd::Settled { at }),
            Self::Released { at, .. } => Ok(HoldEnd::Released { at }),
            Self::Refused { .. } => Ok(HoldEnd::Refused),
        }
    }
}

/// What there is to do for a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Nothing: it took place.
    Done(Settled),
    /// Take from what is available.
    FromAvailable,
    /// Take from what is held.
    FromHold(OpenHold),
}

impl Course {
    /// What there is to do when this is what became of the order's money so far; or the refusal that is due.
    pub fn of(settlement: &Settlement, outcome: Option<&Outcome>) -> Result<Self, AccountsError> {
        match (outcome, settlement.from) {
            (None, Source::Available) => Ok(Self::FromAvailable),
            (None, Source::Hold) => Err(AccountsError::NoHold),
            (Some(Outcome::Settled { at, .. }), _) => Ok(Self::Done(Settled { at: *at })),
            (Some(Outcome::Released { .. }), _) => Err(AccountsError::HoldReleased),
            (Some(Outcome::Refused { reason }), _) => Err(reason.clone()),
            (Some(Outcome::Held { asset, amount, held_at }), _) => {
                let hold = OpenHold { asset: *asset, amount: *amount, held_at: *held_at };
                if hold.covers(settlement) {
                    Ok(Self::FromHold(hold))
                } else {
                    Err(AccountsError::SettlementExceedsHold)
                }
            }
        }
    }
}

impl OpenHold {
    /// Whether a settlement takes from this and from nothing else: a buy at most the cash that is held, a sale
    /// exactly the quantity that is.
    fn covers(self, settlement: &Settlement) -> bool {
        let fits = match settlement.side {
            Side::Buy => self.asset == AssetId::USD && Amount::from(settlement.total) <= self.amount,
            Side::Sell => self.asset == settlement.asset && Amount::from(settlement.quantity) == self.amount,
        };
        fits && settlement.from == Source::Hold
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
