//! What an order costs in one process and in a process per module: `cargo bench --bench order_path`.
//!
//! Starts the real binary as `tradepost serve` and as `tradepost split`, loads both over HTTP in turns, and prints
//! tables for `docs/benchmarks.md`. Every answer must be the one hoped for, and the books of both must be right in the
//! end. Started without `--bench`, as by `cargo test --bench order_path`, it does all that in half a minute, and its
//! numbers mean nothing.

mod load;
mod platform;
mod report;
mod traders;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use load::{Case, REQUESTS, Sample, Timing};
use platform::{Platform, Shape};
use report::{Measured, Round};
use traders::Trader;

/// Anything that goes wrong ends the run, so all that is asked of an error is a sentence.
type Failure = Box<dyn Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

/// How many clients load a shape at once, each a user of its own: for the latency, and for the throughput.
const CLIENTS: [usize; 2] = [1, 16];
const MOST_CLIENTS: usize = 16;

/// How much is measured.
struct Plan {
    rounds: usize,
    warm_up: Timing,
    round: Timing,
}

impl Plan {
    fn of_arguments() -> Self {
        let timing = |lead, counted| Timing {
            lead: Duration::from_millis(lead),
            counted: Duration::from_millis(counted),
        };
        if std::env::args().any(|argument| argument == "--bench") {
            Self { rounds: 5, warm_up: timing(0, 3000), round: timing(500, 3000) }
        } else {
            Self { rounds: 2, warm_up: timing(0, 1000), round: timing(200, 800) }
        }
    }
}

/// A running platform and its users.
struct Contender {
    platform: Platform,
    traders: Vec<Trader>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Plan::of_arguments()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("order_path: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(plan: &Plan) -> Outcome<()> {
    let contenders = [Contender::start(Shape::Monolith).await?, Contender::start(Shape::Split).await?];
    for contender in &contenders {
        for request in REQUESTS {
            contender.load(&Case { request, clients: MOST_CLIENTS }, plan.warm_up).await?;
        }
    }
    let mut measured = Vec::new();
    for request in REQUESTS {
        for clients in CLIENTS {
            measured.push(measure(plan, Case { request, clients }, &contenders).await?);
        }
    }
    for contender in contenders {
        contender.platform.stop_and_prove()?;
    }
    println!("{}", report::of(&measured));
    Ok(())
}

async fn measure(plan: &Plan, case: Case, [monolith, split]: &[Contender; 2]) -> Outcome<Measured> {
    let mut rounds = Vec::new();
    for number in 0..plan.rounds {
        eprintln!("{case}: round {} of {}", number + 1, plan.rounds);
        // Whoever comes first takes turns too, so that what drifts meanwhile favours neither.
        rounds.push(if number % 2 == 0 {
            let monolith = monolith.load(&case, plan.round).await?;
            Round { monolith, split: split.load(&case, plan.round).await? }
        } else {
            let split = split.load(&case, plan.round).await?;
            Round { monolith: monolith.load(&case, plan.round).await?, split }
        });
    }
    Ok(Measured { case, rounds })
}

impl Contender {
    async fn start(shape: Shape) -> Outcome<Self> {
        let platform = Platform::start(shape).await?;
        let mut traders = Vec::new();
        for number in 0..MOST_CLIENTS {
            traders.push(Trader::sign_up(&platform.base, number).await?);
        }
        Ok(Self { platform, traders })
    }

    async fn load(&self, case: &Case, timing: Timing) -> Outcome<Sample> {
        let loaded = load::run(&self.platform.base, &self.traders, case, timing).await;
        loaded.map_err(|error| self.platform.blame(&error.to_string()))
    }
}
