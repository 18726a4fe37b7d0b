//! The report: tables in Markdown.

use std::fmt;
use std::time::Duration;

use crate::SECOND;
use crate::ticks::{Run, Tick};

#[derive(Default)]
pub struct Report {
    /// With few open orders, and with all.
    pub compared: Vec<[Run; 3]>,
    pub regimes: Vec<Run>,
    pub memory_mib: u64,
    pub file_mib: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        writeln!(f, "{cores} cores, {} on {}.\n", std::env::consts::OS, std::env::consts::ARCH)?;
        writeln!(f, "| a tick | fills | reads | writes | median ms |\n|---|---|---|---|---|")?;
        for run in self.compared.iter().flatten() {
            let (fills, reads, writes) =
                (run.range(|t| t.fills), run.range(|t| t.reads), run.range(|t| t.writes));
            writeln!(f, "| {} | {fills} | {reads} | {writes} | {:.2} |", run.title, run.percentile(50))?;
        }
        writeln!(
            f,
            "\n| ticks | number | fills | reads | writes | p50 ms | p99 ms | max ms | over 1 s | latest ms | backlog |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|---|")?;
        self.regimes.iter().try_for_each(|run| run.line(f))?;
        writeln!(f, "\nMemory {} MiB, data {} MiB.", self.memory_mib, self.file_mib)
    }
}

impl Run {
    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fills, reads, writes) =
            (self.range(|t| t.fills), self.range(|t| t.reads), self.range(|t| t.writes));
        let [p50, p99, most] = [50, 99, 100].map(|percent| self.percentile(percent));
        let slow = self.ticks.iter().filter(|tick| tick.took > SECOND).count();
        let late = self.ticks.iter().map(|tick| tick.late).max().unwrap_or_default();
        let Self { title, ticks, backlog } = self;
        writeln!(
            f,
            "| {title} | {} | {fills} | {reads} | {writes} | {p50:.2} | {p99:.2} | {most:.2} | {slow} | {:.0} | {backlog} |",
            ticks.len(),
            millis(late)
        )
    }

    /// The least and the most, or the one value there is.
    fn range<T: Ord + fmt::Display>(&self, of: impl Fn(&Tick) -> T) -> String {
        let (least, most) = (self.ticks.iter().map(&of).min(), self.ticks.iter().map(&of).max());
        match least.zip(most) {
            Some((least, most)) if least == most => least.to_string(),
            Some((least, most)) => format!("{least}–{most}"),
            None => String::new(),
        }
    }

    /// The milliseconds that so many in a hundred ticks do not exceed.
    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted: Vec<_> = self.ticks.iter().map(|tick| tick.took).collect();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        millis(sorted.get(rank - 1).copied().unwrap_or_default())
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
