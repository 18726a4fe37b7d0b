//! Idempotency keys and ids of clients: each was used for what its item says.

use std::collections::HashMap;

use serde_json::Value;
use tradepost_kernel::{Amount, Decimal, OrderId};
use tradepost_order::{Order, Status};
use tradepost_platform::idempotency::{Answer, KeyUse};
use tradepost_user_api::Entry;

use super::{Books, Problems};

impl Books {
    /// Each key names what was done under it, and answers it as it was done.
    pub(super) fn prove_keys(&self, problems: &mut Problems) {
        let entries: HashMap<_, _> = self
            .ledgers
            .iter()
            .flat_map(|((user, _), ledger)| {
                ledger.values().map(|entry| ((*user, entry.id.to_string()), entry))
            })
            .collect();
        for (user, scope, key_use) in &self.cash_keys {
            let entry = entries.get(&(*user, key_use.work.clone())).copied();
            if !is_of_cash(key_use, entry) {
                problems.add(*user, format!("key {user} {scope}: it does not answer what was done under it"));
            }
        }
        for (user, scope, key_use) in &self.order_keys {
            let order = key_use.work.parse::<OrderId>().ok().and_then(|id| self.orders.get(&id));
            if !is_of_order(scope, key_use, order.filter(|order| order.user == *user)) {
                problems.add(*user, format!("key {user} {scope}: it does not answer what was done under it"));
            }
        }
    }

    /// Each id of a client's names an order that has it, and each order that has one is named.
    pub(super) fn prove_client_order_ids(&self, problems: &mut Problems) {
        let own = |order: &Order| order.client_order_id.as_ref().map(|id| (order.user, id.to_string()));
        for ((user, id), named) in &self.client_order_ids {
            if self.orders.get(named).and_then(own) != Some((*user, id.clone())) {
                problems.add(*user, format!("client order id {user} {id}: {named} is no order that has it"));
            }
        }
        for order in self.orders.values() {
            if own(order).is_some_and(|id| self.client_order_ids.get(&id) != Some(&order.order_id)) {
                let id = &order.order_id;
                problems.add(order.user, format!("order {id}: its client order id does not name it"));
            }
        }
    }
}

/// Cash that was moved has its entry, and what was refused has none.
fn is_of_cash(key_use: &KeyUse, entry: Option<&Entry>) -> bool {
    let Some(answer) = &key_use.answer else { return false };
    match entry {
        None => !is_success(answer),
        Some(entry) => {
            let body = body(answer);
            is_success(answer)
                && body["transaction_id"] == key_use.work
                && decimal(&body["balance_after"]) == Some(entry.balance_after)
        }
    }
}

fn is_of_order(scope: &str, key_use: &KeyUse, order: Option<&Order>) -> bool {
    // Somebody is still at it, or will be; and then there is no answer yet.
    let asked_by = order.and_then(|order| order.asked_by.as_ref());
    let is_awaited = asked_by.is_some_and(|request| request.scope() == scope);
    let answer = match &key_use.answer {
        Some(answer) if !is_awaited => answer,
        answer => return answer.is_none() && is_awaited,
    };
    let is_cancellation = scope.starts_with("DELETE ");
    match (is_success(answer), order) {
        (true, None) => false,
        (true, Some(order)) if is_cancellation => order.status == Status::Cancelled,
        (true, Some(order)) => body(answer)["data"]["order_id"] == order.order_id.as_str(),
        // What was refused left no order, or a failed one; a cancellation that was refused names no work of its own.
        (false, Some(order)) => is_cancellation || order.status == Status::Failed || is_taken(answer),
        (false, None) => true,
    }
}

/// Another order has the id of the client: that one is named.
fn is_taken(answer: &Answer) -> bool {
    answer.status == 409
}

fn is_success(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_default()
}

fn decimal(value: &Value) -> Option<Amount> {
    value.as_str()?.parse::<Decimal>().ok().and_then(|value| Amount::new(value).ok())
}
