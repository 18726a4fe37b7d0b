//! Ticks: the prices change, and the triggers look.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tradepost_order::OrderService;
use tradepost_platform::dynamo::Dynamo;

use crate::Outcome;
use crate::book::Book;
use crate::counted::Counted;
use crate::market::Market;
use crate::platform::Platform;

/// Ticks of one kind.
pub struct Run {
    pub title: String,
    pub ticks: Vec<Tick>,
    /// Orders reached that were not filled when the last tick ended.
    pub backlog: usize,
}

pub struct Tick {
    pub took: Duration,
    /// How much later it began than it was due.
    pub late: Duration,
    pub reads: u64,
    pub writes: u64,
    pub fills: usize,
}

/// A process whose triggers are measured.
pub struct Desk {
    market: Arc<Market>,
    service: Arc<OrderService>,
    accounts: Arc<Counted>,
    store: Dynamo,
    version: u64,
}

impl Desk {
    /// One that knows nothing yet, and keeps what it learns for so long.
    pub fn new(platform: &Platform, sweep_interval_ms: u32) -> Outcome<Self> {
        let store = platform.store();
        let accounts = Arc::new(Counted::new(platform.accounts(&store)?));
        let service = platform.orders(&store, accounts.clone(), sweep_interval_ms)?;
        Ok(Self { market: Arc::clone(&platform.market), service, accounts, store, version: 0 })
    }

    /// Runs ticks, at a pace or one right after the other. `reach` says how many orders each reaches, and how many of
    /// one asset and way.
    pub async fn run(
        &mut self,
        title: &str,
        book: &mut Book,
        ticks: usize,
        pace: Option<Duration>,
        reach: impl Fn(usize) -> (usize, usize),
    ) -> Outcome<Run> {
        let (settled, reached) = (self.accounts.settled(), book.reached());
        let mut run = Run { title: title.to_owned(), ticks: Vec::new(), backlog: 0 };
        let mut paces = pace.map(tokio::time::interval);
        if let Some(paces) = &mut paces {
            paces.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        for number in 0..ticks {
            let (orders, of_each) = reach(number);
            self.market.tick(&book.reach(orders, of_each)?)?;
            let mut late = Duration::ZERO;
            if let Some(paces) = &mut paces {
                late = paces.tick().await.elapsed();
            }
            run.ticks.push(self.tick(late).await?);
        }
        let filled = self.accounts.settled() - settled;
        run.backlog = (book.reached() - reached).saturating_sub(filled);
        eprintln!("{title}: {filled} filled in {ticks} ticks");
        Ok(run)
    }

    async fn tick(&mut self, late: Duration) -> Outcome<Tick> {
        let ((reads, writes), fills) = (self.store.calls().so_far(), self.accounts.settled());
        let begun = Instant::now();
        self.version = self.service.trigger(self.version).await?;
        let (took, now) = (begun.elapsed(), self.store.calls().so_far());
        let fills = self.accounts.settled() - fills;
        Ok(Tick { took, late, reads: now.0 - reads, writes: now.1 - writes, fills })
    }
}
