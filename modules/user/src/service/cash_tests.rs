use std::sync::Arc;

use actix_web::FromRequest;
use actix_web::test::TestRequest;
use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::task::JoinSet;
use tradepost_kernel::{AssetId, EntryId, Usd, UserId};
use tradepost_platform::idempotency::{Answer, KeyRefusal, Keyed, Once, Told};
use tradepost_problem::Outage;

use super::super::faults::{Fault, Line, connect};
use super::super::installation::Installation;
use super::{Cash, CashReceipt, UserError, UserService};

/// Two processes on a store that has faults, and somebody with an account.
struct World {
    installation: Installation,
    line: Line,
    user: UserId,
}

impl World {
    async fn start() -> Self {
        let (dynamo, line) = connect();
        let installation = Installation::on(dynamo, 2, 5, 50).await;
        installation.register("trader_jane").await;
        let credentials = installation.processes[0].store.credentials(&"trader_jane".parse().unwrap()).await;
        let user = credentials.unwrap().unwrap().user;
        line.restart_counting();
        Self { installation, line, user }
    }

    fn process(&self, at: usize) -> Arc<UserService> {
        Arc::clone(&self.installation.processes[at])
    }

    /// Asks the process with this index.
    async fn deposit(&self, at: usize, key: &str, amount: &str) -> Result<Told, UserError> {
        deposit(&self.installation.processes[at], self.user, key, amount).await
    }

    async fn withdraw(&self, at: usize, key: &str, amount: &str) -> Result<Told, UserError> {
        let once = once(key, &format!("withdraw {amount}"));
        self.installation.processes[at].withdraw(cash(self.user, amount), &once).await
    }

    /// The balance, and the number of entries that made it.
    async fn books(&self) -> (String, u64) {
        let holding = self.installation.processes[0].store.holding(self.user, AssetId::USD).await;
        let holding = holding.unwrap().unwrap();
        let entries = self.installation.processes[0].store.entries(self.user, AssetId::USD, 1000, 1000).await;
        assert_eq!(entries.unwrap().len() as u64, holding.seq);
        (holding.available.to_usd().unwrap().to_string(), holding.seq)
    }
}

async fn deposit(process: &UserService, user: UserId, key: &str, amount: &str) -> Result<Told, UserError> {
    process.deposit(cash(user, amount), &once(key, &format!("deposit {amount}"))).await
}

fn cash(user: UserId, amount: &str) -> Cash {
    Cash { user, amount: Usd::parse(amount).unwrap(), description: None }
}

/// What a handler makes of a request with this body under this key.
fn once(key: &str, body: &str) -> Once<CashReceipt> {
    let request = TestRequest::post().uri("/cash").insert_header(("idempotency-key", key));
    let request = request.insert_header(("content-type", "application/json"));
    let body = serde_json::json!({ "body": body }).to_string();
    let (request, mut payload) = request.set_payload(body).to_http_parts();
    let keyed = Keyed::<()>::from_request(&request, &mut payload).now_or_never().unwrap().unwrap();
    keyed
        .telling(|receipt: &CashReceipt| Answer::json(201, &(receipt.id, receipt.balance_after, receipt.at)))
        .1
}

/// Demands that it is the first answer again.
#[track_caller]
fn is_replay(first: &Told, again: Result<Told, UserError>) {
    assert!(!first.replayed);
    assert_eq!(again, Ok(Told::again(first.answer.clone())));
}

async fn with_each_fault<F: Future<Output = ()>>(test: impl Fn(Fault) -> F) {
    join_all(Fault::EACH.map(test)).await;
}

#[tokio::test]
async fn whatever_happens_to_the_first_write_the_money_moves_once() {
    with_each_fault(async |fault| {
        let world = World::start().await;
        world.line.fail_at(0, fault);
        let first = world.deposit(0, "key", "10").await.unwrap();
        assert_eq!((first.answer.status, world.line.applied()), (201, 1), "{fault:?}");
        for at in [0, 1] {
            is_replay(&first, world.deposit(at, "key", "10").await);
        }
        assert_eq!(world.books().await, ("10.00".to_owned(), 1), "{fault:?}");
    })
    .await;
}

/// The client was told that the outcome is unknown; asking again, even elsewhere, settles it.
#[tokio::test]
async fn what_was_applied_and_never_answered_is_answered_when_it_is_asked_for_again() {
    let run = async |fault| {
        let world = World::start().await;
        world.line.always_fail(fault);
        let unknown = world.deposit(0, "key", "10").await;
        assert_eq!(unknown, Err(UserError::from(Outage::Storage)), "{fault:?}");
        world.line.heal();
        let again = world.deposit(1, "key", "10").await.unwrap();
        assert!(again.replayed && again.answer.status == 201, "{fault:?}: {again:?}");
        assert_eq!(world.deposit(0, "key", "10").await, Ok(again));
        assert_eq!(world.books().await, ("10.00".to_owned(), 1), "{fault:?}");
        assert_eq!(world.deposit(0, "key", "11").await, Err(UserError::Key(KeyRefusal::Reused)));
    };
    join_all([Fault::AnswerLost, Fault::ConnectionBroken].map(run)).await;
}

#[tokio::test]
async fn what_was_never_applied_is_done_when_it_is_asked_for_again() {
    let run = async |fault| {
        let world = World::start().await;
        world.line.always_fail(fault);
        assert!(matches!(world.deposit(0, "key", "10").await, Err(UserError::Accounts(_))), "{fault:?}");
        world.line.heal();
        let first = world.deposit(1, "key", "10").await.unwrap();
        is_replay(&first, world.deposit(0, "key", "10").await);
        assert_eq!(world.books().await, ("10.00".to_owned(), 1), "{fault:?}");
    };
    let faults = [Fault::RequestLost, Fault::ServerError, Fault::Contention("TransactionConflict")];
    join_all(faults.map(run)).await;
}

#[tokio::test]
async fn a_refusal_whose_answer_was_lost_stays_a_refusal_when_the_money_is_there() {
    let world = World::start().await;
    world.line.always_fail(Fault::ConnectionBroken);
    let unknown = world.withdraw(0, "key", "10").await;
    assert_eq!(unknown, Err(UserError::from(Outage::Storage)));
    world.line.heal();
    world.deposit(0, "other-key", "100").await.unwrap();
    let refused = world.withdraw(1, "key", "10").await.unwrap();
    assert!(refused.replayed && refused.answer.status == 422, "{refused:?}");
    assert_eq!(world.books().await, ("100.00".to_owned(), 1));
}

#[tokio::test]
async fn of_first_requests_at_once_in_two_processes_one_moves_money() {
    let world = World::start().await;
    for key in ["one", "two", "three"] {
        let mut requests = JoinSet::new();
        for number in 0..32 {
            let (process, user, key) = (world.process(number % 2), world.user, key.to_owned());
            requests.spawn(async move {
                let answer = deposit(&process, user, &key, "10").await.unwrap();
                // Something else moves the position under the others' feet.
                deposit(&process, user, &EntryId::generate().to_string(), "1").await.unwrap();
                answer
            });
        }
        let told = requests.join_all().await;
        let first: Vec<_> = told.iter().filter(|told| !told.replayed).collect();
        assert_eq!(first.len(), 1, "{told:?}");
        assert!(told.iter().all(|told| told.answer == first[0].answer), "{told:?}");
    }
    assert_eq!(world.books().await, ("126.00".to_owned(), 99));
}

#[tokio::test]
async fn of_two_processes_that_find_a_key_expired_one_takes_it_anew() {
    let world = World::start().await;
    let old = world.deposit(0, "key", "10").await.unwrap();
    *world.installation.clock.0.lock().unwrap() += TimeDelta::hours(24);
    let mut requests = JoinSet::new();
    for number in 0..16 {
        let (process, user) = (world.process(number % 2), world.user);
        requests.spawn(async move { deposit(&process, user, "key", "10").await.unwrap() });
    }
    let told = requests.join_all().await;
    let first: Vec<_> = told.iter().filter(|told| !told.replayed).collect();
    assert_eq!(first.len(), 1, "{told:?}");
    assert_ne!(first[0].answer, old.answer);
    assert!(told.iter().all(|told| told.answer == first[0].answer), "{told:?}");
    assert_eq!(world.books().await, ("20.00".to_owned(), 2));
}
