//! The whole platform against a plain model: whatever a user asks for in whatever order, the answers, the orders, the
//! balances and the positions are what a hundred lines written from the contract say, and in the end the books are
//! right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod books;
mod plain;
mod platform;
mod step;
mod trader;
mod words;

use platform::Platform;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use trader::Trader;

/// How many sequences are tried, unless the variable `PROPTEST_CASES` says another number.
const SEQUENCES: u32 = 24;
/// How many steps each has.
const STEPS: usize = 25;

#[test]
fn whatever_is_asked_the_platform_answers_as_a_plain_model() {
    let platform = tradepost_testkit::block_on(Platform::start());
    let mut runner = TestRunner::new(config());
    let tried = runner.run(&step::steps(STEPS), |steps| {
        tradepost_testkit::block_on(async {
            let mut trader = Trader::sign_up(&platform).await;
            for step in &steps {
                trader.take(step).await?;
            }
            trader.leave().await
        })
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => panic!("{reason}\nafter {steps:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    tradepost_testkit::block_on(platform.world.reconcile());
}

/// The same sequences in every run, unless the variable `PROPTEST_RNG_SEED` says otherwise.
fn config() -> Config {
    let usual = Config { failure_persistence: None, max_shrink_iters: 20, ..Config::default() };
    let is_given = |name| std::env::vars().any(|(given, _)| given == name);
    let cases = if is_given("PROPTEST_CASES") { usual.cases } else { SEQUENCES };
    let rng_seed = if is_given("PROPTEST_RNG_SEED") { usual.rng_seed } else { RngSeed::Fixed(4) };
    Config { cases, rng_seed, ..usual }
}
