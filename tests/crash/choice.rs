//! What a client wants next.

use std::collections::BTreeMap;

use chrono::{SecondsFormat, TimeDelta};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rust_decimal::Decimal;

use crate::operation::{NewOrder, Work};

/// What is traded, and how much at a time: some 50 dollars' worth.
pub const ASSETS: [(&str, Decimal); 3] = [
    ("BTC", Decimal::from_parts(8, 0, 0, false, 4)),
    ("ETH", Decimal::from_parts(2, 0, 0, false, 2)),
    ("SOL", Decimal::from_parts(33, 0, 0, false, 2)),
];

const MILLION: i64 = 1_000_000;

/// The prices that a client was last told.
pub type Prices = BTreeMap<String, Decimal>;

/// How likely each kind of work is; what is left of a hundred is cancelling.
const LIKELIHOODS: [(&str, u32); 8] = [
    ("deposit", 14),
    ("withdraw", 14),
    ("market_buy", 12),
    ("market_sell", 10),
    ("limit_buy", 14),
    ("limit_sell", 10),
    ("stop_loss", 5),
    ("take_profit", 5),
];

/// The next work of a client that knows these prices and these open orders.
pub fn next(random: &mut StdRng, prices: &Prices, open: &[String]) -> Work {
    let mut dice = random.random_range(0..100);
    for (name, likelihood) in LIKELIHOODS {
        if dice < likelihood {
            return match name {
                "deposit" => Work::Deposit(cents(random, 10_000)),
                "withdraw" => Work::Withdraw(withdrawal(random)),
                order_type => Work::Place(order(random, prices, order_type)),
            };
        }
        dice -= likelihood;
    }
    match open.choose(random) {
        Some(order_id) => Work::Cancel { order_id: order_id.clone() },
        None => Work::Deposit(cents(random, 10_000)),
    }
}

fn cents(random: &mut StdRng, most: i64) -> Decimal {
    Decimal::new(random.random_range(1..=most), 2)
}

/// Now and then more than anybody has.
fn withdrawal(random: &mut StdRng) -> Decimal {
    if random.random_ratio(1, 10) { Decimal::new(900_000, 0) } else { cents(random, 9_000) }
}

fn order(random: &mut StdRng, prices: &Prices, order_type: &'static str) -> NewOrder {
    let (asset_id, unit) = *ASSETS.choose(random).unwrap();
    let quantity = unit * Decimal::from(random.random_range(1..=4));
    if order_type.starts_with("market") {
        return NewOrder { order_type, asset_id, quantity, price: None, expires_at: None };
    }
    let is_for_a_fall = matches!(order_type, "limit_buy" | "stop_loss");
    let ahead = ahead(random);
    let millionths = Decimal::from(MILLION + if is_for_a_fall { -ahead } else { ahead });
    let price = (prices[asset_id] * millionths / Decimal::from(MILLION)).round_dp(4);
    let expires_at = random.random_ratio(1, 6).then(|| soon(random));
    NewOrder { order_type, asset_id, quantity, price: Some(price), expires_at }
}

/// How far the market must still move, in millionths: not at all, about as far as it does in a few seconds, or
/// farther than it does in a day.
fn ahead(random: &mut StdRng) -> i64 {
    match random.random_range(0..3) {
        0 => -10_000,
        1 => random.random_range(-50..200),
        _ => 100_000,
    }
}

#[expect(clippy::disallowed_methods, reason = "the processes go by the clock of the machine")]
fn soon(random: &mut StdRng) -> String {
    let end = chrono::Utc::now() + TimeDelta::milliseconds(random.random_range(300..5_000));
    end.to_rfc3339_opts(SecondsFormat::Millis, true)
}
