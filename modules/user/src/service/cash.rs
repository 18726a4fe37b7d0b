//! Cash in and out: one read and one transaction, with an idempotency key or without.

use tradepost_kernel::{AssetId, EntryId, Timestamp, Usd, UserId};
use tradepost_platform::dynamo::{Lost, WriteError, from_item};
use tradepost_platform::idempotency::{Answer, Done, KeyWrite, Once, Told, Verdict};
use tradepost_problem::Outage;
use tradepost_user_api::{AccountsError, Entry, Position, Positions};

use super::{MOST_RACES, UserService};
use crate::domain::{Holding, Movement, Record};
use crate::fields::{Description, Username};
use crate::settings::DepositPolicy;
use crate::store::CashState;
use crate::{TABLE, UserError};

/// Cash that is to be moved.
#[derive(Clone, Debug)]
pub struct Cash {
    pub user: UserId,
    pub amount: Usd,
    pub description: Option<Description>,
}

/// A deposit or withdrawal that took place.
#[derive(Debug)]
pub struct CashReceipt {
    pub id: EntryId,
    pub amount: Usd,
    pub balance_after: Usd,
    pub at: Timestamp,
}

/// A movement, or its refusal, worked out and not yet written.
struct Plan {
    change: Option<(Holding, Entry)>,
    answer: Answer,
    moved: Done<CashReceipt>,
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug)]
enum Race {
    /// The key was used meanwhile.
    Key,
    /// The position changed since it was read.
    Moved,
}

impl UserService {
    /// The cash of a user.
    pub async fn cash(&self, user: UserId) -> Result<Position, UserError> {
        use tradepost_user_api::Accounts;
        let mut positions = self.positions(user, Positions::Of(vec![AssetId::USD])).await?;
        Ok(positions.pop().ok_or(AccountsError::UnknownUser)?)
    }

    /// Credits a user with cash from outside, where users may do so themselves.
    pub async fn deposit(&self, cash: Cash, once: &Once<CashReceipt>) -> Result<Told, UserError> {
        let daily_limit = Some(self.settings.daily_deposit_limit);
        let movement = match self.settings.deposits {
            DepositPolicy::SelfService => Ok(Movement::Deposit { amount: cash.amount, daily_limit }),
            DepositPolicy::Operator => Err(UserError::DepositsDisabled),
        };
        Ok(self.move_cash(cash, movement, once).await?.told(once))
    }

    /// Credits a user with cash, for the operator: no daily cap.
    ///
    /// # Errors
    /// [`UserError::InvalidCredentials`] when there is no such user; otherwise as for any movement.
    pub async fn deposit_for(&self, username: &Username, amount: Usd) -> Result<Usd, UserError> {
        let user = self.store.credentials(username).await?.ok_or(UserError::InvalidCredentials)?.user;
        let movement = Movement::Deposit { amount, daily_limit: None };
        let cash = Cash { user, amount, description: "Deposit by the operator".parse().ok() };
        let once = Once::new(None, |receipt: &CashReceipt| Answer::json(201, &receipt.balance_after));
        match self.move_cash(cash, Ok(movement), &once).await? {
            Done::Now(receipt) => Ok(receipt.balance_after),
            Done::Told(_) => Err(broken(&"a deposit without a key has no other answer")),
        }
    }

    /// Pays cash out to the outside.
    pub async fn withdraw(&self, cash: Cash, once: &Once<CashReceipt>) -> Result<Told, UserError> {
        let daily_limit = self.settings.daily_withdrawal_limit;
        let movement = Movement::Withdraw { amount: cash.amount, daily_limit };
        Ok(self.move_cash(cash, Ok(movement), once).await?.told(once))
    }

    /// A lost race is tried anew from the item that stood in the way, so it costs no extra read. A key counts before
    /// anything else: what was answered once is answered again whatever changed since.
    async fn move_cash(
        &self,
        cash: Cash,
        movement: Result<Movement, UserError>,
        once: &Once<CashReceipt>,
    ) -> Result<Done<CashReceipt>, UserError> {
        let _turn = self.queue.turn(cash.user).await;
        let id = EntryId::generate();
        let mut state = self.store.cash(cash.user, once.request()).await?;
        for _ in 0..MOST_RACES {
            let at = self.clock.now();
            let expect = match once.verdict(state.key_use.as_ref(), at)? {
                Verdict::First(expect) => expect,
                Verdict::Again(answer) => return Ok(Done::Told(Told::again(answer))),
            };
            let position = state.cash.as_ref().ok_or(AccountsError::UnknownUser)?;
            let description = cash.description.clone().map(Description::into_string);
            let record = Record { id, at, description };
            let applied = movement.clone().and_then(|movement| position.apply(&movement, record));
            let plan = Plan::of(applied, cash.amount, once)?;
            let key = once.key_write(expect, id, Some(plan.answer), at);
            match self.write_movement(cash.user, id, plan.change.as_ref(), key.as_ref()).await {
                Ok(()) => return Ok(plan.moved),
                Err(WriteError::Lost(lost)) => state.learn(lost)?,
                Err(WriteError::Outage(outage)) => return Err(outage.into()),
            }
        }
        Err(Outage::busy("move cash").into())
    }

    async fn write_movement(
        &self,
        user: UserId,
        id: EntryId,
        change: Option<&(Holding, Entry)>,
        key: Option<&KeyWrite>,
    ) -> Result<(), WriteError<Race>> {
        // Whoever loses both races is told of the key, which decides.
        let write = self.store.write(id).key_use(user, key, Race::Key);
        let Some((next, entry)) = change else { return write.into_write().commit().await };
        write.movement(user, next, entry, &Race::Moved).into_write().commit().await?;
        tracing::info!(target: "audit", %user, entry = %id, amount = %entry.amount, kind = ?entry.kind, "cash moved");
        Ok(())
    }
}

impl CashState {
    fn learn(&mut self, lost: Lost<Race>) -> Result<(), Outage> {
        match lost.error {
            Race::Key => self.key_use = lost.found.map(from_item).transpose()?,
            Race::Moved => self.cash = lost.found.map(from_item).transpose()?,
        }
        Ok(())
    }
}

impl Plan {
    /// A refusal that is not kept ends the request here.
    fn of(
        applied: Result<(Holding, Entry), UserError>,
        amount: Usd,
        once: &Once<CashReceipt>,
    ) -> Result<Self, UserError> {
        match applied {
            Ok((next, entry)) => {
                let balance_after = next.total()?.to_usd().map_err(|error| broken(&error))?;
                let receipt = CashReceipt { id: entry.id, amount, balance_after, at: entry.created_at };
                let answer = once.success(&receipt);
                Ok(Self { change: Some((next, entry)), answer, moved: Done::Now(receipt) })
            }
            Err(refusal) => {
                let answer = once.refusal(&refusal).ok_or(refusal)?;
                Ok(Self { change: None, answer: answer.clone(), moved: Done::Told(Told::first(answer)) })
            }
        }
    }
}

fn broken(error: &dyn std::fmt::Display) -> UserError {
    Outage::internal(TABLE.name, error).into()
}

#[cfg(test)]
#[path = "cash_tests.rs"]
mod tests;
