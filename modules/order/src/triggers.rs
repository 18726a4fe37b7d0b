//! Filling open orders when the market reaches their price.
//!
//! Each tick asks the catalog for the quotes that changed. Where a price moved to one that an open order waits for,
//! as far as this process remembers, the store is asked which orders those are; and so it is, every so often,
//! wherever the memory has become old. Several processes may do this at once: each order takes one intent.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tradepost_inventory_api::{CatalogError, Quote};
use tradepost_kernel::Price;
use tradepost_problem::Outage;

use crate::domain::{Direction, Intent, Look, Order, Watch, is_fresh};
use crate::service::{Intended, OrderService};
use crate::store;

/// How many orders are read in one go.
const PAGE: usize = 25;
/// How many pages one look reads of a shard; the next tick goes on at the price of then.
const PAGES: usize = 40;
/// How many assets are looked at, and how many orders of each are filled, at the same time.
const LOOKS_AT_ONCE: usize = 8;
const FILLS_AT_ONCE: usize = 8;

/// What a look at one shard found.
struct Found {
    /// The nearest price that is still waited for.
    nearest: Option<Price>,
    /// Whether everything the market has reached was filled.
    is_done: bool,
}

impl OrderService {
    /// Looks for prices that changed and fills the orders they reach, every so often until `stop` turns true. It
    /// may be stopped anywhere: what it leaves is found by the next look of whichever process is left.
    pub async fn run_triggers(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let pause = Duration::from_millis(u64::from(self.settings.trigger_interval_ms.max(1)));
        // Not at once: a process that starts has better things to do first.
        let mut ticks = tokio::time::interval_at(Instant::now() + pause, pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let tick_on = async {
            let mut version = 0;
            loop {
                ticks.tick().await;
                // An outage has been logged where it happened; the next tick comes anyhow.
                version = self.trigger(version).await.unwrap_or(version);
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = tick_on => {}
        }
    }

    /// One tick: takes in the quotes that changed since a version, fills what they reach, and answers the version
    /// to go on with.
    ///
    /// # Errors
    /// [`CatalogError`] when the catalog does not answer. Orders that cannot be filled now are left for later.
    pub async fn trigger(&self, version: u64) -> Result<u64, CatalogError> {
        let changes = self.catalog.quotes_since(version).await?;
        let looks = self.memory().update(changes.quotes, &self.settings, self.clock.now());
        stream::iter(looks).for_each_concurrent(LOOKS_AT_ONCE, |look| self.look(look)).await;
        Ok(changes.version)
    }

    async fn look(&self, look: Look) {
        metrics::counter!("tradepost_trigger_looks_total").increment(1);
        self.memory().begin(&look);
        let (mut nearest, mut is_done) = (None, true);
        for shard in store::open_shards() {
            match self.look_at(&look, shard).await {
                Ok(found) => {
                    nearest = look.direction.nearer(nearest, found.nearest);
                    is_done &= found.is_done;
                }
                Err(_) => is_done = false,
            }
        }
        let (pause, now) = (self.settings.sweep_interval(), self.clock.now());
        self.memory().learn(&look, nearest, pause, now);
        if !is_done {
            self.memory().forget(&look);
        }
    }

    async fn look_at(&self, look: &Look, shard: u8) -> Result<Found, Outage> {
        let Look { asset, direction, quote } = look;
        let (mut after, mut is_done) = (None, true);
        for _ in 0..PAGES {
            let page = self.store.open_orders(*asset, *direction, shard, after.as_deref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|open| open.place.clone());
            let (reached, others): (Vec<_>, Vec<_>) = page
                .into_iter()
                .map(|open| open.order)
                .partition(|order| is_reached(order, *direction, quote));
            is_done &= self.fill_all(reached, quote).await;
            if is_last || !others.is_empty() {
                return Ok(Found { nearest: others.first().and_then(|order| order.limit_price), is_done });
            }
        }
        Ok(Found { nearest: None, is_done: false })
    }

    /// Answers whether all of them have come to an end, or to somebody else who ends them.
    async fn fill_all(&self, orders: Vec<Order>, quote: &Quote) -> bool {
        let fills = stream::iter(orders).map(|order| self.fill(order, quote));
        let filled = fills.buffer_unordered(FILLS_AT_ONCE);
        filled.all(|filled| async move { filled.is_ok() }).await
    }

    /// Fills an order that waits, if the market has reached its price and its time is not over. Answers how it
    /// stands then.
    async fn fill(&self, order: Order, quote: &Quote) -> Result<Order, Outage> {
        let Some(intent) = self.intent_to_fill(&order, quote) else { return Ok(order) };
        match self.intend(order, intent).await? {
            Intended::Mine(filling) => Ok(self.end(&filling).await?.order),
            Intended::Another(found) => Ok(found),
        }
    }

    /// How to fill an order at this quote, if it waits for that, and the quote is fresh.
    pub(crate) fn intent_to_fill(&self, order: &Order, quote: &Quote) -> Option<Intent> {
        let now = self.clock.now();
        order.fill(quote, now).filter(|_| is_fresh(quote, &self.settings, now))
    }

    /// Compares an order that was just opened with the newest price, which may have come before it could be found.
    /// If that cannot be done now, it waits for the next tick.
    pub(crate) async fn look_once_more(&self, order: Order) -> Order {
        if let Some((direction, awaited)) = order.order_type.direction().zip(order.limit_price) {
            self.memory().note(order.asset, direction, awaited);
        }
        let listing = self.catalog.listing(order.asset).await.ok().flatten();
        let quote = listing.filter(|listing| listing.tradable).and_then(|listing| listing.quote);
        match quote {
            Some(quote) => self.fill(order.clone(), &quote).await.unwrap_or(order),
            None => order,
        }
    }

    fn memory(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_reached(order: &Order, direction: Direction, quote: &Quote) -> bool {
    order.limit_price.is_some_and(|awaited| direction.reaches(awaited, quote.price))
}
