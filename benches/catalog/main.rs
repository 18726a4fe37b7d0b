//! How much of what a bare route can do the catalog does: `cargo bench --bench catalog`.
//!
//! Starts the real binary, and beside it a server of one route that answers a constant of the same size, and loads both
//! in turns over the same number of connections. Prints a table for `docs/benchmarks.md`. `-- --only TEXT` measures only
//! the cases whose title has it. Started without `--bench` it does little, and its numbers mean nothing.

mod bare;
mod load;
mod process;
mod report;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use load::Case;
use process::Running;
use report::{Measured, Round};

/// Anything that goes wrong ends the run, so all that is asked of an error is a sentence.
type Failure = Box<dyn Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

/// Threads of either server that answer requests.
const WORKERS: usize = 2;
const CONNECTIONS: usize = 16;
/// No line a request, and no count of them for each address, which a bare route does not have either.
const QUIET: [&str; 3] = ["log.filter=error", "rate_limits.per_address=0", "rate_limits.reads_per_address=0"];
/// As it comes, only that the limits are so high that nothing is refused.
const WATCHED: [&str; 2] = ["rate_limits.per_address=1000000000", "rate_limits.reads_per_address=1000000000"];

/// How much is measured.
struct Plan {
    rounds: usize,
    warm_up: Duration,
    round: Duration,
    only: Option<String>,
}

impl Plan {
    fn of_arguments() -> Self {
        let arguments: Vec<_> = std::env::args().collect();
        let only = arguments.iter().skip_while(|argument| *argument != "--only").nth(1).cloned();
        let millis = Duration::from_millis;
        if arguments.iter().any(|argument| argument == "--bench") {
            Self { rounds: 5, warm_up: millis(1000), round: millis(3000), only }
        } else {
            Self { rounds: 2, warm_up: millis(50), round: millis(100), only }
        }
    }

    fn wants(&self, title: &str) -> bool {
        self.only.as_ref().is_none_or(|only| title.contains(only))
    }
}

// The clients have one thread, so that with two cores at least one is the server's.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("catalog: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<()> {
    if bare::serve_if_asked().await? {
        return Ok(());
    }
    let plan = Plan::of_arguments();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    println!("{cores} cores, {os} on {arch}; the clients run on the same cores.\n\n{}", report::HEAD);
    let quiet = process::start(&QUIET).await?;
    for case in cases() {
        measure(&plan, case, &quiet, "").await?;
    }
    drop(quiet);
    let watched = process::start(&WATCHED).await?;
    for case in cases().into_iter().take(2) {
        measure(&plan, case, &watched, ", logged and limited").await?;
    }
    Ok(())
}

/// What is asked for, the two first that matter most.
fn cases() -> Vec<Case> {
    let case = |title, path| Case { title, path, headers: String::new() };
    let list = "/api/v1/inventory/assets";
    let compressed = "Accept-Encoding: gzip, deflate, br, zstd\r\n".to_owned();
    vec![
        case("`GET /inventory/assets`", list),
        case("`GET /inventory/assets/BTC`", "/api/v1/inventory/assets/BTC"),
        // Whoever sends any tag has what there is, so that prices may change meanwhile.
        Case { title: "the same list, not modified", path: list, headers: "If-None-Match: *\r\n".to_owned() },
        case("`?sort=-volume&limit=250`", "/api/v1/inventory/assets?sort=-volume&limit=250"),
        case("`?q=bitcoin`", "/api/v1/inventory/assets?q=bitcoin"),
        case("`?q=ethereun`, misspelt", "/api/v1/inventory/assets?q=ethereun"),
        Case { title: "the same list, compressed as browsers ask for", path: list, headers: compressed },
    ]
}

async fn measure(plan: &Plan, case: Case, real: &Running, how: &str) -> Outcome<()> {
    let title = format!("{}{how}", case.title);
    if !plan.wants(&title) {
        return Ok(());
    }
    let answer = case.ask(real.address).await?;
    let bare = bare::start(&case, &answer)?;
    for server in [&bare, real] {
        load::run(server, &case, answer.status, plan.warm_up).await?;
    }
    let mut rounds = Vec::new();
    for number in 0..plan.rounds {
        let load = |server| load::run(server, &case, answer.status, plan.round);
        // Whoever comes first takes turns too, so that what drifts meanwhile favours neither.
        rounds.push(if number % 2 == 0 {
            let bare = load(&bare).await?;
            Round { bare, real: load(real).await? }
        } else {
            let real = load(real).await?;
            Round { bare: load(&bare).await?, real }
        });
    }
    println!("{}", Measured { title, answer, rounds }.line());
    Ok(())
}
