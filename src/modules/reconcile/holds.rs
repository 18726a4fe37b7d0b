//! What is held, and what became of the money of each order.

use std::collections::HashMap;

use tradepost_kernel::{Amount, AssetId, Decimal, OrderId, UserId};
use tradepost_order::{Order, Stage, Status};
use tradepost_user::Outcome;

use super::{Books, Problems};

impl Books {
    pub(super) fn open_holds(&self) -> impl Iterator<Item = (&OrderId, UserId, AssetId, Amount)> {
        self.outcomes.iter().filter_map(|(order, (user, outcome))| match outcome {
            Outcome::Held { asset, amount, .. } => Some((order, *user, *asset, *amount)),
            _ => None,
        })
    }

    /// What is held of each position is what its open holds add up to.
    pub(super) fn prove_holds(&self, problems: &mut Problems) {
        let mut sums = HashMap::<(UserId, AssetId), Vec<Amount>>::new();
        for (_, user, asset, amount) in self.open_holds() {
            sums.entry((user, asset)).or_default().push(amount);
        }
        for (whose, (_, held, _)) in &self.positions {
            let holds = sums.remove(whose).unwrap_or_default();
            let sum: Decimal = holds.iter().map(|amount| amount.get()).sum();
            if sum != held.get() {
                let (user, asset) = whose;
                let found = format!("{held} is held, but its {} open holds sum to {sum}", holds.len());
                problems.add(*user, format!("position {user} {asset}: {found}"));
            }
        }
        for (user, asset) in sums.keys() {
            let found = format!("position {user} {asset}: there is none, but there are holds of it");
            problems.add(*user, found);
        }
    }

    /// The money of every order ended as the order did, and what has an outcome has an order.
    pub(super) fn prove_outcomes(&self, problems: &mut Problems) {
        for order in self.orders.values() {
            let outcome = self.outcomes.get(&order.order_id).map(|(_, outcome)| outcome);
            if !fits(order, outcome) {
                let (id, status, outcome) = (&order.order_id, order.status.as_str(), name(outcome));
                problems.add(order.user, format!("order {id}: it is {status}, and its money is {outcome}"));
            }
        }
        for (id, (user, outcome)) in &self.outcomes {
            if self.orders.get(id).is_none_or(|order| order.user != *user) {
                let what = name(Some(outcome));
                problems.add(*user, format!("order {id}: its money is {what}, but {user} has no such order"));
            }
        }
    }
}

/// Whether an order may be in its state when this became of its money.
fn fits(order: &Order, outcome: Option<&Outcome>) -> bool {
    match order.stage() {
        // The money comes first, and recovery closes the order.
        Stage::Pending => true,
        Stage::Waiting => match outcome {
            Some(Outcome::Held { asset, amount, .. }) => order.needs() == (*asset, *amount),
            _ => false,
        },
        Stage::Ending(_) => {
            matches!(outcome, Some(Outcome::Held { .. } | Outcome::Settled { .. } | Outcome::Released { .. }))
        }
        Stage::Final => fits_end(order.status, outcome),
    }
}

fn fits_end(status: Status, outcome: Option<&Outcome>) -> bool {
    match status {
        Status::Completed => matches!(outcome, Some(Outcome::Settled { .. })),
        Status::Cancelled | Status::Expired => matches!(outcome, Some(Outcome::Released { .. })),
        // What needs no balance to be refused never reaches the accounts.
        _ => matches!(outcome, None | Some(Outcome::Refused { .. } | Outcome::Released { .. })),
    }
}

fn name(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        None => "untouched",
        Some(Outcome::Held { .. }) => "held",
        Some(Outcome::Settled { .. }) => "settled",
        Some(Outcome::Released { .. }) => "released",
        Some(Outcome::Refused { .. }) => "refused",
    }
}

#[cfg(test)]
mod tests {
    use tradepost_kernel::{Amount, AssetId, OrderId, Timestamp, UserId};

    use super::{Books, Outcome, Problems};

    fn amount(units: i64) -> Amount {
        Amount::new(units.into()).unwrap_or_default()
    }

    /// The problems of one user's cash of which this much is held, with open holds of these amounts.
    fn problems(held: Option<i64>, holds: &[i64]) -> Vec<String> {
        let (user, mut books, mut found) = (UserId::generate(), Books::default(), Problems::default());
        if let Some(held) = held {
            books.positions.insert((user, AssetId::USD), (amount(100), amount(held), 1));
        }
        let open = |units: &i64| Outcome::Held {
            asset: AssetId::USD,
            amount: amount(*units),
            held_at: Timestamp::UNIX_EPOCH,
        };
        let ended = Outcome::Released { at: Timestamp::UNIX_EPOCH, held_at: Some(Timestamp::UNIX_EPOCH) };
        let outcomes = holds.iter().map(open).chain([ended]);
        books.outcomes.extend(outcomes.map(|outcome| (OrderId::generate(), (user, outcome))));
        books.prove_holds(&mut found);
        found.0.iter().map(|(_, problem)| problem.replace(&user.to_string(), "U")).collect()
    }

    #[test]
    fn what_is_held_must_be_what_the_open_holds_add_up_to() {
        assert!(problems(Some(0), &[]).is_empty());
        assert!(problems(Some(70), &[30, 40]).is_empty());
        let wrong = ["position U USD: 70 is held, but its 1 open holds sum to 30"];
        assert_eq!(problems(Some(70), &[30]), wrong);
        assert_eq!(problems(Some(0), &[30]), ["position U USD: 0 is held, but its 1 open holds sum to 30"]);
        assert_eq!(problems(None, &[30]), ["position U USD: there is none, but there are holds of it"]);
    }
}
