//! The proof of the books.
//!
//! Ledgers are numbered without a gap and each entry's balance follows from the one before; every position is the
//! sum of its ledger; what is held of each is the sum of its open holds; the money of every order ended as the order
//! did; every completed order has exactly its settlement with exactly its two entries, and no outcome lacks its
//! order; debits and credits over all accounts sum to zero by form.

mod holds;

use std::collections::{BTreeMap, HashMap, HashSet};

use tradepost_kernel::{Amount, AssetId, Decimal, OrderId, UserId};
use tradepost_order::{Order, OrderRecord, orders_page};
use tradepost_platform::dynamo::Dynamo;
use tradepost_user::{LedgerRecord, Outcome, Stored, records};
use tradepost_user_api::{Account, Entry, EntryKind, Side};

use crate::StartError;
use crate::report::Report;

#[derive(Default)]
struct Books {
    positions: HashMap<(UserId, AssetId), (Amount, Amount, u64)>,
    ledgers: HashMap<(UserId, AssetId), BTreeMap<u64, Entry>>,
    outcomes: HashMap<OrderId, (UserId, Outcome)>,
    orders: HashMap<OrderId, Order>,
    repeated: Vec<String>,
}

/// Reads all books of the store and proves them. While traffic goes on, run it on a snapshot, or expect to read a
/// change half: what looks wrong then may be right when it is looked at again.
///
/// # Errors
/// When the store does not answer.
pub async fn prove(dynamo: &Dynamo) -> Result<Report, StartError> {
    let books = read(dynamo).await?;
    let mut report = Report {
        positions: books.positions.len(),
        ledger_entries: books.ledgers.values().map(BTreeMap::len).sum(),
        outcomes: books.outcomes.len(),
        open_holds: books.open_holds().count(),
        orders: books.orders.len(),
        problems: books.repeated.clone(),
        ..Report::default()
    };
    books.prove_ledgers(&mut report);
    books.prove_positions(&mut report);
    books.prove_holds(&mut report);
    books.prove_outcomes(&mut report);
    books.prove_orders(&mut report);
    report.problems.sort();
    Ok(report)
}

async fn read(dynamo: &Dynamo) -> Result<Books, StartError> {
    let mut books = Books::default();
    // Orders first: an order is pending before it is settled, so a settlement read later has its order here or is
    // newer than the reading.
    let mut after = None;
    loop {
        let page = orders_page(dynamo, after).await?;
        page.items.into_iter().for_each(|record| books.add_order(record));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut after = None;
    loop {
        let rows = records(dynamo, after).await?;
        rows.items.into_iter().for_each(|record| books.add(record));
        after = rows.more_after;
        if after.is_none() {
            return Ok(books);
        }
    }
}

impl Books {
    fn add_order(&mut self, OrderRecord { order, is_dead }: OrderRecord) {
        if is_dead {
            let status = order.status.as_str();
            self.repeated.push(format!("order {} is {status}, and nobody can finish it", order.order_id));
        }
        self.orders.insert(order.order_id.clone(), order);
    }

    fn add(&mut self, LedgerRecord { user, stored }: LedgerRecord) {
        match stored {
            Stored::Position { asset, total, held, seq } => {
                self.positions.insert((user, asset), (total, held, seq));
            }
            Stored::Entry { asset, entry } => {
                self.ledgers.entry((user, asset)).or_default().insert(entry.seq, *entry);
            }
            Stored::Outcome { order, outcome } => {
                if self.outcomes.insert(order.clone(), (user, outcome)).is_some() {
                    self.repeated.push(format!("order {order} has two outcomes"));
                }
            }
        }
    }

    fn prove_ledgers(&self, report: &mut Report) {
        for ((user, asset), ledger) in &self.ledgers {
            let mut wrong = |what: String| report.problems.push(format!("ledger {user} {asset}: {what}"));
            let (mut sum, mut time) = (Decimal::ZERO, None);
            for (expected, (seq, entry)) in (1..).zip(ledger) {
                if expected != *seq {
                    wrong(format!("entry {expected} is missing"));
                    break;
                }
                sum += signed(entry);
                if sum != entry.balance_after.get() {
                    wrong(format!("entry {seq} says {} is left, and {sum} is", entry.balance_after));
                }
                if sum < Decimal::ZERO {
                    wrong(format!("after entry {seq} the balance is negative"));
                }
                if time.is_some_and(|time| entry.created_at < time) {
                    wrong(format!("entry {seq} is older than the one before it"));
                }
                time = Some(entry.created_at);
            }
            if !self.positions.contains_key(&(*user, *asset)) {
                wrong("there is no position".to_owned());
            }
        }
    }

    fn prove_positions(&self, report: &mut Report) {
        for ((user, asset), (total, _, seq)) in &self.positions {
            let ledger = self.ledgers.get(&(*user, *asset));
            let sum: Decimal = ledger.into_iter().flat_map(BTreeMap::values).map(signed).sum();
            let entries = ledger.map_or(0, BTreeMap::len) as u64;
            if sum != total.get() || entries != *seq {
                report.problems.push(format!(
                    "position {user} {asset}: {total} after {seq} entries, but its {entries} entries sum to {sum}"
                ));
            }
            *report.holdings.entry(asset.to_string()).or_default() += total.get();
        }
    }

    fn prove_orders(&self, report: &mut Report) {
        let entries = self.entries_by_order();
        let is_settled = |outcome: &Outcome| matches!(outcome, Outcome::Settled { .. });
        let settled: HashSet<_> = self
            .outcomes
            .iter()
            .filter(|(_, (_, outcome))| is_settled(outcome))
            .map(|(order, _)| order)
            .collect();
        for order in self.orders.values().filter(|order| settled.contains(&order.order_id)) {
            let legs = entries.get(&order.order_id).map_or(&[][..], Vec::as_slice);
            if !are_legs_of(legs, order) {
                report
                    .problems
                    .push(format!("order {}: its ledger entries are not its trade", order.order_id));
            }
        }
        for order in entries.keys().filter(|order| !settled.contains(**order)) {
            report.problems.push(format!("order {order}: ledger entries without a settlement"));
        }
    }

    fn entries_by_order(&self) -> HashMap<&OrderId, Vec<(UserId, AssetId, &Entry)>> {
        let mut entries: HashMap<_, Vec<_>> = HashMap::new();
        for ((user, asset), ledger) in &self.ledgers {
            for entry in ledger.values() {
                if let Some(order) = &entry.order {
                    entries.entry(order).or_default().push((*user, *asset, entry));
                }
            }
        }
        entries
    }
}

/// Whether these are the two entries of the trade: cash one way, the asset the other, at the order's terms.
fn are_legs_of(legs: &[(UserId, AssetId, &Entry)], order: &Order) -> bool {
    let is_buy = order.order_type.side() == Side::Buy;
    let leg = |asset: AssetId, amount: Amount, comes_in: bool| {
        let kind = if is_buy { EntryKind::Purchase } else { EntryKind::Sale };
        legs.iter().any(|(user, of, entry)| {
            *user == order.user
                && *of == asset
                && entry.kind == kind
                && entry.amount == amount
                && entry.total == Some(order.value())
                && (entry.credit == Account::User) == comes_in
        })
    };
    legs.len() == 2
        && leg(AssetId::USD, order.value().into(), !is_buy)
        && leg(order.asset, order.quantity.into(), is_buy)
}

fn signed(entry: &Entry) -> Decimal {
    let amount = entry.amount.get();
    if entry.credit == Account::User { amount } else { -amount }
}
