//! What a large catalog takes in memory, by what the system says of this process.

use std::fs;
use std::time::{Duration, Instant};

use actix_web::rt::System;

use crate::catalog::{World, symbol};
use crate::{Outcome, routes};

/// The most that a list answers at once.
const PAGE: usize = 250;

/// Prints a table in Markdown. Nothing may have been made before, or it would be counted.
pub fn print(assets: usize, swaps: usize) -> Outcome<()> {
    let lists: Vec<_> = (0..assets.div_ceil(PAGE))
        .map(|page| format!("/api/v1/inventory/assets?limit={PAGE}&offset={}", page * PAGE))
        .collect();
    let details: Vec<_> =
        (0..assets).map(|place| format!("/api/v1/inventory/assets/{}", symbol(place))).collect();
    println!("| {assets} assets | resident MB | at most MB |\n|---|---|---|");
    line("before")?;
    let world = World::of(assets)?;
    line("the first snapshot")?;
    (0..swaps).for_each(|_| world.tick());
    line(&format!("{swaps} swaps later"))?;
    let system = System::new();
    system.block_on(routes::everything(&world.inventory, &lists, &[]));
    line("every asset was listed once")?;
    system.block_on(routes::everything(&world.inventory, &[], &details));
    line("every detail was shown once")?;
    for _ in 0..swaps / 10 {
        world.tick();
        system.block_on(routes::everything(&world.inventory, &lists, &details));
    }
    line(&format!("{} swaps later, everything shown after each", swaps / 10))?;
    world.skip_to_the_end_of_the_hour();
    let began = Instant::now();
    world.tick();
    println!("\nThe swap at the full hour took {:.1} ms.\n", millis(began.elapsed()));
    Ok(())
}

fn line(when: &str) -> Outcome<()> {
    println!("| {when} | {:.1} | {:.1} |", of_this_process("VmRSS:")?, of_this_process("VmHWM:")?);
    Ok(())
}

fn of_this_process(name: &str) -> Outcome<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: f64 = kib.ok_or("the system does not say what is in memory")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
