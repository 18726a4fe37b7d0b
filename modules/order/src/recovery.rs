//! Finishing what was left unfinished, after a crash, a lost answer, or an outage between two writes; and ending
//! what has expired.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tradepost_kernel::Timestamp;
use tradepost_problem::Outage;

use crate::domain::{Intent, Order, Stage};
use crate::service::{Intended, OrderService};
use crate::store::{self, Closing, DueOrder};

/// The first pause between two attempts; each further one is twice as long.
const FIRST_PAUSE_S: u32 = 4;
const LONGEST_PAUSE_S: u32 = 60;
/// The pause between two attempts at a dead letter.
const DEAD_PAUSE: TimeDelta = TimeDelta::hours(1);
/// Whoever starts a process anew may have mended what was in the way: all dead letters are tried at once, and for this
/// long after that, those that still fail come again soon, because what they need may be starting too.
const REVIVAL: TimeDelta = TimeDelta::minutes(2);
const REVIVAL_PAUSE: TimeDelta = TimeDelta::seconds(10);
/// How many orders of a shard are finished in one pass, the longest due first.
const BATCH: usize = 25;

/// One look at what is due.
#[derive(Clone, Copy)]
struct Look {
    now: Timestamp,
    /// Dead letters that are due by then are tried.
    dead_by: Timestamp,
    /// When a dead letter that cannot be finished comes again.
    dead_pause: TimeDelta,
}

impl Look {
    fn at(now: Timestamp) -> Self {
        Self { now, dead_by: now, dead_pause: DEAD_PAUSE }
    }

    /// The look of a process that started at this moment, or has just started.
    fn of_process(now: Timestamp, start: Timestamp, is_first: bool) -> Self {
        let dead_by = if is_first { now + DEAD_PAUSE * 2 } else { now };
        let dead_pause = if now < start + REVIVAL { REVIVAL_PAUSE } else { DEAD_PAUSE };
        Self { now, dead_by, dead_pause }
    }
}

/// When an order that is taken up now may be taken up again.
fn next_due(now: Timestamp, attempts: u32) -> Timestamp {
    let pause = FIRST_PAUSE_S.saturating_mul(2_u32.saturating_pow(attempts)).min(LONGEST_PAUSE_S);
    now + TimeDelta::seconds(i64::from(pause))
}

impl OrderService {
    /// Looks for unfinished and expired orders and finishes them, every so often until `stop` turns true. It may be stopped
    /// anywhere, as a crash may: what it leaves is found by the next look of whichever process is left.
    pub async fn run_recovery(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let pause = Duration::from_millis(u64::from(self.settings.recovery_interval_ms.max(1)));
        let mut looks = tokio::time::interval(pause);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let look_on = async {
            let (start, mut is_first) = (self.clock.now(), true);
            loop {
                looks.tick().await;
                let look = Look::of_process(self.clock.now(), start, is_first);
                // An outage has been logged where it happened; the next look comes anyhow.
                is_first &= self.recover_all_due(look).await.is_err();
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = look_on => {}
        }
    }

    /// One look: finishes the orders that are due and answers how many that were.
    ///
    /// # Errors
    /// [`Outage`] when what is due cannot be read. An order that cannot be finished now is left for later.
    pub async fn recover_due(&self, now: Timestamp) -> Result<usize, Outage> {
        self.recover_all_due(Look::at(now)).await
    }

    async fn recover_all_due(&self, look: Look) -> Result<usize, Outage> {
        let now = look.now;
        let (mut recovered, mut oldest) = (0, now);
        for shard in store::shards() {
            let due = self.store.due(shard, now, BATCH).await?;
            oldest = due.iter().filter_map(|due| due.order.due()).fold(oldest, Timestamp::min);
            recovered += self.recover_all(due, look).await;
        }
        let (count, due) = self.store.dead_letters(look.dead_by).await?;
        recovered += self.recover_all(due, look).await;
        let age = now.signed_duration_since(oldest).to_std().unwrap_or_default();
        metrics::gauge!("tradepost_recovery_queue_age_seconds").set(age);
        metrics::gauge!("tradepost_dead_letters").set(u32::try_from(count).unwrap_or(u32::MAX));
        Ok(recovered)
    }

    async fn recover_all(&self, due: Vec<DueOrder>, look: Look) -> usize {
        let mut recovered = 0;
        for due in due {
            match self.recover(due, look).await {
                Ok(finished) => recovered += usize::from(finished),
                // The others would hardly fare better, and stay due.
                Err(_) => break,
            }
        }
        recovered
    }

    async fn recover(&self, due: DueOrder, look: Look) -> Result<bool, Outage> {
        match due.order.stage() {
            Stage::Waiting => self.expire(due.order, look.now).await,
            _ => self.finish(due, look).await,
        }
    }

    /// An intent is a claim: of several processes one writes it down.
    async fn expire(&self, order: Order, now: Timestamp) -> Result<bool, Outage> {
        match self.intend(order, Intent::Expire { at: now }).await? {
            Intended::Mine(ending) => Ok(self.end(&ending).await?.order.status.is_final()),
            Intended::Another(_) => Ok(false),
        }
    }

    /// Claims first, so that of several processes one does the work; were two to do it, the outcome would be
    /// the same.
    async fn finish(&self, due: DueOrder, look: Look) -> Result<bool, Outage> {
        let now = look.now;
        let attempts = due.attempts.saturating_add(1);
        let is_dead = attempts >= self.settings.recovery_max_attempts;
        let until = if is_dead { now + look.dead_pause } else { next_due(now, due.attempts) };
        if !self.store.claim(&due, until, is_dead).await? {
            return Ok(false);
        }
        let (before, order_id) = (due.order.clone(), due.order.order_id.clone());
        let outcome = self.decide(due.order).await.inspect_err(|_| {
            metrics::counter!("tradepost_recoveries_total", "outcome" => "outage").increment(1);
            tracing::warn!(%order_id, attempts, is_dead, "an unfinished order has no outcome yet");
        })?;
        if let Closing::Earlier(_) = self.advance(&before, &outcome).await? {
            return Ok(false);
        }
        let order = outcome.order;
        let status = order.status.as_str();
        metrics::counter!("tradepost_recoveries_total", "outcome" => status).increment(1);
        tracing::info!(%order_id, attempts, status, "finished an unfinished order");
        if order.stage() == Stage::Waiting {
            self.look_once_more(order).await;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use tradepost_kernel::Timestamp;

    use super::next_due;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let now = Timestamp::UNIX_EPOCH;
        let pauses: Vec<_> =
            [0, 1, 2, 3, 4, 5, 31, 32, u32::MAX].map(|n| next_due(now, n).timestamp()).into();
        assert_eq!(pauses, [4, 8, 16, 32, 60, 60, 60, 60, 60]);
    }
}
