//! Simulated prices: a pure function of seed, asset and time, in whole numbers, so that replicas and restarts
//! agree to the last digit and a price of the past need not be kept to be known.

mod course;
mod day;
mod noise;

pub use course::Course;
pub use day::Day;

/// What a price of this feed is marked with.
pub const SOURCE: &str = "simulated";
