//! A market that moves when a test says so, and at prices that the test knows beforehand.

use std::sync::Arc;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradepost_inventory::{Inventory, Settings};
use tradepost_inventory_api::{Catalog, Listing};
use tradepost_kernel::{Clock, Timestamp};
use tradepost_testkit::{Answer, Setup, ShiftedClock, User, World};

use crate::figures::price_of;

/// A platform whose clock, and so its prices, stand still until the test moves them.
pub struct Market {
    pub world: World,
    clock: Arc<ShiftedClock>,
}

/// What the price of an asset is now, and what it is a few minutes later.
pub struct Move {
    pub asset: String,
    pub before: Decimal,
    pub after: Decimal,
    later: TimeDelta,
}

impl Move {
    /// A price that the market passes on the way.
    pub fn between(&self) -> Decimal {
        let middle = (self.before + self.after) / Decimal::TWO;
        let middle = middle.round_dp(self.before.scale().max(self.after.scale()) + 1);
        assert!(middle != self.before && middle != self.after, "{} hardly moves", self.asset);
        middle
    }

    /// How much of it is worth about so many dollars.
    pub fn worth(&self, dollars: i64) -> String {
        (Decimal::from(dollars) / self.before).trunc_with_scale(4).to_string()
    }
}

impl Market {
    /// A platform of its own.
    pub async fn open(world: &World) -> Self {
        Self::with(world, Setup::default()).await
    }

    /// The same with other settings.
    pub async fn with(world: &World, setup: Setup) -> Self {
        let clock = Arc::new(ShiftedClock::stopped());
        let setup = setup
            .or("inventory.tick_ms", "100")
            .or("order.trigger_interval_ms", "50")
            .or("order.recovery_interval_ms", "50")
            .clock(&clock);
        Self { world: world.own(setup).await, clock }
    }

    /// Somebody with $10000.
    pub async fn trader(&self) -> User {
        let user = self.world.new_user().await;
        user.deposit("10000.00").await;
        user
    }

    /// Moves the clock, and the prices with it.
    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    /// Moves the clock, and waits until the catalog shows the prices of then, which may be those of before.
    pub async fn pass(&self, by: TimeDelta) {
        let before = self.updated().await;
        self.advance(by);
        while self.updated().await == before {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    async fn updated(&self) -> String {
        self.world.get("/api/v1/inventory/assets/BTC").await.expect(200).field("data.last_updated")
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn price(&self, asset: &str) -> Decimal {
        price_of(&self.world, asset).await
    }

    /// The asset that falls furthest in the next minutes.
    pub async fn fall(&self) -> Move {
        self.moves().await.into_iter().min_by_key(|step| step.after / step.before).unwrap()
    }

    /// The asset that rises furthest in the next minutes.
    pub async fn rise(&self) -> Move {
        self.moves().await.into_iter().max_by_key(|step| step.after / step.before).unwrap()
    }

    /// Lets the time pass that a move takes, and waits until the catalog shows the price after it.
    pub async fn make(&self, step: &Move) {
        assert_eq!(self.price(&step.asset).await, step.before);
        self.advance(step.later);
        while self.price(&step.asset).await != step.after {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// What every asset does in the next five minutes. Prices are a function of the time, so a catalog whose clock
    /// is ahead knows them.
    async fn moves(&self) -> Vec<Move> {
        let later = TimeDelta::minutes(5);
        let (now, then) = (self.listings(TimeDelta::zero()).await, self.listings(later).await);
        let step = |(before, after): (&Listing, &Listing)| {
            let price = |listing: &Listing| listing.quote.clone().unwrap().price.get();
            let is_fit =
                before.tradable && price(before) > Decimal::TEN && price(before) < Decimal::from(200);
            is_fit.then(|| Move {
                asset: before.asset.to_string(),
                before: price(before),
                after: price(after),
                later,
            })
        };
        now.iter().zip(&then).filter_map(step).collect()
    }

    async fn listings(&self, ahead: TimeDelta) -> Vec<Listing> {
        let clock = Arc::new(Ahead(Arc::clone(&self.clock), ahead));
        let settings = Settings { tick_ms: 100, ..Settings::demo() };
        let inventory = Inventory::new(settings, None, clock).unwrap();
        let quotes = inventory.quotes_since(0).await.unwrap().quotes;
        inventory.listings(quotes.into_iter().map(|change| change.asset).collect()).await.unwrap()
    }
}

struct Ahead(Arc<ShiftedClock>, TimeDelta);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.0.now() + self.1
    }
}

/// An order that waits for a price.
pub fn limit(order_type: &str, asset: &str, quantity: &str, price: Decimal) -> Value {
    json!({ "order_type": order_type, "asset_id": asset, "quantity": quantity, "price": price.to_string() })
}

/// Places an order, whatever comes of it.
pub async fn place(user: &User, order: &Value) -> Answer {
    user.post("/api/v1/orders", order).await
}

/// Places an order that must be open, and answers its id.
pub async fn placed_open(user: &User, order: &Value) -> String {
    let answer = place(user, order).await.expect(201);
    assert_eq!(answer.field("data.status"), "open", "{answer:?}");
    answer.field("data.order_id")
}

pub async fn order(user: &User, id: &str) -> Value {
    user.get(&format!("/api/v1/orders/{id}")).await.expect(200).json()["data"].clone()
}

/// Waits until an order has this status, and answers it.
pub async fn until(user: &User, id: &str, status: &str) -> Value {
    loop {
        let order = order(user, id).await;
        if order["status"] == status {
            return order;
        }
        assert!(["open", "pending"].contains(&order["status"].as_str().unwrap()), "{order}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// What is available, what is held, and both together.
pub async fn balance(user: &User) -> [String; 3] {
    let balance = user.get("/api/v1/balance").await.expect(200);
    ["available_balance", "held_balance", "current_balance"].map(|name| balance.field(name))
}

pub async fn cancel(user: &User, id: &str) -> Answer {
    user.client.send(user.request(reqwest::Method::DELETE, &format!("/api/v1/orders/{id}"))).await
}
