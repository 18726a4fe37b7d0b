//! The report: a table in Markdown.

use crate::load::{Answer, Sample};

/// What the bare route and the real one answered, one right after the other.
pub struct Round {
    pub bare: Sample,
    pub real: Sample,
}

/// A case in all its rounds.
pub struct Measured {
    pub title: String,
    pub answer: Answer,
    pub rounds: Vec<Round>,
}

pub const HEAD: &str = "| request | bytes | bare requests/s | requests/s | ratio | range | bare server µs | server µs |\n\
                        |---|---|---|---|---|---|---|---|";

impl Measured {
    pub fn line(&self) -> String {
        let median = |of: &dyn Fn(&Round) -> f64| sorted(self.rounds.iter().map(of));
        let ratios = sorted(self.rounds.iter().map(|round| round.real.rate / round.bare.rate));
        format!(
            "| {} | {} | {:.0} | {:.0} | **{:.2}** | {:.2}–{:.2} | {:.1} | {:.1} |",
            self.title,
            self.answer.body_bytes,
            middle(&median(&|round| round.bare.rate)),
            middle(&median(&|round| round.real.rate)),
            middle(&ratios),
            ratios.first().copied().unwrap_or_default(),
            ratios.last().copied().unwrap_or_default(),
            middle(&median(&|round| round.bare.server_us)),
            middle(&median(&|round| round.real.server_us)),
        )
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
