//! Asking the feed, on behalf of all processes: whoever holds the lease does, and writes what it was told where the
//! others read it. A lease that is not renewed runs out, and another process goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use rand::RngExt;
use tokio::sync::watch;
use tokio::time::Instant;
use tradepost_kernel::RequestId;
use tradepost_problem::Outage;

use super::{Inventory, stopped};
use crate::domain::{Guard, Intake, Row, take_in};
use crate::feed::{FeedError, Moment};
use crate::store::{FeedHead, Minute, Store};

/// After so many failures in a row another process may try, in case it is this one that cannot reach the feed.
const FAILURES: u32 = 3;
/// The longest pause after failures, in intervals of the feed, unless the feed itself asks for a longer one.
const LONGEST_PAUSE: u32 = 4;

/// What the process that asks the feed goes by.
struct Shift<'a> {
    inventory: &'a Inventory,
    store: &'a Store,
    /// The name of this process in the lease.
    name: String,
    held: Option<Held>,
    failures: u32,
    /// Not before this is the lease asked for.
    abstains_until: Instant,
    /// Not before this is the feed asked.
    not_before: Instant,
}

/// A lease, and what is done under it.
struct Held {
    head: FeedHead,
    rows: Vec<Arc<Row>>,
    guard: Guard,
    next_fetch: Instant,
    next_renewal: Instant,
}

impl Inventory {
    pub(super) async fn feed(&self, mut stop: watch::Receiver<bool>) {
        let Some(store) = self.store.as_ref().filter(|_| !self.is_computed) else { return };
        let mut shift = Shift::new(self, store);
        loop {
            let pause = tokio::select! {
                () = stopped(&mut stop) => return shift.end().await,
                pause = shift.step() => pause,
            };
            tokio::select! {
                () = stopped(&mut stop) => return shift.end().await,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

impl<'a> Shift<'a> {
    fn new(inventory: &'a Inventory, store: &'a Store) -> Self {
        let name = RequestId::generate().as_str().to_owned();
        let now = Instant::now();
        Self { inventory, store, name, held: None, failures: 0, abstains_until: now, not_before: now }
    }

    /// Does what is due, and answers after how long the next thing is.
    async fn step(&mut self) -> Duration {
        let now = Instant::now();
        let done = match &self.held {
            None if now >= self.abstains_until => self.acquire().await,
            None => Ok(()),
            Some(held) if now >= held.next_fetch => self.ask().await,
            Some(held) if now >= held.next_renewal => self.renew().await,
            Some(_) => Ok(()),
        };
        if done.is_err() {
            // It is not known what was written; whoever has the lease then goes on from that.
            self.lose("the table cannot be written");
        }
        let lease = self.inventory.settings.lease();
        match &self.held {
            Some(held) => held.next_fetch.min(held.next_renewal).saturating_duration_since(Instant::now()),
            None => {
                self.abstains_until.saturating_duration_since(Instant::now()).clamp(lease / 10, lease / 3)
            }
        }
    }

    /// Takes the lease if nobody has it, and goes on where the last holder was.
    async fn acquire(&mut self) -> Result<(), Outage> {
        let found = self.store.heads().await?.feed;
        let now = self.inventory.clock.now();
        if found.as_ref().is_some_and(|head| head.until > now && head.holder != self.name) {
            return Ok(());
        }
        let feed = self.inventory.feed.fingerprint();
        let same = found.as_ref().filter(|head| head.feed == feed);
        let head = FeedHead {
            version: found.as_ref().map_or(1, |head| head.version + 1),
            holder: self.name.clone(),
            until: self.until(),
            since: same.map_or(now, |head| head.since),
            revision: found.as_ref().map_or(0, |head| head.revision),
            at: found.as_ref().map_or(now, |head| head.at),
            not_before: same.and_then(|head| head.not_before),
            parts: found.as_ref().map_or(0, |head| head.parts),
            minute_ms: found.as_ref().map_or(0, |head| head.minute_ms),
            feed,
        };
        let goes_on = same.is_some();
        if !self.store.lease(found.as_ref(), &head).await? {
            return Ok(());
        }
        let rows = if goes_on { self.store.market(&head).await?.unwrap_or_default() } else { Vec::new() };
        let rows = rows.into_iter().map(Arc::new).collect();
        let settings = &self.inventory.settings;
        let guard = Guard::new(settings.max_jump_percent, settings.jump_confirmations);
        let wait = head.not_before.and_then(|moment| moment.signed_duration_since(now).to_std().ok());
        let now = Instant::now();
        let not_before = self.not_before.max(now + wait.unwrap_or_default());
        let next_renewal = now + settings.lease() / 3;
        self.held = Some(Held { head, rows, guard, next_fetch: now.max(not_before), next_renewal });
        self.tell(true);
        tracing::info!(source = self.inventory.feed.source(), "this process asks the feed");
        Ok(())
    }

    async fn ask(&mut self) -> Result<(), Outage> {
        let Some(held) = &mut self.held else { return Ok(()) };
        let inventory = self.inventory;
        let moment = Moment { now: inventory.clock.now(), since: held.head.since };
        // A feed that takes its time must not cost the lease.
        let fetch = tokio::time::timeout(inventory.settings.lease() / 2, inventory.feed.fetch(moment));
        let said =
            fetch.await.unwrap_or_else(|_| Err(FeedError::Unavailable("no answer in time".to_owned())));
        match said {
            Ok(rows) => {
                self.failures = 0;
                held.next_fetch = Instant::now() + inventory.feed.interval();
                self.publish(rows).await
            }
            Err(error) => {
                self.failed(&error);
                let is_elsewhere = matches!(error, FeedError::Unavailable(_));
                if is_elsewhere && self.failures.is_multiple_of(FAILURES) {
                    self.hand_over().await
                } else {
                    self.renew().await
                }
            }
        }
    }

    /// Lets another process try; if there is none, this one goes on.
    async fn hand_over(&mut self) -> Result<(), Outage> {
        if let Some(held) = self.held.take() {
            tracing::info!(source = self.inventory.feed.source(), "another process may try to ask the feed");
            self.abstains_until = Instant::now() + self.inventory.settings.lease() / 2;
            self.not_before = held.next_fetch;
            self.tell(false);
            self.release(&held).await?;
        }
        Ok(())
    }

    async fn release(&self, held: &Held) -> Result<bool, Outage> {
        let (version, until) = (held.head.version + 1, self.inventory.clock.now());
        self.store.lease(Some(&held.head), &FeedHead { version, until, ..held.head.clone() }).await
    }

    async fn publish(&mut self, said: Vec<Row>) -> Result<(), Outage> {
        let until = self.until();
        let Some(held) = &mut self.held else { return Ok(()) };
        let (now, settings) = (self.inventory.clock.now(), &self.inventory.settings);
        let keep = TimeDelta::days(settings.history_days.into());
        let Intake { mut rows, closed, quarantined } = take_in(&held.rows, said, now, keep, &mut held.guard);
        if !quarantined.is_empty() {
            let some = quarantined.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join(" ");
            tracing::warn!(quarantined = quarantined.len(), some, "prices that jumped too far are held back");
            count("jump", quarantined.len());
        }
        if rows.len() > crate::store::MOST_ASSETS {
            count("too_many", rows.len() - crate::store::MOST_ASSETS);
            rows.truncate(crate::store::MOST_ASSETS);
        }
        let head = FeedHead {
            version: held.head.version + 1,
            until,
            revision: held.head.revision + 1,
            at: now,
            not_before: None,
            parts: Store::parts(rows.len()),
            minute_ms: closed.first().map_or(held.head.minute_ms, |(_, candle)| candle.start_ms),
            ..held.head.clone()
        };
        let minute = closed.first().map(|(_, candle)| Minute {
            start_ms: candle.start_ms,
            candles: &closed,
            expires_at: (now + keep).timestamp(),
        });
        if !self.store.publish(&held.head, &head, &rows, minute).await? {
            self.lose("another process took it");
            return Ok(());
        }
        (held.head, held.rows) = (head, rows);
        held.next_renewal = Instant::now() + settings.lease() / 3;
        // This process need not read what it wrote.
        let rows = held.rows.iter().map(|row| Row::clone(row)).collect();
        self.inventory.show_market(rows, &held.head);
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), Outage> {
        let until = self.until();
        let Some(held) = &mut self.held else { return Ok(()) };
        let head = FeedHead { version: held.head.version + 1, until, ..held.head.clone() };
        if !self.store.lease(Some(&held.head), &head).await? {
            self.lose("another process took it");
            return Ok(());
        }
        held.head = head;
        held.next_renewal = Instant::now() + self.inventory.settings.lease() / 3;
        Ok(())
    }

    /// Waits the longer the more often it failed, with jitter, and not shorter than the feed asks for.
    fn failed(&mut self, error: &FeedError) {
        self.failures += 1;
        metrics::counter!("tradepost_feed_errors_total", "kind" => error.label()).increment(1);
        let interval = self.inventory.feed.interval().max(Duration::from_secs(1));
        let ceiling = interval * 2_u32.saturating_pow(self.failures).min(LONGEST_PAUSE);
        let pause = rand::rng().random_range(ceiling / 2..=ceiling);
        let asked = match error {
            FeedError::Limited { retry_after } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let pause = pause.max(asked);
        let (source, failures, again_in_s) = (self.inventory.feed.source(), self.failures, pause.as_secs());
        tracing::warn!(source, failures, again_in_s, %error, "the feed gives no prices");
        if let Some(held) = &mut self.held {
            held.next_fetch = Instant::now() + pause;
            // Whoever asks in its place keeps to what the feed said too.
            let asked = TimeDelta::from_std(asked).ok().filter(|asked| !asked.is_zero());
            held.head.not_before = asked.map(|asked| self.inventory.clock.now() + asked);
        }
    }

    fn until(&self) -> tradepost_kernel::Timestamp {
        let lease = TimeDelta::from_std(self.inventory.settings.lease()).unwrap_or(TimeDelta::MAX);
        self.inventory.clock.now() + lease
    }

    fn tell(&self, feeds: bool) {
        self.inventory.feeds.store(feeds, Ordering::Relaxed);
        metrics::gauge!("tradepost_feed_holder").set(u32::from(feeds));
    }

    fn lose(&mut self, why: &str) {
        if self.held.take().is_some() {
            tracing::warn!(why, "this process does not ask the feed any more");
            self.tell(false);
        }
        self.abstains_until = Instant::now() + self.inventory.settings.lease() / 3;
    }

    /// Gives the lease up, so that another process goes on at once.
    async fn end(&mut self) {
        if let Some(held) = self.held.take() {
            // If that fails it runs out.
            let _ = self.release(&held).await;
            self.tell(false);
        }
    }
}

fn count(reason: &'static str, prices: usize) {
    let prices = u64::try_from(prices).unwrap_or(u64::MAX);
    metrics::counter!("tradepost_feed_rejected_total", "reason" => reason).increment(prices);
}
