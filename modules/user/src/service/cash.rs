//! Cash in and out: one read and one transaction.

use tradepost_kernel::{AssetId, EntryId, Timestamp, Usd, UserId};
use tradepost_platform::dynamo::{WriteError, from_item};
use tradepost_problem::Outage;
use tradepost_user_api::{AccountsError, Position, Positions};

use super::{MOST_RACES, Stale, UserService};
use crate::domain::{Holding, Movement, Record};
use crate::fields::{Description, Username};
use crate::settings::DepositPolicy;
use crate::{TABLE, UserError};

/// A deposit or withdrawal that took place.
#[derive(Debug)]
pub struct CashReceipt {
    pub id: EntryId,
    pub amount: Usd,
    pub balance_after: Usd,
    pub at: Timestamp,
}

impl UserService {
    /// The cash of a user.
    pub async fn cash(&self, user: UserId) -> Result<Position, UserError> {
        use tradepost_user_api::Accounts;
        let mut positions = self.positions(user, Positions::Of(vec![AssetId::USD])).await?;
        Ok(positions.pop().ok_or(AccountsError::UnknownUser)?)
    }

    /// Credits a user with cash from outside, where users may do so themselves.
    pub async fn deposit(
        &self,
        user: UserId,
        amount: Usd,
        description: Option<Description>,
    ) -> Result<CashReceipt, UserError> {
        if self.settings.deposits == DepositPolicy::Operator {
            return Err(UserError::DepositsDisabled);
        }
        let daily_limit = Some(self.settings.daily_deposit_limit);
        self.move_cash(user, Movement::Deposit { amount, daily_limit }, amount, description).await
    }

    /// Credits a user with cash, for the operator: no daily cap.
    ///
    /// # Errors
    /// [`UserError::InvalidCredentials`] when there is no such user; otherwise as for any movement.
    pub async fn deposit_for(&self, username: &Username, amount: Usd) -> Result<Usd, UserError> {
        let user = self.store.credentials(username).await?.ok_or(UserError::InvalidCredentials)?.user;
        let movement = Movement::Deposit { amount, daily_limit: None };
        let description = "Deposit by the operator".parse().ok();
        Ok(self.move_cash(user, movement, amount, description).await?.balance_after)
    }

    /// Pays cash out to the outside.
    pub async fn withdraw(
        &self,
        user: UserId,
        amount: Usd,
        description: Option<Description>,
    ) -> Result<CashReceipt, UserError> {
        let daily_limit = self.settings.daily_withdrawal_limit;
        self.move_cash(user, Movement::Withdraw { amount, daily_limit }, amount, description).await
    }

    /// A lost race is tried anew from the item that stood in the way, so it costs no extra read.
    async fn move_cash(
        &self,
        user: UserId,
        movement: Movement,
        amount: Usd,
        description: Option<Description>,
    ) -> Result<CashReceipt, UserError> {
        let _turn = self.queue.turn(user).await;
        let id = EntryId::generate();
        let description = description.map(Description::into_string);
        let mut found = self.store.holding(user, AssetId::USD).await?;
        for _ in 0..MOST_RACES {
            let cash: Holding = found.take().ok_or(AccountsError::UnknownUser)?;
            let record = Record { id, at: self.clock.now(), description: description.clone() };
            let (next, entry) = cash.apply(&movement, record)?;
            match self.store.write(id).movement(user, &next, &entry, &Stale).into_write().commit().await {
                Ok(()) => {
                    tracing::info!(target: "audit", %user, entry = %id, %amount, kind = ?entry.kind, "cash moved");
                    let balance_after = next.total()?.to_usd().map_err(|error| broken(&error))?;
                    return Ok(CashReceipt { id, amount, balance_after, at: entry.created_at });
                }
                Err(WriteError::Lost(lost)) => found = lost.found.map(from_item).transpose()?,
                Err(WriteError::Outage(outage)) => return Err(outage.into()),
            }
        }
        Err(Outage::busy("move cash").into())
    }
}

fn broken(error: &dyn std::fmt::Display) -> UserError {
    Outage::internal(TABLE.name, error).into()
}
