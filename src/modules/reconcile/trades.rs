//! Orders that were settled, and the two ledger entries of each.

use std::collections::{HashMap, HashSet};

use tradepost_kernel::{Amount, AssetId, OrderId, UserId};
use tradepost_order::Order;
use tradepost_user::Outcome;
use tradepost_user_api::{Account, Entry, EntryKind, Side};

use super::{Books, Problems};

impl Books {
    /// Every settlement has exactly its two entries, and no entry of an order lacks its settlement.
    pub(super) fn prove_trades(&self, problems: &mut Problems) {
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
                let id = &order.order_id;
                problems.add(order.user, format!("order {id}: its ledger entries are not its trade"));
            }
        }
        for (order, legs) in entries.iter().filter(|(order, _)| !settled.contains(**order)) {
            for (user, ..) in legs {
                problems.add(*user, format!("order {order}: ledger entries without a settlement"));
            }
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
