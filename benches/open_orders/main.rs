//! Whether a tick a second for every asset keeps up with 100 000 open orders: `cargo bench --bench open_orders`.
//!
//! The real order service and the real accounts, in one process, on the embedded engine with its file on disk, and
//! recovery beside them; only the prices are made up, so that it is known which orders they reach. All orders are placed
//! through the service. Prints tables for `docs/benchmarks.md`; in the end every order reached must be filled, no other,
//! and the books right. `-- --ticks N` and `-- --orders N` change how much is measured. Started without `--bench` it does
//! little, and its numbers mean nothing.

mod book;
mod counted;
mod market;
mod platform;
mod report;
mod ticks;
mod users;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use book::Book;
use platform::Platform;
use report::Report;
use ticks::{Desk, Run};

/// Anything that goes wrong ends the run, so all that is asked of an error is a sentence.
type Failure = Box<dyn Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

const SECOND: Duration = Duration::from_secs(1);
const AN_HOUR_MS: u32 = 3_600_000;
/// What the comparison begins with.
const FEW_ORDERS: usize = 1_000;
/// How many orders the busy ticks fill, and how many of one asset and direction.
const BUSY: (usize, usize) = (50, 5);
/// How many orders the one large move at the end fills.
const BURST: (usize, usize) = (1_000, 10);

/// How much is measured.
struct Plan {
    orders: usize,
    /// Of either regime.
    ticks: usize,
    /// Of either kind in the comparison.
    compared: usize,
}

impl Plan {
    fn of_arguments() -> Outcome<Self> {
        let arguments: Vec<String> = std::env::args().collect();
        let is_bench = arguments.iter().any(|argument| argument == "--bench");
        let mut plan = match is_bench {
            true => Self { orders: 100_000, ticks: 60, compared: 10 },
            false => Self { orders: 6_000, ticks: 3, compared: 3 },
        };
        for [name, value] in arguments.windows(2).filter_map(|pair| <&[String; 2]>::try_from(pair).ok()) {
            match name.as_str() {
                "--ticks" => plan.ticks = value.parse()?,
                "--orders" => plan.orders = value.parse()?,
                _ => {}
            }
        }
        Ok(plan)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = async { run(&Plan::of_arguments()?).await };
    match outcome.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("open_orders: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(plan: &Plan) -> Outcome<()> {
    let platform = Platform::open().await?;
    let users = users::sign_up(&platform).await?;
    let mut book = Book::new(&platform, users, plan.orders)?;
    book.buy_assets().await?;
    let recovery = platform.recover()?;
    let mut report = Report::default();
    for orders in [FEW_ORDERS, plan.orders] {
        let begun = Instant::now();
        let placed = book.place_up_to(orders).await?;
        eprintln!("placed {placed} orders in {:.0?}", begun.elapsed());
        report.compared.push(compare(plan, &platform, &mut book).await?);
    }
    report.regimes = keep_up(plan, &platform, &mut book).await?;
    recovery.stop().await?;
    report.memory_mib = platform::memory_mib()?;
    report.file_mib = platform.file_mib()?;
    println!("{report}");
    prove(&platform, &book).await
}

/// What ticks cost while so many orders are open and nothing else is looked at.
async fn compare(plan: &Plan, platform: &Platform, book: &mut Book) -> Outcome<[Run; 3]> {
    let mut desk = Desk::new(platform, AN_HOUR_MS)?;
    let open = book.open();
    let first = desk.run(&format!("{open} open: the first tick"), book, 1, None, |_| (0, 1)).await?;
    let idle = desk.run(&format!("{open} open: reaches none"), book, plan.compared, None, |_| (0, 1)).await?;
    let title = format!("{open} open: reaches {}", BUSY.0);
    let busy = desk.run(&title, book, plan.compared, None, |_| BUSY).await?;
    desk.catch_up(book).await?;
    Ok([first, idle, busy])
}

/// A tick a second with the settings as they come.
async fn keep_up(plan: &Plan, platform: &Platform, book: &mut Book) -> Outcome<Vec<Run>> {
    let mut desk = Desk::new(platform, platform.sweep_interval_ms()?)?;
    let pace = Some(SECOND);
    let first = desk.run("first tick", book, 1, pace, |_| (0, 1)).await?;
    let calm = desk.run("calm", book, plan.ticks, pace, |tick| (tick % 6, 1)).await?;
    let busy = desk.run("busy", book, plan.ticks, pace, |_| BUSY).await?;
    let burst = desk.run("burst", book, 1, None, |_| (BURST.0.min(book_share(plan)), BURST.1)).await?;
    let ticks = desk.catch_up(book).await?;
    eprintln!("what was left over is filled {ticks} ticks later");
    Ok(vec![first, calm, busy, burst])
}

/// A small book has too few orders for a large move.
const fn book_share(plan: &Plan) -> usize {
    plan.orders / 10
}

/// Demands that every order that the market reached is filled and no other, and that no cent is missing.
async fn prove(platform: &Platform, book: &Book) -> Outcome<()> {
    let filled = platform.filled_orders().await?;
    if filled != book.reached() {
        return Err(format!("{} orders were reached, and {filled} are filled", book.reached()).into());
    }
    let begun = Instant::now();
    let report = tradepost::modules::prove(&platform.others).await?;
    eprintln!("reconcile, in {:.0?}:\n{report}", begun.elapsed());
    if report.is_clean() { Ok(()) } else { Err("the books are wrong".into()) }
}
