//! Random calls, at two processes in turn, against a plain model that keeps whole dollars and whole SOL in memory:
//! the same answers, the same balances.

use std::collections::BTreeMap;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use tradepost_kernel::{Amount, AssetId, Clock, Decimal, OrderId, Timestamp, Usd};

use super::{
    Accounts, AccountsError, Held, Hold, HoldEnd, Installation, Release, Settled, Settlement, Side, Source,
    World, quantity,
};
use crate::UserError;

#[derive(Clone, Debug)]
enum Step {
    Deposit(u32),
    Withdraw(u32),
    /// Dollars of a buy, or SOL of a sale.
    Hold {
        order: usize,
        side: Side,
        amount: u32,
        is_late: bool,
    },
    Release {
        order: usize,
    },
    Settle {
        order: usize,
        side: Side,
        sol: u32,
        dollars: u32,
        from: Source,
        is_late: bool,
    },
}

const ORDERS: usize = 5;

fn step() -> impl Strategy<Value = Step> {
    let order = || 0..ORDERS;
    let side = || prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let from = prop_oneof![1 => Just(Source::Available), 3 => Just(Source::Hold)];
    let is_late = || proptest::bool::weighted(0.1);
    prop_oneof![
        1 => (1_u32..60).prop_map(Step::Deposit),
        1 => (1_u32..60).prop_map(Step::Withdraw),
        4 => (order(), side(), 1_u32..30, is_late())
            .prop_map(|(order, side, amount, is_late)| Step::Hold { order, side, amount, is_late }),
        2 => order().prop_map(|order| Step::Release { order }),
        4 => (order(), side(), 1_u32..12, 1_u32..30, from, is_late()).prop_map(
            |(order, side, sol, dollars, from, is_late)| Step::Settle { order, side, sol, dollars, from, is_late }
        ),
    ]
}

/// What became of an order's money.
#[derive(Clone, Debug)]
enum Fate {
    Held { side: Side, amount: u32, at: Timestamp },
    Settled { at: Timestamp, held_at: Option<Timestamp> },
    Released { at: Timestamp, held_at: Option<Timestamp> },
    Refused(AccountsError),
}

/// What is available, and the fate of each order.
struct Model {
    dollars: u32,
    sol: u32,
    fates: BTreeMap<usize, Fate>,
}

impl Model {
    fn available(&mut self, side: Side) -> &mut u32 {
        if side == Side::Buy { &mut self.dollars } else { &mut self.sol }
    }

    fn held(&self, of: Side) -> u32 {
        let amounts = self.fates.values().map(|fate| match fate {
            Fate::Held { side, amount, .. } if *side == of => *amount,
            _ => 0,
        });
        amounts.sum()
    }

    fn take(&mut self, side: Side, needed: u32) -> Result<(), AccountsError> {
        let available = *self.available(side);
        *self.available(side) = available.checked_sub(needed).ok_or_else(|| match side {
            Side::Buy => {
                AccountsError::InsufficientFunds { needed: dollars(needed), available: dollars(available) }
            }
            Side::Sell => AccountsError::InsufficientHoldings {
                asset: "SOL".parse().unwrap(),
                needed: amount(needed),
                available: amount(available),
            },
        })?;
        Ok(())
    }

    fn hold(
        &mut self,
        order: usize,
        side: Side,
        amount: u32,
        is_late: bool,
        at: Timestamp,
    ) -> Result<Held, AccountsError> {
        match self.fates.get(&order) {
            Some(Fate::Held { at, .. }) => return Ok(Held { at: *at }),
            Some(Fate::Settled { held_at: Some(at), .. } | Fate::Released { held_at: Some(at), .. }) => {
                return Ok(Held { at: *at });
            }
            Some(Fate::Settled { .. }) => return Err(AccountsError::NoHold),
            Some(Fate::Released { .. }) => return Err(AccountsError::HoldReleased),
            Some(Fate::Refused(reason)) => return Err(reason.clone()),
            None => {}
        }
        let taken = if is_late { Err(AccountsError::SettlementExpired) } else { self.take(side, amount) };
        let fate = taken.clone().map_or_else(Fate::Refused, |()| Fate::Held { side, amount, at });
        self.fates.insert(order, fate);
        taken.map(|()| Held { at })
    }

    fn release(&mut self, order: usize, at: Timestamp) -> HoldEnd {
        let held_at = match self.fates.get(&order).cloned() {
            Some(Fate::Held { side, amount, at }) => {
                *self.available(side) += amount;
                Some(at)
            }
            Some(Fate::Settled { at, .. }) => return HoldEnd::Settled { at },
            Some(Fate::Released { at, .. }) => return HoldEnd::Released { at },
            Some(Fate::Refused(_)) => return HoldEnd::Refused,
            None => None,
        };
        self.fates.insert(order, Fate::Released { at, held_at });
        HoldEnd::Released { at }
    }

    fn settle(
        &mut self,
        order: usize,
        trade: (Side, u32, u32),
        from: Source,
        is_late: bool,
        now: Timestamp,
    ) -> Result<Settled, AccountsError> {
        let (side, sol, dollars) = trade;
        let (takes, gives) = if side == Side::Buy { (dollars, sol) } else { (sol, dollars) };
        let held_at = match (self.fates.get(&order).cloned(), from) {
            (Some(Fate::Settled { at, .. }), _) => return Ok(Settled { at }),
            (Some(Fate::Released { .. }), _) => return Err(AccountsError::HoldReleased),
            (Some(Fate::Refused(reason)), _) => return Err(reason),
            (None, Source::Hold) => return Err(AccountsError::NoHold),
            (None, Source::Available) => {
                let taken =
                    if is_late { Err(AccountsError::SettlementExpired) } else { self.take(side, takes) };
                if let Err(reason) = taken {
                    self.fates.insert(order, Fate::Refused(reason.clone()));
                    return Err(reason);
                }
                None
            }
            (Some(Fate::Held { side: of, amount, at }), Source::Hold)
                if of == side && (takes == amount || (side == Side::Buy && takes < amount)) =>
            {
                *self.available(side) += amount - takes;
                Some(at)
            }
            (Some(Fate::Held { .. }), _) => return Err(AccountsError::SettlementExceedsHold),
        };
        let other = if side == Side::Buy { Side::Sell } else { Side::Buy };
        *self.available(other) += gives;
        self.fates.insert(order, Fate::Settled { at: now, held_at });
        Ok(Settled { at: now })
    }
}

fn dollars(n: u32) -> Usd {
    Usd::new(Decimal::from(n)).unwrap()
}

fn amount(n: u32) -> Amount {
    Amount::new(Decimal::from(n)).unwrap()
}

/// The world, the model, and the names of the orders.
struct Twins {
    world: World,
    model: Model,
    orders: [OrderId; ORDERS],
    turn: usize,
}

impl Twins {
    async fn start() -> Self {
        let world = World::on(Installation::start(2, 5, 50).await, "50.00").await;
        let model = Model { dollars: 50, sol: 10, fates: BTreeMap::new() };
        Self { world, model, orders: std::array::from_fn(|_| OrderId::generate()), turn: 0 }
    }

    async fn take(&mut self, step: &Step) {
        self.world.advance(1);
        self.turn += 1;
        match *step {
            Step::Deposit(n) => self.deposit(n).await,
            Step::Withdraw(n) => self.withdraw(n).await,
            Step::Hold { order, side, amount, is_late } => self.hold(order, side, amount, is_late).await,
            Step::Release { order } => self.release(order).await,
            Step::Settle { order, side, sol, dollars, from, is_late } => {
                self.settle(order, (side, sol, dollars), from, is_late).await;
            }
        }
        self.agree().await;
    }

    fn now(&self) -> Timestamp {
        self.world.installation.clock.now()
    }

    async fn deposit(&mut self, n: u32) {
        self.world.service(self.turn % 2).deposit(self.world.user, dollars(n), None).await.unwrap();
        self.model.dollars += n;
    }

    async fn withdraw(&mut self, n: u32) {
        let done = self.world.service(self.turn % 2).withdraw(self.world.user, dollars(n), None).await;
        let expected = self.model.take(Side::Buy, n).map_err(UserError::Accounts);
        assert_eq!(done.map(|_| ()), expected);
    }

    async fn hold(&mut self, order: usize, side: Side, amount: u32, is_late: bool) {
        let asset = if side == Side::Buy { "USD" } else { "SOL" };
        let hold = self.world.hold_of(&self.orders[order], asset, &amount.to_string());
        let hold_by = if is_late { self.now() - chrono::TimeDelta::seconds(1) } else { self.now() };
        let held = self.world.service(self.turn % 2).hold(Hold { hold_by, ..hold }).await;
        assert_eq!(held, self.model.hold(order, side, amount, is_late, self.now()));
    }

    async fn release(&mut self, order: usize) {
        // What is named is what is held; where nothing is, it does not matter.
        let asset = match self.model.fates.get(&order) {
            Some(Fate::Held { side: Side::Sell, .. }) => "SOL",
            _ => "USD",
        };
        let release: Release = self.world.release_of(&self.orders[order], asset);
        let end = self.world.service(self.turn % 2).release(release).await;
        assert_eq!(end, Ok(self.model.release(order, self.now())));
    }

    async fn settle(&mut self, order: usize, trade: (Side, u32, u32), from: Source, is_late: bool) {
        let settlement = Settlement {
            side: trade.0,
            quantity: quantity(&trade.1.to_string()),
            total: dollars(trade.2),
            from,
            settle_by: if is_late { self.now() - chrono::TimeDelta::seconds(1) } else { self.now() },
            ..self.world.buy(&self.orders[order], "1.00")
        };
        let settled = self.world.service(self.turn % 2).settle(settlement).await;
        assert_eq!(settled, self.model.settle(order, trade, from, is_late, self.now()));
    }

    async fn agree(&self) {
        let (model, world) = (&self.model, &self.world);
        for (asset, available, side) in
            [(AssetId::USD.to_string(), model.dollars, Side::Buy), ("SOL".to_owned(), model.sol, Side::Sell)]
        {
            let position = world.position(&asset).await;
            assert_eq!((position.available, position.held), (amount(available), amount(model.held(side))));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn random_calls_are_answered_as_a_plain_model_answers_them(
        steps in proptest::collection::vec(step(), 1..50),
        first in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut twins = Twins::start().await;
            twins.turn = usize::from(first);
            for step in &steps {
                twins.take(step).await;
            }
        });
    }
}
