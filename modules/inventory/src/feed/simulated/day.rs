//! The range of the last 24 hours, looked at every quarter of an hour.

use chrono::DateTime;

use super::Course;
use crate::domain::Point;

const SAMPLE_MS: i64 = 15 * 60_000;
const SAMPLES: i64 = 24 * 4;

/// The highest and lowest price of the samples of a day. They stand at fixed moments, so one look serves
/// every tick until the next of them, and every replica sees the same.
#[derive(Clone, Debug)]
pub struct Day {
    last: i64,
    pub high: Point,
    pub low: Point,
}

impl Day {
    /// Looks at the samples of the 24 hours up to a moment.
    pub fn sample(course: &Course, at_ms: i64) -> Self {
        let last = at_ms.div_euclid(SAMPLE_MS);
        let newest = (course.deviation(last * SAMPLE_MS), last * SAMPLE_MS);
        let (mut high, mut low) = (newest, newest);
        for moment in (1..SAMPLES).map(|back| last.saturating_sub(back).saturating_mul(SAMPLE_MS)) {
            let deviation = course.deviation(moment);
            if deviation > high.0 {
                high = (deviation, moment);
            }
            if deviation < low.0 {
                low = (deviation, moment);
            }
        }
        Self { last, high: point(course, high), low: point(course, low) }
    }

    /// Whether another look at this moment would see the same.
    pub fn holds_at(&self, at_ms: i64) -> bool {
        self.last == at_ms.div_euclid(SAMPLE_MS)
    }
}

fn point(course: &Course, (deviation, moment): (i64, i64)) -> Point {
    // A moment out of the calendar's range is 262 000 years away.
    let at = DateTime::from_timestamp_millis(moment).unwrap_or_default();
    Point { price: course.price_of(deviation), at }
}
