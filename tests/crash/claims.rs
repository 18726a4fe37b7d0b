//! What must be true of every operation after the platform was killed.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::books::{Order, Records, Transaction};
use crate::operation::{Operation, Work};

/// What one user asked for, and what became of it.
pub struct Claims<'a> {
    operations: Vec<&'a Operation>,
    records: &'a Records,
    orders: HashMap<&'a str, &'a Order>,
    cash: HashMap<&'a str, Vec<&'a Transaction>>,
}

impl<'a> Claims<'a> {
    pub fn new(operations: impl Iterator<Item = &'a Operation>, records: &'a Records) -> Self {
        let key = |order: &'a Order| order.client_order_id.as_deref().unwrap_or_default();
        let mut cash = HashMap::<_, Vec<_>>::new();
        for entry in records.transactions.iter().filter(|entry| entry.order_id.is_none()) {
            cash.entry(entry.description.as_deref().unwrap_or_default()).or_default().push(entry);
        }
        let orders = records.orders.iter().map(|order| (key(order), order)).collect();
        Self { operations: operations.collect(), records, orders, cash }
    }

    /// What is true at any moment: what was acknowledged is there, once.
    pub fn kept(&self) -> Result<(), String> {
        for operation in &self.operations {
            for done in operation.done() {
                let is_kept = match &operation.work {
                    Work::Deposit(_) | Work::Withdraw(_) => self.has_cash(operation, done),
                    Work::Place(_) => {
                        let order = self.orders.get(operation.key.as_str());
                        order.is_some_and(|order| done["data"]["order_id"] == order.order_id)
                    }
                    // It may have been acknowledged before it was written down; recovery is sure to do that.
                    Work::Cancel { .. } => true,
                };
                claim(is_kept, || format!("{operation} was acknowledged as {done}, and is not there once"))?;
            }
        }
        Ok(())
    }

    fn has_cash(&self, operation: &Operation, done: &Value) -> bool {
        let found = self.cash.get(operation.key.as_str()).map_or(&[][..], Vec::as_slice);
        let (kind, amount) = match &operation.work {
            Work::Deposit(amount) => ("deposit", *amount),
            Work::Withdraw(amount) => ("withdraw", -*amount),
            _ => return false,
        };
        matches!(found, [entry] if entry.transaction_type == kind && entry.amount == amount
            && done["transaction_id"] == entry.transaction_id
            && done["balance_after"] == entry.balance_after.to_string())
    }

    /// What is true once every operation has an answer and everything that was begun has come to its end.
    pub fn right(&self) -> Result<(), String> {
        self.kept()?;
        for operation in &self.operations {
            claim(operation.is_answered(), || format!("{operation} has no answer"))?;
            self.answers_agree(operation)?;
            match &operation.work {
                Work::Deposit(_) | Work::Withdraw(_) => self.refused_cash_is_absent(operation)?,
                Work::Place(_) => self.order_went_on(operation)?,
                Work::Cancel { order_id } => self.is_cancelled(operation, order_id)?,
            }
        }
        self.nothing_is_unasked()
    }

    fn answers_agree(&self, operation: &Operation) -> Result<(), String> {
        let mut answers = operation.done();
        let first = answers.next();
        let agree = answers.all(|answer| Some(answer) == first)
            && (first.is_none() || operation.refusals().next().is_none());
        claim(agree, || format!("{operation} was answered in different ways: {:?}", operation.replies))
    }

    fn refused_cash_is_absent(&self, operation: &Operation) -> Result<(), String> {
        let is_there = self.cash.contains_key(operation.key.as_str());
        claim(operation.done().next().is_some() || !is_there, || format!("{operation} was refused and done"))
    }

    fn order_went_on(&self, operation: &Operation) -> Result<(), String> {
        let order = self.orders.get(operation.key.as_str());
        if operation.refusals().next().is_some() {
            let is_refused = order.is_none_or(|order| order.status == "failed");
            claim(is_refused, || format!("{operation} was refused, and is {order:?}"))?;
        }
        for done in operation.done() {
            let goes = order.is_some_and(|order| leads_to(&done["data"], order));
            claim(goes, || format!("{operation} was acknowledged as {done}, and is {order:?}"))?;
        }
        Ok(())
    }

    fn is_cancelled(&self, operation: &Operation, order_id: &str) -> Result<(), String> {
        let order = self.records.order(order_id);
        let is_cancelled = order.is_some_and(|order| order.status == "cancelled");
        claim(operation.done().next().is_none() || is_cancelled, || {
            format!("{operation} was acknowledged, and the order is {order:?}")
        })
    }

    /// Every order, every entry and every cancellation goes back to one operation.
    fn nothing_is_unasked(&self) -> Result<(), String> {
        let by_key: HashMap<_, _> =
            self.operations.iter().map(|operation| (operation.key.as_str(), operation)).collect();
        claim(self.orders.len() == self.records.orders.len(), || {
            "a client_order_id is there twice".to_owned()
        })?;
        for (key, order) in &self.orders {
            let is_asked = by_key.get(key).is_some_and(|operation| asks_for(&operation.work, order));
            claim(is_asked, || format!("nobody asked for {order:?}"))?;
        }
        for (key, entries) in &self.cash {
            let is_cash = |work: &Work| matches!(work, Work::Deposit(_) | Work::Withdraw(_));
            let is_asked = by_key.get(key).is_some_and(|operation| is_cash(&operation.work));
            claim(is_asked && entries.len() == 1, || format!("nobody asked for all of {entries:?}"))?;
        }
        let cancels: HashSet<_> =
            self.operations.iter().filter_map(|operation| may_cancel(operation)).collect();
        for order in self.records.orders.iter().filter(|order| order.status == "cancelled") {
            claim(cancels.contains(order.order_id.as_str()), || format!("nobody cancelled {order:?}"))?;
        }
        Ok(())
    }
}

pub fn claim(is_true: bool, complaint: impl FnOnce() -> String) -> Result<(), String> {
    if is_true { Ok(()) } else { Err(complaint()) }
}

/// Whether an order that was answered like this may be like that later.
fn leads_to(answer: &Value, order: &Order) -> bool {
    match answer["status"].as_str() {
        Some("pending") => true,
        Some("open") => order.status != "pending",
        Some("completed") => {
            order.status == "completed" && answer["total_amount"] == order.total_amount.to_string()
        }
        status => status == Some(order.status.as_str()),
    }
}

fn asks_for(work: &Work, order: &Order) -> bool {
    matches!(work, Work::Place(asked) if asked.order_type == order.order_type
        && asked.asset_id == order.asset_id
        && asked.quantity == order.quantity
        && (order.status != "expired" || asked.expires_at.is_some()))
}

/// Which order it cancelled, if it did: no answer may be a lost success.
fn may_cancel(operation: &Operation) -> Option<&str> {
    let Work::Cancel { order_id } = &operation.work else { return None };
    let is_refused = operation.replies.len() == operation.refusals().count();
    (!is_refused).then_some(order_id.as_str())
}
