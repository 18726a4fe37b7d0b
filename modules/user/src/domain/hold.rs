//! Setting aside, giving back, and spending what is set aside: changes of a position that leave its total alone, and
//! the movement of a trade that is paid from a hold.

use tradepost_kernel::{Amount, Timestamp};
use tradepost_user_api::{AccountsError, Entry};

use super::{Holding, Movement, Record};
use crate::UserError;

impl Holding {
    /// The position after setting something aside.
    pub fn hold(&self, amount: Amount, at: Timestamp) -> Result<Self, AccountsError> {
        let available = self.available.minus(amount).ok_or_else(|| self.insufficient(amount))?;
        let held = self.held.plus(amount).map_err(|_| AccountsError::BalanceTooLarge)?;
        Ok(self.with(available, held, at))
    }

    /// The position after giving back what was set aside, or `None` if less than that is held.
    pub fn release(&self, amount: Amount, at: Timestamp) -> Option<Self> {
        let held = self.held.minus(amount)?;
        // Both are parts of a total that was within bounds when it came in.
        let available = self.available.plus(amount).ok()?;
        Some(self.with(available, held, at))
    }

    /// The position and the ledger entry after a movement that takes from what was set aside for it. What it
    /// leaves of that is available again. `None` if less than that is held, or if it takes more.
    pub fn apply_from_hold(
        &self,
        held: Amount,
        movement: &Movement,
        record: Record,
    ) -> Option<Result<(Self, Entry), UserError>> {
        let released = self.release(held, record.at).filter(|_| movement.amount() <= held)?;
        // It is one change, and a write is conditional on the version before it.
        Some(Self { version: self.version, ..released }.apply(movement, record))
    }

    fn with(&self, available: Amount, held: Amount, at: Timestamp) -> Self {
        let (version, updated_at) = (self.version + 1, at.max(self.updated_at));
        Self { available, held, version, updated_at, ..self.clone() }
    }
}

#[cfg(test)]
#[path = "hold_tests.rs"]
mod tests;
