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
    async fn new() -> Self {
        let (dynamo, line) = connect();
        ACCOUNTS.create(&dynamo).await.unwrap();
        let table = dynamo.table(ACCOUNTS.name);
        Self { dynamo, table, line }
    }

    /// A world in which these accounts exist, each with version 1, and the line counts from zero.
    async fn with(names: &[&str]) -> Self {
        let (dynamo, line) = connect();
        ACCOUNTS.create(&dynamo).await.unwrap();
        let table = dynamo.table(ACCOUNTS.name);
        let world = Self { dynamo, table, line };
        for name in names {
            let setup = world.write("setup").insert(&world.table, &key(name), &version(1), Refused::First);
            setup.commit().await.unwrap();
        }
        world
    }

    fn write(&self, operation: &str) -> Write<Refused> {
        Write::new(&self.dynamo, operation)
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
