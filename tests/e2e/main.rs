//! Every end-to-end test in every shape, over real HTTP against a real engine, and at the end the proof that the
//! suite called every route there is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod administration;
mod basics;
mod cancel;
mod cash;
mod catalog;
mod client_order_id;
mod conditional;
mod coverage;
mod crowd;
mod events;
mod figures;
mod history;
mod idempotency;
mod inventory;
mod limit_orders;
mod limits;
mod market;
mod money;
mod order_keys;
mod order_list;
mod orders;
mod portfolio;
mod preview;
mod prices;
mod profile;
mod registration;
mod sessions;
mod sessions_list;
mod slow_clients;
mod stream;
mod throttle;
mod triggers;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use tradepost_testkit::{Shape, World, block_on, clean_up};

/// A test, given the platform that all tests of its shape share.
type Test = fn(World) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Lists the tests of a file; one that is forgotten is dead code, which does not build.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub const TESTS: &[(&str, crate::Test)] = &[
            $((concat!(module_path!(), "::", stringify!($name)), |world| Box::pin($name(world)))),*
        ];
    };
}
use tests;

const ALL: &[&[(&str, Test)]] = &[
    administration::TESTS,
    basics::TESTS,
    cancel::TESTS,
    cash::TESTS,
    catalog::TESTS,
    client_order_id::TESTS,
    conditional::TESTS,
    crowd::TESTS,
    history::TESTS,
    idempotency::TESTS,
    inventory::TESTS,
    limit_orders::TESTS,
    limits::TESTS,
    money::TESTS,
    order_keys::TESTS,
    order_list::TESTS,
    orders::TESTS,
    portfolio::TESTS,
    preview::TESTS,
    prices::TESTS,
    profile::TESTS,
    registration::TESTS,
    sessions::TESTS,
    sessions_list::TESTS,
    slow_clients::TESTS,
    stream::TESTS,
    throttle::TESTS,
    triggers::TESTS,
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for shape in Shape::ALL {
        for (name, test) in ALL.iter().copied().flatten() {
            let name = format!("{shape}::{}", name.trim_start_matches("e2e::"));
            let trial = Trial::test(name, move || {
                block_on(async { test(World::shared(shape).await).await });
                Ok(())
            });
            let missing = shape.is_missing();
            trials.push(trial.with_kind(missing.unwrap_or_default()).with_ignored_flag(missing.is_some()));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    block_on(clean_up());
    let is_whole =
        arguments.filter.is_none() && arguments.skip.is_empty() && !arguments.list && !arguments.ignored;
    if is_whole && !conclusion.has_failed() && !coverage::every_route_was_called() {
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}
