//! Ticks: the prices change, and the triggers look.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tradepost_order::OrderService;
use tradepost_platform::dynamo::Dynamo;

use crate::Outcome;
use crate::book::Book;
use crate::market::{Move, Way};
use crate::platform::Platform;

/// How many ticks may pass until what a large move left is filled.
const CATCH_UP_TICKS: usize = 60;

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
pub struct Desk<'a> {
    platform: &'a Platform,
    service: Arc<OrderService>,
    store: Dynamo,
    version: u64,
    /// Where prices stay until all that they reach is filled.
    moves: Vec<Move>,
}

impl<'a> Desk<'a> {
    /// One that knows nothing yet, and keeps what it learns for so long.
    pub fn new(platform: &'a Platform, sweep_interval_ms: u32) -> Outcome<Self> {
        let store = platform.store();
        let service = platform.orders(&store, platform.counted_accounts(&store)?, sweep_interval_ms)?;
        Ok(Self { platform, service, store, version: 0, moves: Vec::new() })
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
        let mut run = Run { title: title.to_owned(), ticks: Vec::new(), backlog: 0 };
        let mut paces = pace.map(tokio::time::interval);
        if let Some(paces) = &mut paces {
            paces.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        for number in 0..ticks {
            let (orders, of_each) = reach(number);
            if self.backlog(book) == 0 {
                self.moves.clear();
            }
            self.moves.extend(book.reach(orders, of_each)?);
            self.platform.market.tick(&self.moves)?;
            let mut late = Duration::ZERO;
            if let Some(paces) = &mut paces {
                late = paces.tick().await.elapsed();
            }
            run.ticks.push(self.tick(late).await?);
        }
        run.backlog = self.backlog(book);
        eprintln!("{title}: {ticks} ticks, {} orders left over", run.backlog);
        Ok(run)
    }

    /// Goes on until everything reached is filled, and answers how many ticks that took.
    pub async fn catch_up(&mut self, book: &Book) -> Outcome<usize> {
        for ticks in 0..CATCH_UP_TICKS {
            if self.backlog(book) == 0 {
                return Ok(ticks);
            }
            // An asset may have been moved both ways meanwhile, and has one price at a time.
            let way = if ticks.is_multiple_of(2) { Way::Fall } else { Way::Rise };
            let moves: Vec<_> = self.moves.iter().copied().filter(|moved| moved.side.way == way).collect();
            self.platform.market.tick(&moves)?;
            self.tick(Duration::ZERO).await?;
            tokio::time::sleep(crate::SECOND).await;
        }
        Err(format!("{} orders that were reached are still open", self.backlog(book)).into())
    }

    fn backlog(&self, book: &Book) -> usize {
        book.reached().saturating_sub(self.platform.settled())
    }

    async fn tick(&mut self, late: Duration) -> Outcome<Tick> {
        let ((reads, writes), fills) = (self.store.calls().so_far(), self.platform.settled());
        let begun = Instant::now();
        self.version = self.service.trigger(self.version).await?;
        let (took, now) = (begun.elapsed(), self.store.calls().so_far());
        let fills = self.platform.settled() - fills;
        Ok(Tick { took, late, reads: now.0 - reads, writes: now.1 - writes, fills })
    }
}
