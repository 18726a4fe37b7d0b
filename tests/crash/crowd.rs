//! All clients and users, across the deaths of the platform.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rust_decimal::Decimal;
use tokio::task::JoinHandle;

use crate::books::{Books, Records};
use crate::choice::{ASSETS, Prices};
use crate::claims::Claims;
use crate::eventually;
use crate::operation::{NewOrder, Operation, Work, tally};
use crate::sums::add_up;
use crate::support::Client;
use crate::trader::{OpenOrders, Signals, Trader, ask_twice};

const USERS: usize = 3;
const TRADERS: usize = 6;
/// How many operations are asked for again at the same time.
const AT_ONCE: usize = 8;

/// All clients and users, and all they asked for.
pub struct Crowd {
    users: Vec<Client>,
    open: [OpenOrders; USERS],
    operations: Vec<Operation>,
    prices: Prices,
    pub random: StdRng,
    works: usize,
    kills: usize,
}

/// Clients at work.
pub struct Working {
    signals: Arc<Signals>,
    traders: Vec<JoinHandle<(Vec<Operation>, Prices)>>,
}

impl Crowd {
    /// Everybody with cash and some of each asset.
    pub async fn gather(base: &str, seed: u64) -> Self {
        let mut users = Vec::new();
        for user in 0..USERS {
            users.push(Client::register(base, &format!("survivor_{user}")).await);
        }
        let (operations, prices, open) = (Vec::new(), Prices::new(), Default::default());
        let random = StdRng::seed_from_u64(seed);
        let mut crowd = Self { users, open, operations, prices, random, works: 0, kills: 0 };
        crowd.ask_everybody("start", Work::Deposit(Decimal::from(3_000))).await;
        for (asset_id, unit) in ASSETS {
            let (order_type, quantity) = ("market_buy", unit * Decimal::from(10));
            let order = NewOrder { order_type, asset_id, quantity, price: None, expires_at: None };
            crowd.ask_everybody(asset_id, Work::Place(order)).await;
        }
        crowd
    }

    /// From now on the platform is there.
    pub fn follow(&mut self, base: &str) {
        self.users.iter_mut().for_each(|user| base.clone_into(&mut user.base));
    }

    /// Asks for the same for every user until each is answered, and learns the prices.
    pub async fn ask_everybody(&mut self, name: &str, work: Work) {
        for user in 0..USERS {
            let mut operation = Operation::new(user, format!("{name}-{user}-{}", self.works), work.clone());
            let client = &self.users[user];
            eventually(name, async || {
                operation.send(client).await;
                operation.is_answered().then_some(()).ok_or_else(|| format!("{:?}", operation.replies.last()))
            })
            .await;
            if let Some(order) = operation.done().last().map(|done| &done["data"])
                && let (Some(asset), Some(price)) = (order["asset_id"].as_str(), order["price"].as_str())
            {
                self.prices.insert(asset.to_owned(), price.parse().unwrap());
            }
            self.operations.push(operation);
        }
    }

    /// Starts the clients, and waits for as long as the platform may live: until the first is acknowledged, and then
    /// for a random time.
    pub async fn work_for_a_while(&mut self) -> Working {
        self.works += 1;
        let signals = Arc::<Signals>::default();
        let trader = |number: usize| Trader {
            name: format!("c{number}-{}", self.works),
            user: number % USERS,
            client: self.users[number % USERS].clone(),
            random: StdRng::seed_from_u64(self.random.next_u64()),
            prices: self.prices.clone(),
            open: Arc::clone(&self.open[number % USERS]),
            signals: Arc::clone(&signals),
        };
        let traders = (0..TRADERS).map(trader).map(|trader| tokio::spawn(trader.work())).collect();
        let working = Working { signals, traders };
        eventually("the first acknowledgement", async || {
            let is_there = working.signals.acknowledged.load(Ordering::SeqCst) > 0;
            is_there.then_some(()).ok_or_else(|| "there is none".to_owned())
        })
        .await;
        self.let_it_live_for_a_moment().await;
        working
    }

    /// Waits for the random moment of a kill.
    pub async fn let_it_live_for_a_moment(&mut self) {
        let moment = self.random.random_range(Duration::from_millis(50)..Duration::from_millis(900));
        tokio::time::sleep(moment).await;
        self.kills += 1;
    }

    /// Stops the clients and takes over what they asked for.
    pub async fn collect(&mut self, working: Working) {
        working.signals.stop.store(true, Ordering::SeqCst);
        for trader in working.traders {
            let (operations, prices) = trader.await.unwrap();
            self.operations.extend(operations);
            self.prices.extend(prices);
        }
    }

    /// What was acknowledged is there, at once.
    pub async fn nothing_is_lost(&self) {
        for (user, client) in self.users.iter().enumerate() {
            let records = Records::read(client).await;
            Claims::new(self.operations_of(user), &records).kept().unwrap();
        }
    }

    /// Has every operation answered, and repeats some that were acknowledged long ago; each twice at the same time.
    pub async fn settle(&mut self) {
        let mut places = Vec::new();
        for (place, operation) in self.operations.iter().enumerate() {
            if self.random.random_ratio(1, 20) || !operation.is_answered() {
                places.push(place);
            }
        }
        let ask = |place: usize| {
            let operation = &self.operations[place];
            let client = &self.users[operation.user];
            async move { (place, ask_twice(operation, client).await) }
        };
        let asked: Vec<_> = stream::iter(places).map(ask).buffer_unordered(AT_ONCE).collect().await;
        for (place, replies) in asked {
            self.operations[place].replies.extend(replies);
        }
    }

    /// Everything comes to its end, and then all claims are true.
    pub async fn everything_is_right(&self) {
        for (user, client) in self.users.iter().enumerate() {
            eventually("the claims", async || {
                let books = Books::read(client).await;
                Claims::new(self.operations_of(user), &books.records).right()?;
                add_up(&books)
            })
            .await;
        }
    }

    /// Cancels whatever is open. Then nothing may be held any more, which [`Self::everything_is_right`] adds up.
    pub async fn end_all(&mut self) {
        eventually("an end of all orders", async || {
            let mut open = Vec::new();
            for user in 0..USERS {
                let records = Records::read(&self.users[user]).await;
                let orders = records.orders.into_iter().filter(|order| order.status == "open");
                open.extend(orders.map(|order| (user, order.order_id)));
            }
            for (user, order_id) in &open {
                let key = format!("end-{}", self.operations.len());
                let work = Work::Cancel { order_id: order_id.clone() };
                let mut cancel = Operation::new(*user, key, work);
                cancel.send(&self.users[*user]).await;
                self.operations.push(cancel);
            }
            if open.is_empty() { Ok(()) } else { Err(format!("{open:?} were open")) }
        })
        .await;
        self.settle().await;
    }

    fn operations_of(&self, user: usize) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(move |operation| operation.user == user)
    }

    /// Says what the clients asked for and how that was answered.
    pub fn report(&self, shape: &str) {
        let (operations, kills, tally) = (self.operations.len(), self.kills, tally(&self.operations));
        println!("{shape}: {operations} operations, {kills} kills, and these answers: {tally:#?}");
    }
}
