use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::{Strategy, TestCaseError, prop_assert, prop_assert_eq, prop_oneof, proptest};
use tradepost_kernel::{
    Amount, AssetId, Decimal, EntryId, OrderId, Price, Quantity, Rounding, Timestamp, Usd,
};
use tradepost_user_api::{Account, AccountsError, Entry};

use super::super::{Holding, Movement, Record, Trade};
use crate::UserError;

fn noon() -> Timestamp {
    "2026-01-02T12:00:00Z".parse().unwrap()
}

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

fn amount(text: &str) -> Amount {
    Amount::new(text.parse().unwrap()).unwrap()
}

fn record(at: Timestamp) -> Record {
    Record { id: EntryId::generate(), at, description: None }
}

fn trade(quantity: &str, total: &str) -> Trade {
    Trade {
        order: OrderId::generate(),
        asset: "BTC".parse().unwrap(),
        quantity: Quantity::parse(quantity).unwrap(),
        price: Price::parse("50").unwrap(),
        total: usd(total),
    }
}

fn after(position: &Holding, movement: &Movement) -> Holding {
    position.apply(movement, record(noon())).unwrap().0
}

fn cash(text: &str) -> Holding {
    cash_of(usd(text))
}

fn cash_of(amount: Usd) -> Holding {
    let deposit = Movement::Deposit { amount, daily_limit: None };
    after(&Holding::empty(AssetId::USD, noon()), &deposit)
}

/// Two bitcoin that cost 50 dollars each.
fn bitcoin() -> Holding {
    let buy = Movement::Acquire { trade: trade("2", "100.00") };
    after(&Holding::empty("BTC".parse().unwrap(), noon()), &buy)
}

fn balances(position: &Holding) -> (String, String) {
    (position.available.to_string(), position.held.to_string())
}

fn are(available: &str, held: &str) -> (String, String) {
    (available.to_owned(), held.to_owned())
}

#[test]
fn exactly_what_is_available_can_be_held_and_a_cent_more_cannot() {
    let cash = cash("100.00");
    assert_eq!(balances(&cash.hold(amount("100"), noon()).unwrap()), are("0", "100"));
    let needs = AccountsError::InsufficientFunds { needed: usd("100.01"), available: usd("100.00") };
    assert_eq!(cash.hold(amount("100.01"), noon()), Err(needs));
    let (bitcoin, asset) = (bitcoin(), "BTC".parse().unwrap());
    assert_eq!(balances(&bitcoin.hold(amount("2"), noon()).unwrap()), are("0", "2"));
    let (needed, available) = (amount("2.00000001"), amount("2"));
    let needs = AccountsError::InsufficientHoldings { asset, needed, available };
    assert_eq!(bitcoin.hold(needed, noon()), Err(needs));
}

#[test]
fn what_is_held_cannot_be_held_again() {
    let cash = cash("100.00").hold(amount("70"), noon()).unwrap();
    assert_eq!(balances(&cash.hold(amount("30"), noon()).unwrap()), are("0", "100"));
    let needs = AccountsError::InsufficientFunds { needed: usd("30.01"), available: usd("30.00") };
    assert_eq!(cash.hold(amount("30.01"), noon()), Err(needs));
}

#[test]
fn what_is_held_can_neither_be_withdrawn_nor_spent_nor_sold() {
    let cash = cash("100.00").hold(amount("70"), noon()).unwrap();
    let withdraw = |text| Movement::Withdraw { amount: usd(text), daily_limit: usd("1000000") };
    assert_eq!(balances(&after(&cash, &withdraw("30.00"))), are("0", "70"));
    let pay = |total| Movement::Pay { trade: trade("1", total) };
    assert_eq!(balances(&after(&cash, &pay("30.00"))), are("0", "70"));
    for movement in [withdraw("30.01"), pay("30.01")] {
        let needs = AccountsError::InsufficientFunds { needed: usd("30.01"), available: usd("30.00") };
        assert_eq!(cash.apply(&movement, record(noon())).unwrap_err(), UserError::Accounts(needs));
    }
    let bitcoin = bitcoin().hold(amount("1.5"), noon()).unwrap();
    let sell = |quantity| Movement::Dispose { trade: trade(quantity, "1.00") };
    assert_eq!(balances(&after(&bitcoin, &sell("0.5"))), are("0", "1.5"));
    assert!(bitcoin.apply(&sell("0.50000001"), record(noon())).is_err());
}

#[test]
fn holding_and_releasing_raise_the_version_and_leave_everything_but_the_balances() {
    for position in [cash("100.00"), bitcoin()] {
        let (sooner, later) = (noon() - TimeDelta::seconds(1), noon() + TimeDelta::seconds(1));
        let held = position.hold(amount("1"), later).unwrap();
        let (version, available) = (position.version + 1, position.available.minus(amount("1")).unwrap());
        let same = Holding { version, available, held: amount("1"), updated_at: later, ..position.clone() };
        assert_eq!(held, same);
        let released = held.release(amount("1"), sooner).unwrap();
        let same = Holding { version: version + 1, updated_at: later, ..position };
        assert_eq!(released, same, "and time never runs backwards");
    }
}

#[test]
fn no_more_is_released_than_is_held() {
    let cash = cash("100.00").hold(amount("70"), noon()).unwrap();
    assert_eq!(balances(&cash.release(amount("69.99"), noon()).unwrap()), are("99.99", "0.01"));
    assert_eq!(cash.release(amount("70.01"), noon()), None);
}

#[test]
fn a_payment_from_a_hold_gives_its_surplus_back_in_one_change() {
    let cash = cash("100.00").hold(amount("70"), noon()).unwrap();
    let movement = Movement::Pay { trade: trade("1", "60.00") };
    let (paid, entry) = cash.apply_from_hold(amount("70"), &movement, record(noon())).unwrap().unwrap();
    assert_eq!(balances(&paid), are("40", "0"));
    assert_eq!((paid.version, paid.seq), (cash.version + 1, cash.seq + 1));
    assert_eq!((entry.amount, entry.balance_after, entry.seq), (amount("60"), amount("40"), paid.seq));
}

#[test]
fn a_payment_from_one_hold_leaves_the_others() {
    let cash = cash("100.00").hold(amount("70"), noon()).unwrap().hold(amount("30"), noon()).unwrap();
    let movement = Movement::Pay { trade: trade("1", "70.00") };
    let (paid, entry) = cash.apply_from_hold(amount("70"), &movement, record(noon())).unwrap().unwrap();
    assert_eq!(balances(&paid), are("0", "30"));
    assert_eq!(entry.balance_after, amount("30"));
}

#[test]
fn nothing_is_paid_from_less_than_it_takes() {
    let cash = cash("100.00").hold(amount("70"), noon()).unwrap();
    let from = |held: &str, total: &str| {
        cash.apply_from_hold(amount(held), &Movement::Pay { trade: trade("1", total) }, record(noon()))
    };
    assert!(from("70", "70.00").is_some());
    assert!(from("70", "70.01").is_none(), "not from what is available beside the hold");
    assert!(from("70.01", "70.00").is_none(), "there is no such hold");
}

#[test]
fn a_sale_from_a_hold_takes_its_share_of_the_cost() {
    let held = bitcoin().hold(amount("0.5"), noon()).unwrap();
    assert_eq!(held.average_cost().to_string(), "50", "what is held is still owned");
    let movement = Movement::Dispose { trade: trade("0.5", "400.00") };
    let (sold, _) = held.apply_from_hold(amount("0.5"), &movement, record(noon())).unwrap().unwrap();
    assert_eq!((sold.average_cost().to_string(), sold.cost.to_string()), ("50".into(), "75".into()));
    assert_eq!(balances(&sold), are("1.5", "0"));
}

#[derive(Clone, Debug)]
enum Step {
    Deposit(u32),
    Withdraw(u32),
    Hold(u8, u32),
    Release(u8),
    /// Buys with so many thousandths of what is held.
    Settle(u8, u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_u32..200_000).prop_map(Step::Deposit),
        (1_u32..200_000).prop_map(Step::Withdraw),
        (0_u8..8, 1_u32..200_000).prop_map(|(order, cents)| Step::Hold(order, cents)),
        (0_u8..8).prop_map(Step::Release),
        (0_u8..8, 1_u16..1000).prop_map(|(order, part)| Step::Settle(order, part)),
    ]
}

/// Cash, as a plain model has it: cents.
#[derive(Debug, Default)]
struct Model {
    total: u64,
    holds: BTreeMap<u8, u64>,
}

impl Model {
    fn held(&self) -> u64 {
        self.holds.values().sum()
    }

    fn available(&self) -> u64 {
        self.total - self.held()
    }

    fn agrees(&self, cash: &Holding) -> Result<(), TestCaseError> {
        prop_assert_eq!(cash.available.get(), cents(self.available()).get());
        prop_assert_eq!(cash.held.get(), cents(self.held()).get());
        Ok(())
    }

    /// Takes the step if it can be taken, and says whether.
    fn take(&mut self, step: &Step) -> bool {
        match *step {
            Step::Deposit(n) => self.total += u64::from(n),
            Step::Withdraw(n) if u64::from(n) <= self.available() => self.total -= u64::from(n),
            Step::Hold(order, n) if u64::from(n) <= self.available() && !self.holds.contains_key(&order) => {
                self.holds.insert(order, n.into());
            }
            Step::Release(order) => return self.holds.remove(&order).is_some(),
            Step::Settle(order, part) => match self.holds.remove(&order) {
                Some(held) => self.total -= price(held, part),
                None => return false,
            },
            Step::Withdraw(_) | Step::Hold(..) => return false,
        }
        true
    }
}

fn cents(n: u64) -> Usd {
    Usd::new(Decimal::from_i128_with_scale(n.into(), 2)).unwrap()
}

fn price(held: u64, part: u16) -> u64 {
    (held * u64::from(part)).div_ceil(1000)
}

/// The position after a step, and its entry if it makes one; `None` if it cannot be taken.
fn apply(cash: &Holding, step: &Step, hold: Option<u64>) -> Option<(Holding, Option<Entry>)> {
    let moved = |movement| {
        let (next, entry) = cash.apply(&movement, record(noon())).ok()?;
        Some((next, Some(entry)))
    };
    match *step {
        Step::Deposit(n) => moved(Movement::Deposit { amount: cents(n.into()), daily_limit: None }),
        Step::Withdraw(n) => {
            moved(Movement::Withdraw { amount: cents(n.into()), daily_limit: usd("999999999") })
        }
        // That each order has one hold is for its outcome to see to.
        Step::Hold(..) if hold.is_some() => None,
        Step::Hold(_, n) => Some((cash.hold(cents(n.into()).into(), noon()).ok()?, None)),
        Step::Release(_) => Some((cash.release(cents(hold?).into(), noon())?, None)),
        Step::Settle(_, part) => {
            let total = cents(price(hold?, part));
            let movement = Movement::Pay { trade: Trade { total, ..trade("1", "1") } };
            let (next, entry) =
                cash.apply_from_hold(cents(hold?).into(), &movement, record(noon()))?.unwrap();
            Some((next, Some(entry)))
        }
    }
}

proptest! {
    /// Whatever is tried in whatever order: cash and its holds are what a plain model says, a step is refused when
    /// the model refuses it, and the ledger adds up to available and held together.
    #[test]
    fn cash_and_its_holds_are_what_a_plain_model_says(steps in proptest::collection::vec(step(), 1..80)) {
        let (mut cash, mut model) = (Holding::empty(AssetId::USD, noon()), Model::default());
        let mut sum = Decimal::ZERO;
        for step in &steps {
            let hold = match step {
                Step::Hold(order, _) | Step::Release(order) | Step::Settle(order, _) => model.holds.get(order),
                Step::Deposit(_) | Step::Withdraw(_) => None,
            };
            let applied = apply(&cash, step, hold.copied());
            prop_assert_eq!(model.take(step), applied.is_some(), "{:?} {:?}", step, &cash);
            let Some((next, entry)) = applied else { continue };
            prop_assert_eq!(next.version, cash.version + 1);
            prop_assert_eq!(next.seq, cash.seq + u64::from(entry.is_some()));
            if let Some(entry) = entry {
                let amount = entry.amount.get();
                sum += if entry.credit == Account::User { amount } else { -amount };
                prop_assert_eq!(entry.balance_after.get(), sum);
            }
            prop_assert!(next.updated_at >= cash.updated_at);
            cash = next;
            model.agrees(&cash)?;
            prop_assert_eq!(cash.total().unwrap().get(), sum);
        }
    }

    /// A buy that waited costs at most what it held, and what the better price left is available again to the cent.
    #[test]
    fn cost_and_surplus_of_a_fill_are_exactly_the_hold(
        units in 1_i64..=1_000_000_000_000, limit in 1_i64..=1_000_000_000, parts in 1_i64..=1_000_000, other in 0_u32..100_000,
    ) {
        let price = |mantissa: i64| Price::new(Decimal::new(mantissa, 6)).unwrap();
        let quantity = Quantity::new(Decimal::new(units, 8)).unwrap();
        let market = (i128::from(limit) * i128::from(parts) / 1_000_000).max(1);
        let cost = |mantissa| price(mantissa).times(quantity, Rounding::Up).unwrap();
        let (held, total) = (cost(limit), cost(i64::try_from(market).unwrap()));
        prop_assert!(total <= held);

        let spare = cents(u64::from(other) + 2);
        let all = held.plus(spare).unwrap();
        let cash = cash_of(all).hold(held.into(), noon()).unwrap().hold(cents(1).into(), noon()).unwrap();
        let movement = Movement::Pay { trade: Trade { total, ..trade("1", "1") } };
        let (paid, entry) = cash.apply_from_hold(held.into(), &movement, record(noon())).unwrap().unwrap();
        let surplus = paid.available.minus(cash.available).unwrap();
        prop_assert_eq!(surplus.plus(total.into()).unwrap(), Amount::from(held));
        prop_assert_eq!(paid.held, cents(1).into(), "the hold of another order stays");
        prop_assert_eq!((entry.amount, entry.balance_after), (total.into(), all.minus(total).unwrap().into()));
    }
}
