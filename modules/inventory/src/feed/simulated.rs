//! Simulated prices: a pure function of seed, asset and time, in whole numbers, so that replicas and restarts
//! agree to the last digit and a price of the past need not be kept to be known.

mod course;
mod day;
mod noise;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tradepost_kernel::Timestamp;

use self::course::Course;
use self::day::Day;
use super::{Feed, FeedError, Moment};
use crate::domain::{CatalogEntry, Figures, Observed, Point, Row, Tick};

const DAY_MS: i64 = 86_400_000;

/// Made-up prices around the reference prices of the catalog.
pub struct Simulated {
    assets: Vec<(CatalogEntry, Course)>,
    tick: Duration,
    /// The range of the last day of each asset, as of the newest tick.
    days: Mutex<Vec<Day>>,
}

impl Simulated {
    /// The courses that `seed` chooses for the assets of a catalog, with a price every `tick`.
    pub fn new(seed: u64, tick: Duration, catalog: Vec<CatalogEntry>) -> Self {
        let assets = catalog.into_iter().map(|entry| (Course::new(seed, &entry), entry));
        let assets = assets.map(|(course, entry)| (entry, course)).collect();
        Self { assets, tick, days: Mutex::default() }
    }
}

#[async_trait]
impl Feed for Simulated {
    fn source(&self) -> &'static str {
        "simulated"
    }

    fn interval(&self) -> Duration {
        self.tick
    }

    fn computed(&self, at: Timestamp) -> Option<Vec<Arc<Row>>> {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let at_ms = at.timestamp_millis();
        let day = |(place, (_, course)): (usize, &(CatalogEntry, Course))| {
            let known = days.get(place).filter(|day| day.holds_at(at_ms)).cloned();
            known.unwrap_or_else(|| Day::sample(course, at_ms))
        };
        *days = self.assets.iter().enumerate().map(day).collect();
        let rows = self.assets.iter().zip(days.iter());
        Some(rows.map(|((entry, course), day)| Arc::new(row(entry, course, at, day))).collect())
    }

    async fn fetch(&self, _: Moment) -> Result<Vec<Row>, FeedError> {
        Ok(Vec::new())
    }
}

fn row(entry: &CatalogEntry, course: &Course, at: Timestamp, day: &Day) -> Row {
    let at_ms = at.timestamp_millis();
    let price = course.price(at_ms);
    let observed = Observed {
        now: Point { price, at },
        day_ago: course.price(at_ms - DAY_MS),
        week_ago: course.price(at_ms - 7 * DAY_MS),
        month_ago: course.price(at_ms - 30 * DAY_MS),
        high: day.high,
        low: day.low,
    };
    Row {
        asset: Arc::clone(&entry.asset),
        tick: Some(Tick { price, as_of: at }),
        figures: Figures::derive(entry, &observed),
        minute: None,
    }
}
