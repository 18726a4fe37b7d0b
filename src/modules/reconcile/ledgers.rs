//! The ledgers, and the positions that follow from them.

use std::collections::BTreeMap;

use tradepost_kernel::Decimal;
use tradepost_user_api::{Account, Entry};

use super::{Books, Problems};

impl Books {
    pub(super) fn prove_ledgers(&self, problems: &mut Problems) {
        for ((user, asset), ledger) in &self.ledgers {
            let mut wrong = |what: String| problems.add(*user, format!("ledger {user} {asset}: {what}"));
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

    pub(super) fn prove_positions(&self, problems: &mut Problems) {
        for ((user, asset), (total, _, seq)) in &self.positions {
            let ledger = self.ledgers.get(&(*user, *asset));
            let sum: Decimal = ledger.into_iter().flat_map(BTreeMap::values).map(signed).sum();
            let entries = ledger.map_or(0, BTreeMap::len) as u64;
            if sum != total.get() || entries != *seq {
                let found = format!("{total} after {seq} entries, but its {entries} entries sum to {sum}");
                problems.add(*user, format!("position {user} {asset}: {found}"));
            }
        }
    }
}

fn signed(entry: &Entry) -> Decimal {
    let amount = entry.amount.get();
    if entry.credit == Account::User { amount } else { -amount }
}
