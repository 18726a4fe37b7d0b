//! The open orders: for each asset and way one at each level of price, so that it is known which the market reaches.

use std::sync::Arc;

use tokio::task::JoinSet;
use tradepost_kernel::{Decimal, Quantity, UserId};
use tradepost_order::{NewOrder, OrderService, OrderType, Placed, Status, Terms, placed};
use tradepost_platform::idempotency::{Done, Once};

use crate::Outcome;
use crate::market::{Market, Move, Side, Way};
use crate::platform::Platform;
use crate::users::USERS;

/// Each user trades in every tenth asset.
const GROUPS: usize = 10;
const USERS_OF_AN_ASSET: usize = USERS / GROUPS;
/// What an order is worth, in dollars.
const WORTH: i64 = 2;
/// How many orders are placed at the same time.
const AT_ONCE: usize = 16;

pub struct Book {
    market: Arc<Market>,
    service: Arc<OrderService>,
    users: Vec<UserId>,
    /// How many orders there will be of one asset and way.
    most_levels: usize,
    /// How many there are.
    levels: usize,
    /// The first level, of each asset and way, that the market has not reached.
    next: Vec<usize>,
    /// Where the next tick looks for orders to reach.
    turn: usize,
}

impl Book {
    pub fn new(platform: &Platform, users: Vec<UserId>, orders: usize) -> Outcome<Self> {
        let market = Arc::clone(&platform.market);
        let accounts = platform.accounts(&platform.others)?;
        let service = platform.orders(&platform.others, accounts, platform.sweep_interval_ms()?)?;
        let sides = 2 * market.assets();
        let most_levels = orders.div_ceil(sides);
        Ok(Self { market, service, users, most_levels, levels: 0, next: vec![0; sides], turn: 0 })
    }

    /// How many orders were reached so far.
    pub fn reached(&self) -> usize {
        self.next.iter().sum()
    }

    /// How many orders are open.
    pub fn open(&self) -> usize {
        self.levels * self.next.len() - self.reached()
    }

    /// Buys for every user what their orders will sell, and some more.
    pub async fn buy_assets(&self) -> Outcome<()> {
        let worth = i64::try_from(4 * self.most_levels.div_ceil(USERS_OF_AN_ASSET))? * WORTH;
        let mut orders = Vec::new();
        for asset in 0..self.market.assets() {
            for turn in 0..USERS_OF_AN_ASSET {
                let new = self.order(OrderType::MarketBuy, asset, worth, Terms::Market)?;
                orders.push((self.user(asset, turn), new));
            }
        }
        self.place(orders, Status::Completed).await
    }

    /// Opens orders, the levels first that the market reaches first, until there were so many.
    pub async fn place_up_to(&mut self, orders: usize) -> Outcome<usize> {
        let until = orders.div_ceil(self.next.len());
        let mut new = Vec::new();
        for level in self.levels..until {
            for number in 0..self.next.len() {
                let side = self.side(number);
                let turn = level + side.asset / GROUPS + usize::from(side.way == Way::Rise);
                new.push((self.user(side.asset, turn), self.waiting(side, level)?));
            }
        }
        let placed = new.len();
        self.place(new, Status::Open).await?;
        self.levels = until;
        Ok(placed)
    }

    /// Has the market reach so many more orders, so many of one asset and way.
    pub fn reach(&mut self, orders: usize, of_each: usize) -> Outcome<Vec<Move>> {
        let mut moves = Vec::new();
        for _ in 0..orders / of_each {
            let (number, side) = (self.turn % self.next.len(), self.side(self.turn));
            let next = self.next[number] + of_each;
            if next > self.levels {
                return Err("there are too few orders for so many ticks".into());
            }
            self.next[number] = next;
            self.turn += 1;
            moves.push(Move { side, level: next - 1 });
        }
        Ok(moves)
    }

    /// First all assets one way, then the other, so that no tick moves one asset twice.
    fn side(&self, number: usize) -> Side {
        let assets = self.market.assets();
        let way = if (number / assets).is_multiple_of(2) { Way::Fall } else { Way::Rise };
        Side { asset: number % assets, way }
    }

    fn user(&self, asset: usize, turn: usize) -> UserId {
        self.users[asset % GROUPS + GROUPS * (turn % USERS_OF_AN_ASSET)]
    }

    fn waiting(&self, side: Side, level: usize) -> Outcome<NewOrder> {
        let order_type = match (side.way, level / USERS_OF_AN_ASSET % 2) {
            (Way::Fall, 0) => OrderType::LimitBuy,
            (Way::Fall, _) => OrderType::StopLoss,
            (Way::Rise, 0) => OrderType::LimitSell,
            (Way::Rise, _) => OrderType::TakeProfit,
        };
        let terms = Terms::Limit { price: self.market.awaited(side, level)?, expires_at: None };
        self.order(order_type, side.asset, WORTH, terms)
    }

    fn order(&self, order_type: OrderType, asset: usize, worth: i64, terms: Terms) -> Outcome<NewOrder> {
        let quantity = Decimal::from(worth) / self.market.reference(asset);
        let quantity = Quantity::new(quantity.round_dp(8))?;
        Ok(NewOrder { order_type, asset: self.market.id(asset), quantity, terms, client_order_id: None })
    }

    async fn place(&self, orders: Vec<(UserId, NewOrder)>, expected: Status) -> Outcome<()> {
        let orders = Arc::new(orders);
        let mut clerks = JoinSet::new();
        for clerk in 0..AT_ONCE {
            let (orders, service) = (Arc::clone(&orders), Arc::clone(&self.service));
            clerks.spawn(async move {
                for (user, new) in orders.iter().skip(clerk).step_by(AT_ONCE) {
                    let Done::Now(Placed { order, .. }) =
                        service.place(*user, new.clone(), &Once::new(None, placed)).await?
                    else {
                        return Err("an order without a key has an answer already".into());
                    };
                    if order.status != expected {
                        return Err(format!("an order is {:?}: {new:?}", order.status).into());
                    }
                }
                Outcome::Ok(())
            });
        }
        while let Some(done) = clerks.join_next().await {
            done??;
        }
        Ok(())
    }
}
