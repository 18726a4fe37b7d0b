//! Simulated prices: a pure function of seed, asset and time, in whole numbers, so that replicas and restarts
//! agree to the last digit and a price of the past need not be kept to be known.

mod course;
mod day;
mod noise;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tradepost_kernel::{AssetId, Price, Timestamp};

use self::course::Course;
use self::day::Day;
use super::{Feed, FeedError, Moment};
use crate::domain::{Candle, CatalogEntry, Figures, Interval, Observed, Point, Row, Tick};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_HOURS: i64 = 7 * 24;

/// Made-up prices around the reference prices of the catalog.
pub struct Simulated {
    assets: Vec<(CatalogEntry, Course)>,
    index: HashMap<AssetId, usize>,
    tick: Duration,
    /// What the newest tick knows of each asset that the next one may take over.
    past: Mutex<Vec<Past>>,
}

/// What changes slowly: the range of the last day, and the prices of the last week.
struct Past {
    day: Day,
    /// The full hour of the newest price of the week.
    hour_ms: i64,
    week: Arc<[Price]>,
}

impl Past {
    fn at(course: &Course, at_ms: i64, step_ms: i64, previous: Option<&Self>) -> Self {
        let hour_ms = Interval::Hour.start_of(at_ms);
        let week = match previous {
            Some(previous) if previous.hour_ms == hour_ms => Arc::clone(&previous.week),
            _ => (0..WEEK_HOURS).rev().map(|back| course.price(hour_ms - back * HOUR_MS)).collect(),
        };
        Self { day: Day::at(course, at_ms, step_ms, previous.map(|previous| &previous.day)), hour_ms, week }
    }
}

impl Simulated {
    /// The courses that `seed` chooses for the assets of a catalog, with a price every `tick`.
    pub fn new(seed: u64, tick: Duration, catalog: Vec<CatalogEntry>) -> Self {
        let index = catalog.iter().enumerate().map(|(place, entry)| (entry.asset.id, place)).collect();
        let assets = catalog.into_iter().map(|entry| (Course::new(seed, &entry), entry));
        let assets = assets.map(|(course, entry)| (entry, course)).collect();
        Self { assets, index, tick, past: Mutex::default() }
    }

    fn step_ms(&self) -> i64 {
        i64::try_from(self.tick.as_millis()).unwrap_or(i64::MAX)
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
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let (at_ms, step_ms) = (at.timestamp_millis(), self.step_ms());
        let next = |(place, (_, course)): (usize, &(CatalogEntry, Course))| {
            Past::at(course, at_ms, step_ms, past.get(place))
        };
        *past = self.assets.iter().enumerate().map(next).collect();
        let rows = self.assets.iter().zip(past.iter());
        Some(rows.map(|((entry, course), past)| Arc::new(row(entry, course, at, past))).collect())
    }

    fn candles(&self, asset: AssetId, interval: Interval, range: Range<i64>) -> Option<Vec<Candle>> {
        let (_, course) = self.assets.get(*self.index.get(&asset)?)?;
        Some(course.candles(interval, range.start, range.end, self.step_ms()))
    }

    async fn fetch(&self, _: Moment) -> Result<Vec<Row>, FeedError> {
        Ok(Vec::new())
    }
}

fn row(entry: &CatalogEntry, course: &Course, at: Timestamp, past: &Past) -> Row {
    let at_ms = at.timestamp_millis();
    let price = course.price(at_ms);
    let observed = Observed {
        now: Point { price, at },
        day_ago: course.price(at_ms - DAY_MS),
        week_ago: course.price(at_ms - 7 * DAY_MS),
        month_ago: course.price(at_ms - 30 * DAY_MS),
        high: past.day.high,
        low: past.day.low,
    };
    Row {
        asset: Arc::clone(&entry.asset),
        tick: Some(Tick { price, as_of: at }),
        figures: Figures::derive(entry, &observed),
        minute: None,
        sparkline: Some(Arc::clone(&past.week)),
    }
}
