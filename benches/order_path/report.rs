//! The report: tables in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use crate::load::{Case, Sample};
use crate::platform::Shape;

/// What both shapes answered, one right after the other.
pub struct Round {
    pub monolith: Sample,
    pub split: Sample,
}

/// A case in all its rounds.
pub struct Measured {
    pub case: Case,
    pub rounds: Vec<Round>,
}

/// Both tables, and the machine.
pub fn of(measured: &[Measured]) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let mut report = format!("{cores} cores, {os} on {arch}; the clients run on the same cores.\n\n");
    report += "| request | clients | shape | p50 ms | p99 ms | requests/s |\n|---|---|---|---|---|---|\n";
    for of_case in measured {
        for shape in [Shape::Monolith, Shape::Split] {
            report += &of_case.line(shape);
        }
    }
    report += "\n| request | clients | split / monolith of | median | range | rounds |\n|---|---|---|---|---|---|\n";
    for of_case in measured {
        report += &of_case.ratios("p50", |sample| millis(sample.percentile(50)));
        report += &of_case.ratios("requests/s", Sample::rate);
    }
    report
}

impl Measured {
    fn line(&self, shape: Shape) -> String {
        let all = self.together(shape);
        let (p50, p99) = (millis(all.percentile(50)), millis(all.percentile(99)));
        let Case { request, clients } = &self.case;
        format!("| {request} | {clients} | {shape} | {p50:.2} | {p99:.2} | {:.0} |\n", all.rate())
    }

    /// The samples of a shape in all rounds as one.
    fn together(&self, shape: Shape) -> Sample {
        let mut all = Sample { latencies: Vec::new(), lasted: Duration::ZERO };
        for round in &self.rounds {
            let sample = match shape {
                Shape::Monolith => &round.monolith,
                Shape::Split => &round.split,
            };
            all.latencies.extend(&sample.latencies);
            all.lasted += sample.lasted;
        }
        all
    }

    fn ratios(&self, what: &str, of: impl Fn(&Sample) -> f64) -> String {
        let rounds: Vec<f64> =
            self.rounds.iter().map(|round| of(&round.split) / of(&round.monolith)).collect();
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let [least, .., most] = sorted[..] else { return String::new() };
        let Case { request, clients } = &self.case;
        let mut line = format!(
            "| {request} | {clients} | {what} | **{:.2}** | {least:.2}–{most:.2} |",
            sorted[sorted.len() / 2]
        );
        for ratio in rounds {
            // Writing to a text cannot fail.
            let _ = write!(line, " {ratio:.2}");
        }
        line + " |\n"
    }
}

impl Sample {
    /// The latency that so many in a hundred do not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.lasted.as_secs_f64()
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
