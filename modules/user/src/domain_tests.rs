use chrono::TimeDelta;
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
use tradepost_kernel::{
    Amount, AssetId, Clock, Decimal, EntryId, OrderId, Price, Quantity, Rounding, SystemClock, Timestamp, Usd,
};
use tradepost_user_api::{Account, AccountsError};

use super::{Holding, Movement, Record, Trade};
use crate::UserError;

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

fn record(at: Timestamp) -> Record {
    Record { id: EntryId::generate(), at, description: None }
}

fn noon() -> Timestamp {
    SystemClock.now().date_naive().and_hms_opt(12, 0, 0).unwrap().and_utc()
}

fn trade(quantity: &str, price: &str, total: &str) -> Trade {
    Trade {
        order: OrderId::generate(),
        asset: "BTC".parse().unwrap(),
        quantity: Quantity::parse(quantity).unwrap(),
        price: Price::parse(price).unwrap(),
        total: usd(total),
    }
}

fn deposit(amount: &str, limit: &str) -> Movement {
    Movement::Deposit { amount: usd(amount), daily_limit: Some(usd(limit)) }
}

#[test]
fn exactly_the_daily_cap_is_allowed_and_a_cent_more_is_not() {
    let cash = Holding::empty(AssetId::USD, noon());
    let (cash, _) = cash.apply(&deposit("9999.99", "10000"), record(noon())).unwrap();
    let (full, _) = cash.apply(&deposit("0.01", "10000"), record(noon())).unwrap();
    let refusal = full.apply(&deposit("0.01", "10000"), record(noon())).unwrap_err();
    assert_eq!(refusal, UserError::DailyLimitExceeded { limit: usd("10000"), left: Usd::ZERO });
    let tomorrow = noon() + TimeDelta::days(1);
    assert!(full.apply(&deposit("10000", "10000"), record(tomorrow)).is_ok(), "a new day, a new cap");
}

#[test]
fn deposits_and_withdrawals_have_caps_of_their_own() {
    let cash = Holding::empty(AssetId::USD, noon());
    let (cash, _) = cash.apply(&deposit("10000", "10000"), record(noon())).unwrap();
    let withdraw = |amount: &str| Movement::Withdraw { amount: usd(amount), daily_limit: usd("5000") };
    let (cash, entry) = cash.apply(&withdraw("5000"), record(noon())).unwrap();
    assert_eq!((entry.debit, entry.credit), (Account::User, Account::External));
    assert!(matches!(
        cash.apply(&withdraw("0.01"), record(noon())),
        Err(UserError::DailyLimitExceeded { .. })
    ));
    let poor = Holding::empty(AssetId::USD, noon());
    let refusal = poor.apply(&withdraw("0.01"), record(noon())).unwrap_err();
    let needs = AccountsError::InsufficientFunds { needed: usd("0.01"), available: Usd::ZERO };
    assert_eq!(refusal, UserError::Accounts(needs));
}

#[test]
fn entry_time_never_runs_backwards() {
    let cash = Holding::empty(AssetId::USD, noon());
    let (cash, _) = cash.apply(&deposit("1", "10"), record(noon())).unwrap();
    let (_, entry) = cash.apply(&deposit("1", "10"), record(noon() - TimeDelta::hours(1))).unwrap();
    assert_eq!(entry.created_at, noon());
}

#[test]
fn buying_mixes_the_cost_and_selling_leaves_it() {
    let btc = Holding::empty("BTC".parse().unwrap(), noon());
    let buy = |quantity, price, total| Movement::Acquire { trade: trade(quantity, price, total) };
    let (btc, _) = btc.apply(&buy("1", "100", "100.00"), record(noon())).unwrap();
    let (btc, _) = btc.apply(&buy("2", "250", "500.00"), record(noon())).unwrap();
    assert_eq!(btc.average_cost().to_string(), "200");
    let (btc, _) = btc.apply(&Movement::Dispose { trade: trade("1", "900", "900") }, record(noon())).unwrap();
    assert_eq!(btc.average_cost().to_string(), "200");
    let (btc, _) = btc.apply(&Movement::Dispose { trade: trade("2", "1", "2") }, record(noon())).unwrap();
    assert_eq!((btc.average_cost(), btc.available), (Decimal::ZERO, Amount::ZERO));
}

#[test]
fn the_average_of_many_buys_is_exactly_what_was_paid_per_unit() {
    let mut btc = Holding::empty("BTC".parse().unwrap(), noon());
    for _ in 0..7 {
        let buy = Movement::Acquire { trade: trade("0.03", "62889", "1886.67") };
        btc = btc.apply(&buy, record(noon())).unwrap().0;
    }
    assert_eq!(btc.average_cost().to_string(), "62889");
}

#[test]
fn what_the_operator_deposits_does_not_count_against_the_users_cap() {
    let cash = Holding::empty(AssetId::USD, noon());
    let by_operator = Movement::Deposit { amount: usd("50000"), daily_limit: None };
    let (cash, _) = cash.apply(&by_operator, record(noon())).unwrap();
    assert!(cash.apply(&deposit("10000", "10000"), record(noon())).is_ok());
}

#[derive(Clone, Debug)]
enum Step {
    Deposit(u32),
    Withdraw(u32),
    Buy(u32, u32),
    Sell(u32, u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_u32..2_000_000).prop_map(Step::Deposit),
        (1_u32..2_000_000).prop_map(Step::Withdraw),
        (1_u32..300_000_000, 1_u32..10_000_000).prop_map(|(q, p)| Step::Buy(q, p)),
        (1_u32..300_000_000, 1_u32..10_000_000).prop_map(|(q, p)| Step::Sell(q, p)),
        Just(Step::Deposit(1)),
    ]
}

fn movements(step: &Step) -> (Movement, Option<Movement>) {
    let cents = |n: u32| Usd::new(Decimal::new(i64::from(n), 2)).unwrap();
    let terms = |quantity: u32, price: u32, rounding| {
        let quantity = Quantity::new(Decimal::new(i64::from(quantity), 8)).unwrap();
        let price = Price::new(Decimal::new(i64::from(price), 2)).unwrap();
        let total = price.times(quantity, rounding).unwrap();
        Trade { order: OrderId::generate(), asset: "BTC".parse().unwrap(), quantity, price, total }
    };
    match *step {
        Step::Deposit(n) => (Movement::Deposit { amount: cents(n), daily_limit: None }, None),
        Step::Withdraw(n) => (Movement::Withdraw { amount: cents(n), daily_limit: usd("999999999") }, None),
        Step::Buy(q, p) => {
            let trade = terms(q, p, Rounding::Up);
            (Movement::Pay { trade: trade.clone() }, Some(Movement::Acquire { trade }))
        }
        Step::Sell(q, p) => {
            let trade = terms(q, p, Rounding::Down);
            (Movement::Collect { trade: trade.clone() }, Some(Movement::Dispose { trade }))
        }
    }
}

proptest! {
    /// Whatever is tried in whatever order: nothing is negative, entries are numbered without a gap, and each
    /// position is the sum of its entries.
    #[test]
    fn positions_are_the_sums_of_their_ledgers(steps in proptest::collection::vec(step(), 1..60)) {
        let mut cash = Holding::empty(AssetId::USD, noon());
        let mut btc = Holding::empty("BTC".parse().unwrap(), noon());
        let (mut cash_sum, mut btc_sum) = (Decimal::ZERO, Decimal::ZERO);
        for step in &steps {
            let (first, second) = movements(step);
            let Ok((next_cash, cash_entry)) = cash.apply(&first, record(noon())) else { continue };
            if let Some(second) = second {
                let Ok((next_btc, entry)) = btc.apply(&second, record(noon())) else { continue };
                prop_assert_eq!(entry.seq, btc.seq + 1);
                btc_sum += if entry.credit == Account::User { entry.amount.get() } else { -entry.amount.get() };
                prop_assert_eq!(entry.balance_after, next_btc.total().unwrap());
                btc = next_btc;
            }
            prop_assert_eq!(cash_entry.seq, cash.seq + 1);
            let amount = cash_entry.amount.get();
            cash_sum += if cash_entry.credit == Account::User { amount } else { -amount };
            prop_assert_eq!(cash_entry.balance_after, next_cash.total().unwrap());
            cash = next_cash;
            prop_assert!(cash_sum >= Decimal::ZERO && btc_sum >= Decimal::ZERO);
            prop_assert_eq!(cash.total().unwrap().get(), cash_sum);
            prop_assert_eq!(btc.total().unwrap().get(), btc_sum);
        }
    }
}
