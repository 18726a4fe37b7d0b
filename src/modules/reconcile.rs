//! The proof of the books.
//!
//! Ledgers are numbered without a gap and each entry's balance follows from the one before; every position is the
//! sum of its ledger; what is held of each is the sum of its open holds; the money of every order ended as the order
//! did; every completed order has exactly its settlement with exactly its two entries, and no outcome lacks its
//! order; every idempotency key and every id of a client's was used for what its item says; debits and credits over
//! all accounts sum to zero by form.

mod holds;
mod keys;
mod ledgers;
mod read;
mod trades;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use tradepost_kernel::{Amount, AssetId, OrderId, UserId};
use tradepost_order::{Order, OrderRecord, StoredOrder};
use tradepost_platform::dynamo::Dynamo;
use tradepost_platform::idempotency::KeyUse;
use tradepost_user::{LedgerRecord, Outcome, Stored};
use tradepost_user_api::Entry;

use crate::StartError;
use crate::report::Report;

/// How often the books of a user are looked at again in the hope that they stand still for that long.
const LOOKS: u32 = 10;

/// What was read.
#[derive(Default)]
struct Books {
    positions: HashMap<(UserId, AssetId), (Amount, Amount, u64)>,
    ledgers: HashMap<(UserId, AssetId), BTreeMap<u64, Entry>>,
    outcomes: HashMap<OrderId, (UserId, Outcome)>,
    orders: HashMap<OrderId, Order>,
    dead_letters: Vec<OrderId>,
    /// Which order has which id of a user's client.
    client_order_ids: HashMap<(UserId, String), OrderId>,
    cash_keys: Vec<(UserId, String, KeyUse)>,
    order_keys: Vec<(UserId, String, KeyUse)>,
}

/// What is wrong, and in whose books.
#[derive(Default)]
struct Problems(Vec<(UserId, String)>);

impl Problems {
    fn add(&mut self, user: UserId, what: String) {
        self.0.push((user, what));
    }
}

/// Reads all books of the store and proves them. While traffic goes on a change may be read half; so the books of
/// whoever something looks wrong with are read again, until they stand still, before anything is reported.
///
/// # Errors
/// When the store does not answer.
pub async fn prove(dynamo: &Dynamo) -> Result<Report, StartError> {
    let books = read::all(dynamo).await?;
    let mut report = books.report();
    let suspects: HashSet<_> = books.problems().0.into_iter().map(|(user, _)| user).collect();
    for user in suspects {
        let problems = look_again(dynamo, user, &books).await?.0;
        report.problems.extend(problems.into_iter().map(|(_, what)| what));
    }
    report.problems.sort();
    report.problems.dedup();
    Ok(report)
}

/// Two readings that are the same saw the books as they stood between the two.
async fn look_again(dynamo: &Dynamo, user: UserId, books: &Books) -> Result<Problems, StartError> {
    let assets: Vec<_> =
        books.ledgers.keys().filter(|(of, _)| *of == user).map(|(_, asset)| *asset).collect();
    let mut before = read::of(dynamo, user, &assets).await?;
    for look in 1..=LOOKS {
        let now = read::of(dynamo, user, &assets).await?;
        if now == before {
            return Ok(now.into_books().problems());
        }
        before = now;
        tokio::time::sleep(Duration::from_millis(50) * look).await;
    }
    let mut problems = Problems::default();
    problems.add(
        user,
        format!("user {user}: the books looked wrong once, and never stood still to be read again"),
    );
    Ok(problems)
}

impl Books {
    fn report(&self) -> Report {
        let mut report = Report {
            positions: self.positions.len(),
            ledger_entries: self.ledgers.values().map(BTreeMap::len).sum(),
            outcomes: self.outcomes.len(),
            open_holds: self.open_holds().count(),
            orders: self.orders.len(),
            keys: self.cash_keys.len() + self.order_keys.len(),
            ..Report::default()
        };
        for ((_, asset), (total, ..)) in &self.positions {
            *report.holdings.entry(asset.to_string()).or_default() += total.get();
        }
        report
    }

    fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        self.prove_ledgers(&mut problems);
        self.prove_positions(&mut problems);
        self.prove_holds(&mut problems);
        self.prove_outcomes(&mut problems);
        self.prove_trades(&mut problems);
        self.prove_keys(&mut problems);
        self.prove_client_order_ids(&mut problems);
        for order in self.dead_letters.iter().filter_map(|id| self.orders.get(id)) {
            let (id, status) = (&order.order_id, order.status.as_str());
            problems.add(order.user, format!("order {id} is {status}, and nobody can finish it"));
        }
        problems
    }

    fn add_order(&mut self, OrderRecord { user, stored }: OrderRecord) {
        match stored {
            StoredOrder::Order { order, is_dead } => {
                self.dead_letters.extend(is_dead.then(|| order.order_id.clone()));
                self.orders.insert(order.order_id.clone(), *order);
            }
            StoredOrder::ClientOrderId { id, order } => {
                self.client_order_ids.insert((user, id), order);
            }
            StoredOrder::KeyUse { scope, key_use } => self.order_keys.push((user, scope, key_use)),
        }
    }

    fn add(&mut self, LedgerRecord { user, stored }: LedgerRecord) {
        match stored {
            Stored::Position { asset, total, held, seq, .. } => {
                self.positions.insert((user, asset), (total, held, seq));
            }
            Stored::Entry { asset, entry } => {
                self.ledgers.entry((user, asset)).or_default().insert(entry.seq, *entry);
            }
            // Were there two, of two users, one of them would lack its order.
            Stored::Outcome { order, outcome } => drop(self.outcomes.insert(order, (user, outcome))),
            Stored::KeyUse { scope, key_use } => self.cash_keys.push((user, scope, key_use)),
        }
    }
}
