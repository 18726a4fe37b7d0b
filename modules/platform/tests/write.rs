//! `Write` on the embedded engine, with the faults that only a distant store has: whatever happens on the way,
//! an operation is applied once or not at all, and a refusal is only ever somebody else's doing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faults;

use faults::{Fault, Line, connect};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tradepost_platform::dynamo::{
    Dynamo, Expect, Item, Key, Table, TableDefinition, Write, WriteError, from_item,
};
use tradepost_problem::Outage;

const ACCOUNTS: TableDefinition = TableDefinition { name: "accounts", indexes: &[], expires_at: None };

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Account {
    version: u64,
    owner: String,
}

/// What a failed condition means, named after where it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Refused {
    First,
    Second,
    Third,
}

struct World {
    dynamo: Dynamo,
    table: Table,
    line: Line,
}

impl World {
    /// A world in which these accounts exist, each with version 1.
    async fn with(names: &[&str]) -> Self {
        let (dynamo, line) = connect();
        ACCOUNTS.create(&dynamo).await.unwrap();
        let table = dynamo.table(ACCOUNTS.name);
        let world = Self { dynamo, table, line };
        for name in names {
            world.insert("setup", name).commit().await.unwrap();
        }
        world.line.restart_counting();
        world
    }

    fn write(&self, operation: &str) -> Write<Refused> {
        Write::new(&self.dynamo, operation)
    }

    /// Inserts an account.
    fn insert(&self, operation: &str, name: &str) -> Write<Refused> {
        self.write(operation).insert(&self.table, &key(name), &version(1), Refused::First)
    }

    /// Raises an account from version 1 to version 2.
    fn raise(&self, operation: &str, name: &str) -> Write<Refused> {
        self.write(operation).put(&self.table, &key(name), &version(2), &is_version(1), Refused::First)
    }

    /// Raises alice, inserts bob, removes carol, and demands that dave exists.
    fn transaction(&self, operation: &str) -> Write<Refused> {
        self.raise(operation, "alice")
            .insert(&self.table, &key("bob"), &version(1), Refused::Second)
            .delete(&self.table, &key("carol"), &Expect::Present, Refused::Third)
            .check(&self.table, &key("dave"), &Expect::Present, Refused::Third)
    }

    async fn assert_the_transaction_is_in(&self) {
        assert_eq!(self.versions(["alice", "bob", "carol", "dave"]).await, [Some(2), Some(1), None, Some(1)]);
    }

    async fn versions<const N: usize>(&self, names: [&str; N]) -> [Option<u64>; N] {
        let mut versions = [None; N];
        for (version, name) in versions.iter_mut().zip(names) {
            *version = self.account(name).await.map(|account| account.version);
        }
        versions
    }

    async fn account(&self, name: &str) -> Option<Account> {
        self.table.get(&key(name)).await.unwrap()
    }

    /// Another operation raises the version of an account by one, whatever it is.
    async fn overtake(&self, name: &str) {
        let raised = version(self.account(name).await.unwrap().version + 1);
        let other =
            self.write("other").put(&self.table, &key(name), &raised, &Expect::Present, Refused::First);
        other.commit().await.unwrap();
    }
}

fn key(name: &str) -> Key {
    Key::new(format!("account#{name}"), "balance")
}

fn version(version: u64) -> Account {
    Account { version, owner: "alice".to_owned() }
}

fn is_version(number: u64) -> Expect {
    Expect::number("version", number)
}

/// The error of a lost race and what was found, read as an account.
fn lost(outcome: Result<(), WriteError<Refused>>) -> (Refused, Option<Account>) {
    match outcome {
        Err(WriteError::Lost(lost)) => (lost.error, lost.found.map(|item: Item| from_item(item).unwrap())),
        other => panic!("expected a lost race, got {other:?}"),
    }
}

fn outage(outcome: Result<(), WriteError<Refused>>) -> Outage {
    match outcome {
        Err(WriteError::Outage(outage)) => outage,
        other => panic!("expected an outage, got {other:?}"),
    }
}

/// Runs a test for every fault, at the same time because some of them take a second.
async fn with_each_fault<F: Future<Output = ()>>(test: impl Fn(Fault) -> F) {
    join_all(Fault::EACH.map(test)).await;
}

#[tokio::test]
async fn an_insert_is_applied_once_under_each_fault() {
    with_each_fault(async |fault| {
        let world = World::with(&[]).await;
        world.line.fail_at(0, fault);
        world.insert("mine", "alice").commit().await.unwrap();
        assert_eq!(world.account("alice").await, Some(version(1)), "{fault:?}");
        assert_eq!((world.line.attempts(), world.line.applied()), (2, 1), "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn a_version_is_raised_once_under_each_fault() {
    with_each_fault(async |fault| {
        let world = World::with(&["alice"]).await;
        world.line.fail_at(0, fault);
        world.raise("mine", "alice").commit().await.unwrap();
        assert_eq!(world.account("alice").await, Some(version(2)), "{fault:?}");
        assert_eq!((world.line.attempts(), world.line.applied()), (2, 1), "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn a_transaction_is_applied_once_under_each_fault() {
    with_each_fault(async |fault| {
        let world = World::with(&["alice", "carol", "dave"]).await;
        world.line.fail_at(0, fault);
        world.transaction("mine").commit().await.unwrap();
        world.assert_the_transaction_is_in().await;
        assert_eq!((world.line.attempts(), world.line.applied()), (2, 1), "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn a_transaction_is_applied_once_under_one_fault_after_another() {
    let conflict = Fault::Contention("TransactionConflict");
    let runs: [&[Fault]; 7] = [
        &[conflict, conflict, conflict, conflict],
        &[conflict, Fault::AnswerLost],
        &[Fault::AnswerLost, conflict],
        &[Fault::AnswerLost, Fault::RequestLost],
        &[Fault::RequestLost, Fault::AnswerLost],
        &[Fault::ConnectionBroken, Fault::ServerError, Fault::Refusal("ThrottlingException")],
        &[Fault::ServerError, Fault::ConnectionBroken, conflict],
    ];
    let run = async |faults: &[Fault]| {
        let world = World::with(&["alice", "carol", "dave"]).await;
        world.line.fail_with(faults);
        world.transaction("mine").commit().await.unwrap();
        world.assert_the_transaction_is_in().await;
        assert_eq!((world.line.attempts(), world.line.applied()), (faults.len() + 1, 1), "{faults:?}");
    };
    join_all(runs.map(run)).await;
}

#[tokio::test]
async fn an_operation_that_is_repeated_as_a_whole_succeeds_and_changes_nothing() {
    let world = World::with(&["alice", "carol", "dave"]).await;
    for _ in 0..3 {
        world.transaction("mine").commit().await.unwrap();
        world.insert("single", "erin").commit().await.unwrap();
    }
    world.assert_the_transaction_is_in().await;
    assert_eq!((world.line.attempts(), world.line.applied()), (6, 2));
}

#[tokio::test]
async fn another_operation_s_item_loses_the_race_with_the_error_of_its_condition_and_the_item() {
    let world = World::with(&["alice"]).await;
    world.overtake("alice").await;
    for (what, write) in [
        ("insert", world.insert("mine", "alice")),
        ("raise", world.raise("mine", "alice")),
        (
            "insert in a transaction",
            world.insert("mine", "alice").insert(&world.table, &key("bob"), &version(1), Refused::Second),
        ),
        (
            "raise in a transaction",
            world.raise("mine", "alice").insert(&world.table, &key("bob"), &version(1), Refused::Second),
        ),
    ] {
        assert_eq!(lost(write.commit().await), (Refused::First, Some(version(2))), "{what}");
    }
    assert_eq!(world.versions(["alice", "bob"]).await, [Some(2), None]);
}

#[tokio::test]
async fn another_operation_s_item_loses_the_race_whatever_happened_to_the_attempts_before() {
    for fault in [Fault::Contention("TransactionConflict"), Fault::Refusal("ThrottlingException")] {
        let world = World::with(&["alice"]).await;
        world.overtake("alice").await;
        world.line.fail_at(0, fault);
        assert_eq!(lost(world.raise("mine", "alice").commit().await), (Refused::First, Some(version(2))));
        assert_eq!(world.account("alice").await, Some(version(2)));
    }
}

#[tokio::test]
async fn of_several_failed_conditions_the_first_by_index_wins() {
    let world = World::with(&["bob", "carol"]).await;
    let (table, new) = (&world.table, version(9));
    let write = |operation| world.write(operation).insert(table, &key("alice"), &new, Refused::First);

    let second = write("a").insert(table, &key("bob"), &new, Refused::Second).check(
        table,
        &key("dave"),
        &Expect::Present,
        Refused::Third,
    );
    assert_eq!(lost(second.commit().await), (Refused::Second, Some(version(1))));

    let third = write("b").check(table, &key("dave"), &Expect::Present, Refused::Third).insert(
        table,
        &key("bob"),
        &new,
        Refused::Second,
    );
    assert_eq!(lost(third.commit().await), (Refused::Third, None));
    assert_eq!(world.versions(["alice", "bob", "carol", "dave"]).await, [None, Some(1), Some(1), None]);
}

#[tokio::test]
async fn nothing_is_written_when_one_condition_of_a_transaction_fails() {
    // Each time another one of the four conditions does not hold.
    for (existing, refused) in [
        (&["carol", "dave"][..], Refused::First),
        (&["alice", "bob", "carol", "dave"], Refused::Second),
        (&["alice", "dave"], Refused::Third),
        (&["alice", "carol"], Refused::Third),
    ] {
        let world = World::with(existing).await;
        assert_eq!(lost(world.transaction("mine").commit().await).0, refused, "{existing:?}");
        for name in ["alice", "bob", "carol", "dave"] {
            let expected = existing.contains(&name).then(|| version(1));
            assert_eq!(world.account(name).await, expected, "{name} of {existing:?}");
        }
    }
}

#[tokio::test]
async fn each_condition_holds_for_put_delete_and_check_exactly_when_it_says() {
    let owner_is = |name: &str| Expect::text("owner", name);
    let conditions = [
        (Expect::Absent, false, true),
        (Expect::Present, true, false),
        (is_version(1), true, false),
        (is_version(7), false, false),
        (owner_is("alice"), true, false),
        (owner_is("mallory"), false, false),
        (Expect::text("no such attribute", "alice"), false, false),
    ];
    for (expect, holds_if_present, holds_if_absent) in conditions {
        for (existing, holds) in [(&["alice"][..], holds_if_present), (&[], holds_if_absent)] {
            for action in [Action::Put, Action::Delete, Action::Check] {
                action.assert(&expect, existing, holds).await;
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Put,
    Delete,
    Check,
}

impl Action {
    async fn assert(self, expect: &Expect, existing: &[&str], holds: bool) {
        let world = World::with(existing).await;
        let before = world.account("alice").await;
        let (write, key, refused) = (world.write("mine"), key("alice"), Refused::First);
        let (write, after) = match self {
            Self::Put => (write.put(&world.table, &key, &version(5), expect, refused), Some(version(5))),
            Self::Delete => (write.delete(&world.table, &key, expect, refused), None),
            Self::Check => (write.check(&world.table, &key, expect, refused), before.clone()),
        };
        let outcome = write.commit().await;
        let case = format!("{self:?} {expect:?} {existing:?}");
        if holds {
            assert!(outcome.is_ok(), "{case}");
            assert_eq!(world.account("alice").await, after, "{case}");
        } else {
            assert_eq!(lost(outcome), (refused, before.clone()), "{case}");
            assert_eq!(world.account("alice").await, before, "{case}");
        }
    }
}

#[tokio::test]
async fn contention_without_end_is_busy_and_nothing_was_written() {
    let contentions = [
        Fault::Contention("TransactionConflict"),
        Fault::Refusal("ThrottlingException"),
        Fault::Refusal("ProvisionedThroughputExceededException"),
    ];
    let run = async |fault: Fault| {
        let world = World::with(&["alice", "carol", "dave"]).await;
        world.line.always_fail(fault);
        let (single, many) = (world.raise("mine", "alice"), world.transaction("mine"));
        let outcomes = tokio::join!(single.commit(), many.commit());
        assert_eq!((outage(outcomes.0), outage(outcomes.1)), (Outage::Busy, Outage::Busy), "{fault:?}");
        assert_eq!(world.line.applied(), 0);
        // Full jitter under a ceiling that grows: more than a few attempts, and no storm.
        assert!((8..=200).contains(&world.line.attempts()), "{fault:?} {}", world.line.attempts());
    };
    join_all(contentions.map(run)).await;
}

#[tokio::test]
async fn silence_without_end_is_an_outage_of_the_store_after_few_attempts() {
    let world = World::with(&["alice", "carol", "dave"]).await;
    world.line.always_fail(Fault::RequestLost);
    let (single, many) = (world.insert("mine", "bob"), world.transaction("mine"));
    let outcomes = tokio::join!(single.commit(), many.commit());
    assert_eq!((outage(outcomes.0), outage(outcomes.1)), (Outage::Storage, Outage::Storage));
    // An attempt gets a second, and none starts after the third.
    assert!((2..=6).contains(&world.line.attempts()), "{}", world.line.attempts());
    assert_eq!(world.line.applied(), 0);
}

#[tokio::test]
async fn contention_after_silence_is_an_outage_of_the_store_because_the_write_may_be_in() {
    let world = World::with(&["alice"]).await;
    world.line.fail_at(0, Fault::ConnectionBroken);
    world.line.always_fail(Fault::Contention("TransactionConflict"));
    assert_eq!(outage(world.raise("mine", "alice").commit().await), Outage::Storage);
    assert_eq!(world.account("alice").await, Some(version(2)));
}

#[tokio::test]
async fn an_item_that_cannot_be_stored_is_a_defect_and_nothing_is_sent() {
    let world = World::with(&["alice"]).await;
    let write = world.raise("mine", "alice");
    let write = write.insert(&world.table, &key("bob"), &"not a structure", Refused::Second);
    assert_eq!(outage(write.commit().await), Outage::Internal);
    assert_eq!(world.line.attempts(), 0);
    assert_eq!(world.account("alice").await, Some(version(1)));
}

#[tokio::test]
async fn a_write_after_which_the_item_was_changed_again_is_never_called_a_refusal() {
    let world = World::with(&["alice"]).await;
    world.line.fail_at(0, Fault::AnswerLost);
    let (mine, ()) = tokio::join!(world.raise("mine", "alice").commit(), async {
        world.line.has_applied(1).await;
        world.overtake("alice").await;
    });
    assert!(!matches!(mine, Err(WriteError::Lost(_))), "{mine:?}");
    assert_eq!(world.account("alice").await, Some(version(3)));
}

/// Were a final item's write applied, the item would still show it: so a race lost after silence is a lost race.
#[tokio::test]
async fn a_write_that_leaves_a_mark_knows_after_silence_whether_it_was_applied() {
    for (fault, applied) in [(Fault::RequestLost, false), (Fault::AnswerLost, true)] {
        let world = World::with(&["alice", "order"]).await;
        world.line.fail_at(0, fault);
        let last = version(9);
        let end = world
            .write("mine")
            .put(&world.table, &key("order"), &last, &is_version(1), Refused::First)
            .put(&world.table, &key("alice"), &version(2), &is_version(1), Refused::Second)
            .leaving_a_mark();
        let (mine, ()) = tokio::join!(end.commit(), async {
            world.line.has_sent(1).await;
            world.line.has_applied(usize::from(applied)).await;
            world.overtake("alice").await;
        });
        if applied {
            mine.unwrap();
            assert_eq!(world.versions(["order", "alice"]).await, [Some(9), Some(3)]);
        } else {
            assert_eq!(lost(mine), (Refused::Second, Some(version(2))));
            assert_eq!(world.versions(["order", "alice"]).await, [Some(1), Some(2)]);
        }
    }
}

#[tokio::test]
async fn a_delete_whose_answer_was_lost_is_never_called_a_refusal() {
    for fault in [Fault::AnswerLost, Fault::ConnectionBroken] {
        let world = World::with(&["alice"]).await;
        world.line.fail_at(0, fault);
        let delete =
            world.write("mine").delete(&world.table, &key("alice"), &Expect::Present, Refused::First);
        let outcome = delete.commit().await;
        assert_eq!(world.account("alice").await, None);
        assert!(!matches!(outcome, Err(WriteError::Lost(_))), "{fault:?} {outcome:?}");
    }
}

#[tokio::test]
async fn a_write_that_the_store_calls_invalid_is_a_defect_at_once() {
    let world = World::with(&["alice"]).await;
    let huge = Account { version: 2, owner: "x".repeat(500_000) };
    let put =
        |write: Write<Refused>| write.put(&world.table, &key("alice"), &huge, &is_version(1), Refused::First);
    for (case, write) in [
        ("no action", world.write("mine")),
        (
            "two actions on one item",
            world.raise("mine", "alice").insert(&world.table, &key("alice"), &huge, Refused::Second),
        ),
        ("an item too large", put(world.write("mine"))),
        ("an item too large in a transaction", put(world.insert("mine", "bob"))),
    ] {
        world.line.restart_counting();
        assert_eq!(outage(write.commit().await), Outage::Internal, "{case}");
        assert_eq!(world.line.attempts(), 1, "{case}");
    }
    assert_eq!(world.versions(["alice", "bob"]).await, [Some(1), None]);
}
