//! Settling an order: both positions, both ledger entries and the outcome, in one transaction.

use tradepost_kernel::{EntryId, UserId};
use tradepost_platform::dynamo::WriteError;
use tradepost_problem::Outage;
use tradepost_user_api::{AccountsError, Entry, Settled, Settlement};

use super::{MOST_RACES, UserService};
use crate::UserError;
use crate::domain::{Holding, Movement, Record};
use crate::store::{Outcome, SettlementState};

/// A settlement worked out and not yet written.
struct Plan {
    cash: (Holding, Entry),
    asset: (Holding, Entry),
}

/// Why a settlement was not written.
#[derive(Clone, Copy, Debug)]
enum Race {
    /// The order has an outcome already.
    Decided,
    /// A position changed since it was read.
    Moved,
}

impl UserService {
    pub(super) async fn settle_once(&self, settlement: &Settlement) -> Result<Settled, AccountsError> {
        let _turn = self.queue.turn(settlement.user).await;
        for _ in 0..MOST_RACES {
            let Settlement { user, asset, order, .. } = settlement;
            let state = self.store.settlement(*user, *asset, order).await?;
            if let Some(outcome) = state.outcome {
                return outcome.answer();
            }
            let outcome = match self.plan(settlement, state) {
                Ok(plan) => self.write_settlement(*user, settlement, plan).await?,
                Err(AccountsError::Outage(outage)) => return Err(outage.into()),
                Err(reason) => self.write_refusal(*user, settlement, reason).await?,
            };
            if let Some(outcome) = outcome {
                return outcome.answer();
            }
        }
        Err(Outage::busy("settle").into())
    }

    fn plan(&self, settlement: &Settlement, state: SettlementState) -> Result<Plan, AccountsError> {
        let now = self.clock.now();
        if now > settlement.settle_by {
            return Err(AccountsError::SettlementExpired);
        }
        let cash = state.cash.ok_or(AccountsError::UnknownUser)?;
        let asset = state.asset.unwrap_or_else(|| Holding::empty(settlement.asset, now));
        let at = now.max(cash.updated_at).max(asset.updated_at);
        let record = || Record { id: EntryId::generate(), at, description: None };
        let (of_cash, of_asset) = Movement::of_trade(settlement);
        let apply = |holding: &Holding, movement: &Movement| match holding.apply(movement, record()) {
            Ok(applied) => Ok(applied),
            Err(UserError::Accounts(error)) => Err(error),
            Err(error) => Err(Outage::internal("settle", &error).into()),
        };
        Ok(Plan { cash: apply(&cash, &of_cash)?, asset: apply(&asset, &of_asset)? })
    }

    /// The outcome, or `None` when a race was lost.
    async fn write_settlement(
        &self,
        user: UserId,
        settlement: &Settlement,
        plan: Plan,
    ) -> Result<Option<Outcome>, AccountsError> {
        let at = plan.cash.1.created_at;
        let outcome = Outcome::Settled { at };
        // Another process may settle the same order at the same moment: neither may take what the other wrote for
        // its own, for their times differ.
        let write = self
            .store
            .write(plan.cash.1.id)
            .outcome(user, &settlement.order, &outcome, Race::Decided)
            .movement(user, &plan.cash.0, &plan.cash.1, &Race::Moved)
            .movement(user, &plan.asset.0, &plan.asset.1, &Race::Moved);
        decided(write.into_write().commit().await, outcome)
    }

    async fn write_refusal(
        &self,
        user: UserId,
        settlement: &Settlement,
        reason: AccountsError,
    ) -> Result<Option<Outcome>, AccountsError> {
        let outcome = Outcome::Refused { reason };
        let write = self.store.write(EntryId::generate());
        let write = write.outcome(user, &settlement.order, &outcome, Race::Decided);
        decided(write.into_write().commit().await, outcome)
    }
}

fn decided(
    written: Result<(), WriteError<Race>>,
    outcome: Outcome,
) -> Result<Option<Outcome>, AccountsError> {
    match written {
        Ok(()) => Ok(Some(outcome)),
        // Either way the next round reads what stands now, the outcome included.
        Err(WriteError::Lost(lost)) => {
            metrics::counter!("tradepost_lost_races_total", "race" => race(lost.error)).increment(1);
            Ok(None)
        }
        Err(WriteError::Outage(outage)) => Err(outage.into()),
    }
}

fn race(race: Race) -> &'static str {
    match race {
        Race::Decided => "decided",
        Race::Moved => "moved",
    }
}
