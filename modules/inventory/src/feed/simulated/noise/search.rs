//! The extremes of noise over many moments, found by branch and bound: a stretch is looked into only where
//! the sum of what each octave can reach there is beyond the best value found.

use super::{Cell, Noise, OCTAVES};

/// Up to so many lattice points within a stretch are looked at; an octave with more is assumed to reach its
/// amplitude.
const MOST_POINTS: i64 = 4;

/// The moments of a stretch of time that are whole multiples of a step. There is at least one.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    first: i64,
    last: i64,
    step_ms: i64,
}

/// Whether the highest or the lowest value is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    High,
    Low,
}

impl Steps {
    /// The steps from one moment up to, but without, another (Unix milliseconds), if there are any.
    pub fn within(from_ms: i64, to_ms: i64, step_ms: i64) -> Option<Self> {
        let step_ms = step_ms.max(1);
        let at_or_after = |at_ms: i64| at_ms.div_euclid(step_ms) + i64::from(at_ms.rem_euclid(step_ms) > 0);
        let (first, last) = (at_or_after(from_ms), at_or_after(to_ms).saturating_sub(1));
        (from_ms < to_ms && first <= last).then_some(Self { first, last, step_ms })
    }
}

impl Noise {
    /// The noise over some steps.
    pub fn over(&self, steps: Steps) -> Stretch<'_> {
        let stand = |step| {
            Stand::at(self, step, steps.step_ms, |place, shifted| {
                self.0[place].cell(&OCTAVES[place], shifted)
            })
        };
        Stretch { noise: self, step_ms: steps.step_ms, first: stand(steps.first), last: stand(steps.last) }
    }
}

/// The noise over some steps, of which nothing is looked at yet but the ends.
pub struct Stretch<'a> {
    noise: &'a Noise,
    step_ms: i64,
    first: Stand,
    last: Stand,
}

impl Stretch<'_> {
    /// When the first step is, in Unix milliseconds.
    pub const fn first_ms(&self) -> i64 {
        self.first.step * self.step_ms
    }

    pub const fn first(&self) -> i64 {
        self.first.value
    }

    pub const fn last(&self) -> i64 {
        self.last.value
    }

    /// The highest or the lowest value.
    pub fn extreme(&self, towards: Towards) -> i64 {
        let Self { first, last, .. } = self;
        let mut best = towards.ranked(first.value).max(towards.ranked(last.value));
        self.search(towards).improve(first, last, &mut best);
        towards.ranked(best)
    }

    /// The earliest step (Unix milliseconds) whose value is at least, or looking for the lowest at most, `goal`.
    pub fn earliest(&self, towards: Towards, goal: i64) -> Option<i64> {
        let (goal, search) = (towards.ranked(goal), self.search(towards));
        let reached = |stand: &Stand| (towards.ranked(stand.value) >= goal).then_some(stand.step);
        let step = reached(&self.first)
            .or_else(|| search.first_between(&self.first, &self.last, goal))
            .or_else(|| reached(&self.last));
        step.map(|step| step * self.step_ms)
    }

    fn search(&self, towards: Towards) -> Search<'_> {
        Search { noise: self.noise, step_ms: self.step_ms, towards }
    }
}

impl Towards {
    /// A value as a number of which more is better, and back.
    const fn ranked(self, value: i64) -> i64 {
        match self {
            Self::High => value,
            Self::Low => -value,
        }
    }
}

/// Where every octave stands at one step.
struct Stand {
    step: i64,
    value: i64,
    octaves: [(Cell, i64); OCTAVES.len()],
}

struct Search<'a> {
    noise: &'a Noise,
    step_ms: i64,
    towards: Towards,
}

impl Stand {
    fn at(noise: &Noise, step: i64, step_ms: i64, cell: impl Fn(usize, i64) -> Cell) -> Self {
        let at_ms = step * step_ms;
        let octaves = std::array::from_fn(|place| {
            let shifted = noise.0[place].shifted(at_ms);
            let cell = cell(place, shifted);
            (cell, cell.at(&OCTAVES[place], shifted))
        });
        Self { step, value: octaves.iter().map(|(_, value)| value).sum(), octaves }
    }
}

impl Search<'_> {
    /// Halfway between two steps. Where both are in one cell of an octave, so is it.
    fn middle(&self, from: &Stand, to: &Stand) -> Stand {
        Stand::at(self.noise, from.step.midpoint(to.step), self.step_ms, |place, shifted| {
            let (left, right) = (from.octaves[place].0, to.octaves[place].0);
            if left.index == right.index { left } else { self.noise.0[place].cell(&OCTAVES[place], shifted) }
        })
    }

    fn rank(&self, stand: &Stand) -> i64 {
        self.towards.ranked(stand.value)
    }

    /// Raises `best` to the best value between two steps, if that is better.
    fn improve(&self, from: &Stand, to: &Stand, best: &mut i64) {
        if to.step.saturating_sub(from.step) < 2 {
            return;
        }
        let middle = self.middle(from, to);
        *best = self.rank(&middle).max(*best);
        let halves = [(self.bound(from, &middle), from, &middle), (self.bound(&middle, to), &middle, to)];
        let [left, right] = halves;
        // What is found in the more promising half may spare the other.
        for (bound, from, to) in if left.0 < right.0 { [right, left] } else { [left, right] } {
            if bound > *best {
                self.improve(from, to, best);
            }
        }
    }

    /// The first step strictly between two that ranks at `goal` or above.
    fn first_between(&self, from: &Stand, to: &Stand, goal: i64) -> Option<i64> {
        if to.step.saturating_sub(from.step) < 2 {
            return None;
        }
        let middle = self.middle(from, to);
        let within = |from, to| {
            if self.bound(from, to) < goal { None } else { self.first_between(from, to, goal) }
        };
        within(from, &middle)
            .or_else(|| (self.rank(&middle) >= goal).then_some(middle.step))
            .or_else(|| within(&middle, to))
    }

    /// No step from one to the other ranks above this. Between two lattice points an octave only rises or only
    /// falls, rounding included, so it is best at an end of the stretch or at a lattice point within.
    fn bound(&self, from: &Stand, to: &Stand) -> i64 {
        let mut bound = 0;
        for (place, octave) in OCTAVES.iter().enumerate() {
            let ((left, from), (right, to)) = (from.octaves[place], to.octaves[place]);
            let points = right.index.saturating_sub(left.index);
            if points > MOST_POINTS {
                bound += octave.amplitude;
                continue;
            }
            let mut reach = self.towards.ranked(from).max(self.towards.ranked(to));
            for point in 1..=points {
                let height = match point {
                    1 => left.to,
                    _ if point == points => right.from,
                    _ => self.noise.0[place].height(left.index + point),
                };
                reach = reach.max(self.towards.ranked(octave.scaled(height)));
            }
            bound += reach;
        }
        bound
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
