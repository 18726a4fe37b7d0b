//! Settling an order: both positions, both ledger entries and the outcome, in one transaction. One read before it.

use tradepost_kernel::{EntryId, Timestamp};
use tradepost_problem::Outage;
use tradepost_user_api::{AccountsError, Entry, Settled, Settlement};

use super::outcome::Race;
use super::{MOST_RACES, UserService};
use crate::UserError;
use crate::domain::{Course, Holding, Movement, OpenHold, Outcome, Record};
use crate::store::SettlementState;

/// A settlement worked out and not yet written.
struct Plan {
    cash: (Holding, Entry),
    asset: (Holding, Entry),
    at: Timestamp,
}

impl UserService {
    pub(super) async fn settle_once(&self, settlement: &Settlement) -> Result<Settled, AccountsError> {
        let _turn = self.queue.turn(settlement.user).await;
        for _ in 0..MOST_RACES {
            let Settlement { user, asset, order, .. } = settlement;
            let state = self.store.settlement(*user, *asset, order).await?;
            let settled = match Course::of(settlement, state.outcome.as_ref())? {
                Course::Done(settled) => return Ok(settled),
                Course::FromAvailable => self.settle_from_available(settlement, state).await?,
                Course::FromHold(hold) => self.settle_from_hold(settlement, hold, state).await?,
            };
            if let Some(settled) = settled {
                return Ok(settled);
            }
        }
        Err(Outage::busy("settle").into())
    }

    /// `None` when a race was lost. A refusal is the order's outcome for ever.
    async fn settle_from_available(
        &self,
        settlement: &Settlement,
        state: SettlementState,
    ) -> Result<Option<Settled>, AccountsError> {
        let now = self.clock.now();
        let plan = if now > settlement.settle_by {
            Err(AccountsError::SettlementExpired)
        } else {
            plan(settlement, None, state, now)
        };
        match plan {
            Ok(plan) => self.write_settlement(settlement, None, plan).await,
            Err(AccountsError::Outage(outage)) => Err(outage.into()),
            Err(reason) => {
                let refused = self.write_refusal(settlement.user, &settlement.order, &reason).await?;
                if refused { Err(reason) } else { Ok(None) }
            }
        }
    }

    /// `None` when a race was lost. A refusal leaves the hold open, for it has an end of its own.
    async fn settle_from_hold(
        &self,
        settlement: &Settlement,
        hold: OpenHold,
        state: SettlementState,
    ) -> Result<Option<Settled>, AccountsError> {
        let now = self.clock.now().max(hold.held_at);
        let plan = plan(settlement, Some(hold), state, now)?;
        self.write_settlement(settlement, Some(hold), plan).await
    }

    /// `None` when a race was lost.
    async fn write_settlement(
        &self,
        settlement: &Settlement,
        hold: Option<OpenHold>,
        plan: Plan,
    ) -> Result<Option<Settled>, AccountsError> {
        let (Settlement { user, order, .. }, at) = (settlement, plan.at);
        let outcome = Outcome::Settled { at, held_at: hold.map(|hold| hold.held_at) };
        // Another process may settle the same order at the same moment: neither may take what the other wrote for
        // its own, for their times differ.
        let write = self.store.write(plan.cash.1.id);
        let write = match hold {
            Some(_) => write.end_of_hold(*user, order, &outcome, Race::Decided),
            None => write.outcome(*user, order, &outcome, Race::Decided),
        };
        let write = write.movement(*user, &plan.cash.0, &plan.cash.1, &Race::Moved).movement(
            *user,
            &plan.asset.0,
            &plan.asset.1,
            &Race::Moved,
        );
        Ok(Race::won(write.into_write().commit().await)?.then_some(Settled { at }))
    }
}

fn plan(
    settlement: &Settlement,
    hold: Option<OpenHold>,
    state: SettlementState,
    now: Timestamp,
) -> Result<Plan, AccountsError> {
    let cash = state.cash.ok_or(AccountsError::UnknownUser)?;
    let asset = state.asset.unwrap_or_else(|| Holding::empty(settlement.asset, now));
    let at = now.max(cash.updated_at).max(asset.updated_at);
    let (of_cash, of_asset) = Movement::of_trade(settlement);
    let apply = |position: &Holding, movement: &Movement| {
        let record = Record { id: EntryId::generate(), at, description: None };
        let applied = match hold.filter(|hold| hold.asset == position.asset) {
            Some(hold) => position.apply_from_hold(hold.amount, movement, record),
            None => Some(position.apply(movement, record)),
        };
        match applied {
            Some(Ok(applied)) => Ok(applied),
            Some(Err(UserError::Accounts(error))) => Err(error),
            Some(Err(error)) => Err(Outage::internal("settle", &error).into()),
            None => Err(Outage::internal("settle", &"less is held than for this order").into()),
        }
    };
    Ok(Plan { cash: apply(&cash, &of_cash)?, asset: apply(&asset, &of_asset)?, at })
}
