//! The exact range of the last 24 hours of a simulated price.

use chrono::DateTime;
use tradepost_kernel::Timestamp;

use super::Course;
use crate::domain::Point;

const QUARTER_MS: i64 = 15 * 60_000;
const QUARTERS: i64 = 24 * 4;

/// The highest and lowest price of all steps from the beginning of the quarter of an hour that was 24 hours
/// ago, each with the earliest step at which it is reached. It depends on the moment alone: what the day
/// before it knew only spares the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    at_ms: i64,
    step_ms: i64,
    /// Of the quarters that are over.
    settled: Option<Extremes>,
    /// Of the present quarter so far.
    running: Option<Extremes>,
    pub high: Point,
    pub low: Point,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extremes {
    high: Point,
    low: Point,
}

impl Day {
    /// The day up to and with a moment. `previous` is the day of an earlier moment of the same course.
    pub fn at(course: &Course, at_ms: i64, step_ms: i64, previous: Option<&Self>) -> Self {
        let previous = previous.filter(|day| day.step_ms == step_ms && day.at_ms <= at_ms);
        let span =
            Span { course, step_ms, quarter_ms: start_of_quarter(at_ms), end_ms: at_ms.saturating_add(1) };
        let (settled, running) = match previous {
            Some(day) if day.quarter_ms() == span.quarter_ms => {
                (day.settled, later(day.running, span.extremes(day.end_ms(), span.end_ms)))
            }
            Some(day) if day.quarter_ms() + QUARTER_MS == span.quarter_ms => {
                (span.settle(day), span.running())
            }
            _ => (span.settled(), span.running()),
        };
        let now = || {
            let point = Point { price: course.price(at_ms), at: moment(at_ms) };
            Extremes { high: point, low: point }
        };
        // A step that is longer than a day may have no multiple in it.
        let Extremes { high, low } = later(settled, running).unwrap_or_else(now);
        Self { at_ms, step_ms, settled, running, high, low }
    }

    fn quarter_ms(&self) -> i64 {
        start_of_quarter(self.at_ms)
    }

    fn end_ms(&self) -> i64 {
        self.at_ms.saturating_add(1)
    }
}

/// What is to be looked at for the day of one moment.
struct Span<'a> {
    course: &'a Course,
    step_ms: i64,
    quarter_ms: i64,
    end_ms: i64,
}

impl Span<'_> {
    fn start_ms(&self) -> i64 {
        self.quarter_ms.saturating_sub(QUARTERS * QUARTER_MS)
    }

    fn extremes(&self, from_ms: i64, to_ms: i64) -> Option<Extremes> {
        let (low, high) = self.course.extremes(from_ms, to_ms, self.step_ms)?;
        Some(Extremes { high, low })
    }

    fn settled(&self) -> Option<Extremes> {
        self.extremes(self.start_ms(), self.quarter_ms)
    }

    fn running(&self) -> Option<Extremes> {
        self.extremes(self.quarter_ms, self.end_ms)
    }

    /// The quarters that are over, one more than a day of the quarter before this knew. Its extremes stand
    /// unless one of them is of the quarter that drops out.
    fn settle(&self, day: &Day) -> Option<Extremes> {
        let rest = self.extremes(day.end_ms(), self.quarter_ms);
        let known = later(later(day.settled, day.running), rest);
        let start = moment(self.start_ms());
        known.filter(|known| known.high.at >= start && known.low.at >= start).or_else(|| self.settled())
    }
}

/// The extremes of a stretch and the one that follows it: of equal prices the earlier.
fn later(before: Option<Extremes>, after: Option<Extremes>) -> Option<Extremes> {
    let (Some(before), Some(after)) = (before, after) else { return before.or(after) };
    Some(Extremes {
        high: if after.high.price > before.high.price { after.high } else { before.high },
        low: if after.low.price < before.low.price { after.low } else { before.low },
    })
}

fn start_of_quarter(at_ms: i64) -> i64 {
    at_ms.saturating_sub(at_ms.rem_euclid(QUARTER_MS))
}

/// A moment out of the calendar's range is 262 000 years away.
fn moment(at_ms: i64) -> Timestamp {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default()
}

#[cfg(test)]
#[path = "day_tests.rs"]
mod tests;
