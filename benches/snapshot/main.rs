//! What a swap of the snapshot takes with ten thousand assets, in time and memory, and what an answer from it costs
//! beside that of a bare route, all without a network: `cargo bench --bench snapshot`.
//!
//! Prints a table of memory for `docs/benchmarks.md`; times are Criterion's. Started without `--bench` it does everything
//! once with a few assets, and its numbers mean nothing.

mod catalog;
mod memory;
mod routes;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::rt::System;
use catalog::World;
use criterion::{BenchmarkId, Criterion, Throughput};

/// Anything that goes wrong ends the run, so all that is asked of an error is a sentence.
type Failure = Box<dyn Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

const PATHS: [&str; 3] = [
    "/api/v1/inventory/assets",
    "/api/v1/inventory/assets/BTC",
    "/api/v1/inventory/assets?sort=-volume&limit=250",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("snapshot: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let in_earnest = std::env::args().any(|argument| argument == "--bench");
    let (assets, swaps) = if in_earnest { (10_000, 100) } else { (100, 10) };
    memory::print(assets, swaps)?;
    let settings = Criterion::default().measurement_time(Duration::from_secs(10)).sample_size(20);
    let mut criterion = settings.configure_from_args();
    swap(&mut criterion, assets)?;
    answers(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// Every price is another in each, and nobody has looked at the one before.
fn swap(criterion: &mut Criterion, assets: usize) -> Outcome<()> {
    let mut group = criterion.benchmark_group("swap");
    for assets in [assets / 100, assets] {
        let world = World::of(assets)?;
        group.throughput(Throughput::Elements(u64::try_from(assets)?));
        group.bench_function(BenchmarkId::from_parameter(assets), |bencher| bencher.iter(|| world.tick()));
    }
    group.finish();
    Ok(())
}

fn answers(criterion: &mut Criterion) -> Outcome<()> {
    let (world, system) = (World::demo()?, System::new());
    for path in PATHS {
        // What the first request prepares is not counted.
        let (_, bytes) = system.block_on(routes::real(&world.inventory, [path].into_iter()));
        let mut group = criterion.benchmark_group(path.trim_start_matches("/api/v1"));
        group.bench_function("asked for anew", |bencher| {
            bencher.iter_custom(|count| {
                // A parameter that means nothing makes each another question.
                let sign = if path.contains('?') { '&' } else { '?' };
                let paths = (0..count).map(|number| format!("{path}{sign}n={number}"));
                system.block_on(routes::real(&world.inventory, paths)).0
            });
        });
        group.bench_function("asked for again", |bencher| {
            bencher.iter_custom(|count| {
                system.block_on(routes::real(&world.inventory, (0..count).map(|_| path))).0
            });
        });
        group.bench_function("bare route", |bencher| {
            bencher.iter_custom(|count| {
                let path = path.split('?').next().unwrap_or_default();
                system.block_on(routes::bare(bytes, path, count))
            });
        });
        group.finish();
    }
    Ok(())
}
