//! Setting something aside for an order, and giving it back: one read and one transaction each.

use tradepost_kernel::{AssetId, EntryId};
use tradepost_problem::Outage;
use tradepost_user_api::{AccountsError, Held, Hold, HoldEnd, Release};

use super::outcome::Race;
use super::{MOST_RACES, UserService};
use crate::domain::{Holding, OpenHold, Outcome};

impl UserService {
    pub(super) async fn hold_once(&self, hold: &Hold) -> Result<Held, AccountsError> {
        let _turn = self.queue.turn(hold.user).await;
        for _ in 0..MOST_RACES {
            let state = self.store.hold(hold.user, hold.asset, &hold.order).await?;
            if let Some(outcome) = state.outcome {
                return outcome.of_hold();
            }
            match self.set_aside(hold, state.position) {
                Ok(next) => {
                    if self.write_hold(hold, &next).await? {
                        return Ok(Held { at: next.updated_at });
                    }
                }
                Err(reason) => {
                    if self.write_refusal(hold.user, &hold.order, &reason).await? {
                        return Err(reason);
                    }
                }
            }
        }
        Err(Outage::busy("hold").into())
    }

    fn set_aside(&self, hold: &Hold, position: Option<Holding>) -> Result<Holding, AccountsError> {
        let now = self.clock.now();
        if now > hold.hold_by {
            return Err(AccountsError::SettlementExpired);
        }
        // Every user has cash, be it none; an asset is there once it was bought.
        let position = match position {
            None if hold.asset == AssetId::USD => return Err(AccountsError::UnknownUser),
            None => Holding::empty(hold.asset, now),
            Some(position) => position,
        };
        position.hold(hold.amount, now)
    }

    /// False when a race was lost.
    async fn write_hold(&self, hold: &Hold, next: &Holding) -> Result<bool, Outage> {
        let outcome = Outcome::Held { asset: hold.asset, amount: hold.amount, held_at: next.updated_at };
        // Each attempt has an id of its own: of two processes neither may take what the other wrote for its own.
        let write = self
            .store
            .write(EntryId::generate())
            .outcome(hold.user, &hold.order, &outcome, Race::Decided)
            .position(hold.user, next, Race::Moved);
        Race::won(write.into_write().commit().await)
    }

    pub(super) async fn release_once(&self, release: &Release) -> Result<HoldEnd, AccountsError> {
        let _turn = self.queue.turn(release.user).await;
        for _ in 0..MOST_RACES {
            let state = self.store.hold(release.user, release.asset, &release.order).await?;
            let end = match state.outcome.map(|outcome| outcome.of_release()) {
                Some(Ok(end)) => return Ok(end),
                Some(Err(hold)) => self.end_hold(release, hold, state.position).await?,
                None => self.rule_out(release).await?,
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
        Err(Outage::busy("release").into())
    }

    /// `None` when a race was lost.
    async fn end_hold(
        &self,
        release: &Release,
        hold: OpenHold,
        position: Option<Holding>,
    ) -> Result<Option<HoldEnd>, Outage> {
        let now = self.clock.now().max(hold.held_at);
        let position = position.filter(|position| position.asset == hold.asset);
        let Some(next) = position.and_then(|position| position.release(hold.amount, now)) else {
            return Err(Outage::internal("release", &"the position does not hold what the order does"));
        };
        let at = next.updated_at;
        let outcome = Outcome::Released { at, held_at: Some(hold.held_at) };
        let write = self
            .store
            .write(EntryId::generate())
            .end_of_hold(release.user, &release.order, &outcome, Race::Decided)
            .position(release.user, &next, Race::Moved);
        let won = Race::won(write.into_write().commit().await)?;
        Ok(won.then_some(HoldEnd::Released { at }))
    }

    /// Sees to it that a hold that comes late is refused. `None` when a race was lost.
    async fn rule_out(&self, release: &Release) -> Result<Option<HoldEnd>, Outage> {
        let at = self.clock.now();
        let outcome = Outcome::Released { at, held_at: None };
        let write = self.store.write(EntryId::generate());
        let write = write.outcome(release.user, &release.order, &outcome, Race::Decided);
        let won = Race::won(write.into_write().commit().await)?;
        Ok(won.then_some(HoldEnd::Released { at }))
    }
}

#[cfg(test)]
#[path = "hold_tests/mod.rs"]
mod tests;
