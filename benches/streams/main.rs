//! What ten thousand idle streams of prices cost, and how soon a change is with all readers: `cargo bench --bench
//! streams`.
//!
//! Starts the real binary and reads streams of it from this process, over connections that are all open at once. Prints
//! tables for `docs/benchmarks.md`. `-- --connections N` and `-- --readers N` change how many there are. Started without
//! `--bench` it does little, and its numbers mean nothing.

mod reader;
mod server;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use reader::Readers;
use server::Server;

/// Anything that goes wrong ends the run, so all that is asked of an error is a sentence.
type Failure = Box<dyn Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

/// Descriptors that a server has for other things than connections.
const OTHER_DESCRIPTORS: usize = 200;
const PATIENCE: Duration = Duration::from_secs(300);

/// How much is measured.
struct Plan {
    connections: usize,
    readers: usize,
    changes: usize,
    heartbeat_s: u32,
}

impl Plan {
    fn of_arguments() -> Outcome<Self> {
        let arguments: Vec<_> = std::env::args().collect();
        let mut plan = if arguments.iter().any(|argument| argument == "--bench") {
            Self { connections: 10_000, readers: 1_000, changes: 30, heartbeat_s: 15 }
        } else {
            Self { connections: 50, readers: 20, changes: 3, heartbeat_s: 1 }
        };
        for pair in arguments.windows(2) {
            match pair {
                [name, value] if name == "--connections" => plan.connections = value.parse()?,
                [name, value] if name == "--readers" => plan.readers = value.parse()?,
                _ => {}
            }
        }
        // The server takes two for each, so that it can cut off those that take nothing.
        let most = server::most_descriptors()?.saturating_sub(OTHER_DESCRIPTORS) / 2;
        if plan.connections > most {
            eprintln!("`ulimit -Hn` lets a server have {most} connections, so {most} are measured");
            plan.connections = most;
        }
        Ok(plan)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("streams: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<()> {
    let plan = Plan::of_arguments()?;
    idle(&plan).await?;
    changing(&plan).await
}

/// Nothing changes, so that all there is to send are comments.
async fn idle(plan: &Plan) -> Outcome<()> {
    let heartbeat = format!("inventory.heartbeat_s={}", plan.heartbeat_s);
    let server = Server::start(&["inventory.feed=none", &heartbeat]).await?;
    let readers = Arc::new(Readers::default());
    // What the first request of all needs is not counted.
    readers.open(server.address, "BTC", 1).await?;
    let before = server.memory_kib()?;
    readers.open(server.address, "BTC", plan.connections).await?;
    let opened = server.memory_kib()?;
    readers.until_all_heard_a_comment(PATIENCE).await?;
    let after = server.memory_kib()?;
    let each = |kib: u64| kib.saturating_sub(before) as f64 / plan.connections as f64;
    let mb = |kib: u64| kib as f64 * 1024.0 / 1e6;
    println!(
        "| idle streams | before MB | all open MB | after a comment to each MB | added MB | KiB a stream |"
    );
    println!("|---|---|---|---|---|---|");
    println!(
        "| {} | {:.1} | {:.1} | {:.1} | **{:.1}** | {:.1} |\n",
        plan.connections,
        mb(before),
        mb(opened),
        mb(after),
        mb(after.saturating_sub(before)),
        each(after)
    );
    Ok(())
}

/// Every price changes every second, and everybody reads all of them.
async fn changing(plan: &Plan) -> Outcome<()> {
    let server = Server::start(&["inventory.feed=simulated", "inventory.tick_ms=1000"]).await?;
    let readers = Arc::new(Readers::default());
    readers.open(server.address, "", plan.readers).await?;
    let mut spreads = readers.spreads(plan.changes, PATIENCE).await?;
    spreads.sort_unstable();
    let ms = |percent: usize| {
        let rank = (spreads.len() * percent).div_ceil(100).max(1);
        spreads.get(rank - 1).copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    println!("| readers of everything | changes | with all of them after: p50 ms | max ms | server MB |");
    println!("|---|---|---|---|---|");
    let memory = server.memory_kib()? as f64 * 1024.0 / 1e6;
    println!("| {} | {} | {:.1} | {:.1} | {memory:.1} |", plan.readers, spreads.len(), ms(50), ms(100));
    Ok(())
}
