//! What holds, releases and settlements have in common: whose outcome of an order stands.

use tradepost_kernel::{EntryId, OrderId, UserId};
use tradepost_platform::dynamo::WriteError;
use tradepost_problem::Outage;
use tradepost_user_api::AccountsError;

use super::UserService;
use crate::domain::Outcome;

/// Why an outcome was not written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Race {
    /// Something else became of the order's money.
    Decided,
    /// A position changed since it was read.
    Moved,
}

impl Race {
    /// Whether a write took effect. When a race was lost instead, what stands now has to be read, the outcome
    /// included.
    pub(super) fn won(written: Result<(), WriteError<Self>>) -> Result<bool, Outage> {
        match written {
            Ok(()) => Ok(true),
            Err(WriteError::Lost(lost)) => {
                metrics::counter!("tradepost_lost_races_total", "race" => lost.error.name()).increment(1);
                Ok(false)
            }
            Err(WriteError::Outage(outage)) => Err(outage),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Moved => "moved",
        }
    }
}

impl UserService {
    /// Makes a refusal the outcome of an order; false when a race was lost.
    pub(super) async fn write_refusal(
        &self,
        user: UserId,
        order: &OrderId,
        reason: &AccountsError,
    ) -> Result<bool, Outage> {
        let outcome = Outcome::Refused { reason: reason.clone() };
        let write = self.store.write(EntryId::generate()).outcome(user, order, &outcome, Race::Decided);
        Race::won(write.into_write().commit().await)
    }
}
