//! What a user does next, chosen at random, and the request that makes of it as things stand.

use chrono::TimeDelta;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;
use rust_decimal::Decimal;

use crate::plain::Model;
use crate::platform::{ASSETS, INACTIVE};
use crate::words::{Request, Wanted};

/// Something a user does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Asks for something, at times under a key.
    Ask(Wish, Option<u8>),
    /// Asks once more for what was asked before, in the very same words.
    Again(Index),
    /// Waits, and the prices move.
    Wait(TimeDelta),
}

#[derive(Clone, Debug)]
pub enum Wish {
    Deposit(Dollars),
    Withdraw(Dollars),
    Place(Terms),
    /// Of any order there ever was, or of one that there never was.
    Cancel(Option<Index>),
}

/// How much cash.
#[derive(Clone, Debug)]
pub enum Dollars {
    Cents(i64),
    /// All that is available, and so many cents more.
    All(i64),
    /// What the cap of the day leaves, and so many cents more.
    Cap(i64),
}

#[derive(Clone, Debug)]
pub struct Terms {
    order_type: &'static str,
    asset: &'static str,
    size: Size,
    at: At,
    wait: Option<TimeDelta>,
    name: Option<u8>,
}

#[derive(Clone, Debug)]
enum Size {
    /// Worth about so many cents.
    Cents(i64),
    /// All of the asset that is available, and so many units more.
    All(i64),
    /// The least there is.
    Dust,
}

/// The price that an order waits for.
#[derive(Clone, Debug)]
enum At {
    /// So many parts in ten thousand away from the price of now.
    Near(i64),
    /// Exactly the price of a few minutes later, or so many units of the last place away.
    Later(i64),
}

/// How far ahead prices are known.
pub const LATER: TimeDelta = TimeDelta::minutes(5);

pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let first = Step::Ask(Wish::Deposit(Dollars::Cents(600_000)), None);
    proptest::collection::vec(step(), most / 2..=most)
        .prop_map(move |steps| std::iter::once(first.clone()).chain(steps).collect())
}

fn step() -> impl Strategy<Value = Step> {
    let key = proptest::option::weighted(0.4, 0_u8..4);
    let wait = prop_oneof![
        6 => Just(LATER),
        4 => (1_i64..20).prop_map(TimeDelta::minutes),
        1 => Just(TimeDelta::hours(24)),
        // Longer than an order waits if it does not say how long.
        1 => Just(TimeDelta::days(30) + TimeDelta::seconds(1)),
    ];
    prop_oneof![
        13 => (wish(), key).prop_map(|(wish, key)| Step::Ask(wish, key)),
        3 => any::<Index>().prop_map(Step::Again),
        4 => wait.prop_map(Step::Wait),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        1 => dollars().prop_map(Wish::Deposit),
        1 => dollars().prop_map(Wish::Withdraw),
        8 => terms().prop_map(Wish::Place),
        2 => proptest::option::weighted(0.95, any::<Index>()).prop_map(Wish::Cancel),
    ]
}

fn dollars() -> impl Strategy<Value = Dollars> {
    prop_oneof![
        2 => (1_i64..200_000).prop_map(Dollars::Cents),
        1 => (0_i64..2).prop_map(Dollars::All),
        1 => (0_i64..2).prop_map(Dollars::Cap),
    ]
}

fn terms() -> impl Strategy<Value = Terms> {
    let order_type = prop_oneof![
        4 => Just("market_buy"), 2 => Just("market_sell"), 4 => Just("limit_buy"),
        2 => Just("limit_sell"), 2 => Just("stop_loss"), 2 => Just("take_profit"),
    ];
    let asset = prop_oneof![12 => Just(ASSETS[0]), 6 => Just(ASSETS[1]), 3 => Just(ASSETS[2]), 1 => Just(INACTIVE), 1 => Just("NOSUCH")];
    let size = prop_oneof![
        8 => (100_i64..150_000).prop_map(Size::Cents),
        1 => (98_i64..103).prop_map(Size::Cents),
        1 => (999_998_i64..1_000_003).prop_map(Size::Cents),
        4 => (0_i64..2).prop_map(Size::All),
        1 => Just(Size::Dust),
    ];
    let at = prop_oneof![
        3 => (-30_i64..=30).prop_map(At::Near),
        2 => (-9_000_i64..9_000).prop_map(At::Near),
        4 => (-1_i64..=1).prop_map(At::Later),
    ];
    let (longest, ms) = (TimeDelta::days(90), TimeDelta::milliseconds(1));
    let wait = proptest::option::of(prop_oneof![
        // What is over at this very moment is found by the look after it.
        6 => (1_i64..20).prop_map(move |minutes| TimeDelta::minutes(minutes) - ms),
        1 => Just(TimeDelta::zero()),
        1 => Just(longest),
        1 => Just(longest + ms),
    ]);
    let name = proptest::option::weighted(0.3, 0_u8..6);
    (order_type, asset, size, at, wait, name).prop_map(|(order_type, asset, size, at, wait, name)| Terms {
        order_type,
        asset,
        size,
        at,
        wait,
        name,
    })
}

impl Wish {
    /// What is asked for now.
    pub fn request(&self, key: Option<u8>, model: &Model) -> Request {
        let wanted = match self {
            Self::Deposit(dollars) => Wanted::Deposit(dollars.of(model.left_to_deposit(), model)),
            Self::Withdraw(dollars) => Wanted::Withdraw(dollars.of(model.left_to_withdraw(), model)),
            Self::Place(terms) => terms.order(model),
            Self::Cancel(index) => Wanted::Cancel(match index {
                Some(index) if !model.orders.is_empty() => Some(index.index(model.orders.len())),
                _ => None,
            }),
        };
        Request { wanted, key }
    }
}

impl Dollars {
    fn of(&self, left: Decimal, model: &Model) -> Decimal {
        let cent = Decimal::new(1, 2);
        let (whole, more) = match *self {
            Self::Cents(cents) => (Decimal::ZERO, cents),
            Self::All(more) => (model.purse("USD").available, more),
            Self::Cap(more) => (left, more),
        };
        (whole + cent * Decimal::from(more)).max(cent)
    }
}

impl Terms {
    fn order(&self, model: &Model) -> Wanted {
        let ten = Decimal::TEN;
        let (now, later) = (model.prices.get(self.asset), model.later.get(self.asset));
        let (now, later) = (*now.unwrap_or(&ten), *later.unwrap_or(&ten));
        let awaited = match self.at {
            At::Near(parts) => now * (Decimal::ONE + Decimal::new(parts, 4)),
            At::Later(units) => later + Decimal::new(units, 12),
        };
        let limit = (!self.order_type.starts_with("market")).then(|| awaited.round_dp(12).normalize());
        let unit = Decimal::new(1, 8);
        let quantity = match self.size {
            Size::Cents(cents) => (Decimal::new(cents, 2) / limit.unwrap_or(now)).round_dp(8),
            Size::All(more) => model.purse(self.asset).available + unit * Decimal::from(more),
            Size::Dust => unit,
        };
        Wanted::Place {
            order_type: self.order_type,
            asset: self.asset,
            quantity: quantity.max(unit).normalize(),
            limit,
            expires_at: self.wait.filter(|_| limit.is_some()).map(|wait| model.now + wait),
            name: self.name,
        }
    }
}
