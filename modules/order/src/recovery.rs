//! Finishing what was left pending: after a crash, a lost answer, or an outage between two writes.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tradepost_kernel::Timestamp;
use tradepost_problem::Outage;

use crate::domain::Order;
use crate::service::{OrderService, count};
use crate::store::{self, Closing, DueOrder};

/// As long as the writes of a request may take; before that, whoever took the order is most likely still at it.
const GRACE: TimeDelta = TimeDelta::seconds(3);
/// The first pause between two attempts; each further one is twice as long.
const FIRST_PAUSE_S: u32 = 4;
const LONGEST_PAUSE_S: u32 = 60;
/// How many orders of a shard are finished in one pass, the longest due first.
const BATCH: usize = 25;

/// When somebody else may take up an order that was just accepted.
pub(crate) fn first_due(order: &Order) -> Timestamp {
    order.created_at + GRACE
}

/// When an order that is taken up now may be taken up again.
fn next_due(now: Timestamp, attempts: u32) -> Timestamp {
    let pause = FIRST_PAUSE_S.saturating_mul(2_u32.saturating_pow(attempts)).min(LONGEST_PAUSE_S);
    now + TimeDelta::seconds(i64::from(pause))
}

impl OrderService {
    /// Looks for pending orders and finishes them, every so often until `stop` turns true. It may be stopped
    /// anywhere, as a crash may: what it leaves is found by the next look of whichever process is left.
    pub async fn run_recovery(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let pause = Duration::from_millis(u64::from(self.settings.recovery_interval_ms.max(1)));
        let mut looks = tokio::time::interval(pause);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let look_on = async {
            loop {
                looks.tick().await;
                // An outage has been logged where it happened; the next look comes anyhow.
                let _ = self.recover_due(self.clock.now()).await;
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
        let mut recovered = 0;
        let mut oldest = now;
        for shard in store::shards() {
            for due in self.store.due(shard, now, BATCH).await? {
                oldest = oldest.min(due.order.created_at);
                match self.recover(due, now).await {
                    Ok(finished) => recovered += usize::from(finished),
                    // The others of this shard would hardly fare better, and stay due.
                    Err(_) => break,
                }
            }
        }
        let age = now.signed_duration_since(oldest).to_std().unwrap_or_default();
        metrics::gauge!("tradepost_recovery_queue_age_seconds").set(age);
        Ok(recovered)
    }

    /// Claims first, so that of several processes one does the work; were two to do it, the outcome would be
    /// the same.
    async fn recover(&self, due: DueOrder, now: Timestamp) -> Result<bool, Outage> {
        if !self.store.claim(&due, next_due(now, due.attempts)).await? {
            return Ok(false);
        }
        let (order_id, attempts) = (due.order.order_id.clone(), due.attempts + 1);
        let outcome = self.settle(due.order).await.inspect_err(|_| {
            metrics::counter!("tradepost_recoveries_total", "outcome" => "outage").increment(1);
            tracing::warn!(%order_id, attempts, "a pending order has no outcome yet");
        })?;
        if let Closing::Earlier(_) = self.store.close(&outcome.order).await? {
            return Ok(false);
        }
        let status = outcome.order.status.as_str();
        count(&outcome.order);
        metrics::counter!("tradepost_recoveries_total", "outcome" => status).increment(1);
        tracing::info!(%order_id, attempts, status, "finished a pending order");
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
