//! A store that fails in every way, at every call of every operation: what the client is told is true, asking again
//! under the same key settles it, and the books are right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../modules/platform/tests/faults/mod.rs"]
mod faults;
mod matrix;
mod operation;
mod storm;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use faults::{Line, connect};
use tradepost_testkit::{Answer, Setup, Shape, ShiftedClock, User, World};

use operation::Request;

/// A platform on a store that breaks when told to.
struct Platform {
    world: World,
    line: Line,
    clock: Arc<ShiftedClock>,
}

impl Platform {
    async fn start(shape: Shape) -> Self {
        let (dynamo, line) = connect();
        let clock = Arc::new(ShiftedClock::default());
        let setup = Setup::default()
            .quiet()
            .set("order.recovery_interval_ms", "100")
            .set("order.trigger_interval_ms", "100")
            // The clock runs ahead of the feed.
            .set("order.max_quote_age_s", "3600")
            .set("user.access_token_minutes", "1440")
            .set("user.daily_deposit_limit", "1000000.00")
            .set("user.daily_withdrawal_limit", "1000000.00")
            .clock(&clock);
        let world = World::on(dynamo, shape, setup).await;
        line.include_reads();
        Self { world, line, clock }
    }

    /// Somebody with $10000 and ten SOL.
    async fn trader(&self) -> User {
        let user = self.world.new_user().await;
        user.deposit("10000.00").await;
        user.order("market_buy", "SOL", "10").await.expect(201);
        user.deposit("8000.00").await;
        user
    }

    /// Asks again under the same key until there is an answer, which recovery may have to give.
    async fn settle(&self, user: &User, request: &Request, key: &str) -> Answer {
        for turn in 0..1200 {
            let answer = request.send(user, key).await;
            if answer.status != 503 && !is_in_flight(&answer) {
                return answer;
            }
            self.wait(turn).await;
        }
        panic!("{request:?} under {key} is never answered");
    }
}

impl Platform {
    /// Lets recovery have a turn. Its time comes at once; if that is not enough, it comes again, though not so soon
    /// that an order's time is over before anybody has looked.
    async fn wait(&self, turn: u32) {
        if turn.is_multiple_of(120) {
            self.clock.advance(TimeDelta::seconds(4));
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

fn is_in_flight(answer: &Answer) -> bool {
    answer.status == 409 && answer.field("code") == "idempotency_in_flight"
}
