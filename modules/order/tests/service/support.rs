//! A small world: the real embedded engine, accounts that keep their outcomes by order, one asset, a clock that
//! stands still.

mod accounts;
mod store;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use tradepost_engine::Engine;
use tradepost_inventory_api::{Catalog, CatalogError, Listing, Quote, QuoteChange, QuoteChanges, Rules};
use tradepost_kernel::{AssetId, Clock, OrderId, PageLimit, Price, Quantity, SystemClock, Timestamp, UserId};
use tradepost_order::{
    NewOrder, Order, OrderError, OrderFilter, OrderPlace, OrderService, OrderType, Placed, Settings, Status,
    TABLE, Terms, cancelled, placed,
};
use tradepost_platform::dynamo::Dynamo;
use tradepost_platform::idempotency::{Done, Once};

pub use accounts::{Books, Trouble};
pub use store::Switch;

pub struct World {
    pub engine: Engine,
    pub dynamo: Dynamo,
    pub store: Switch,
    pub books: Arc<Books>,
    pub catalog: Arc<Shop>,
    pub clock: Arc<StandingClock>,
    pub service: Arc<OrderService>,
    pub user: UserId,
}

impl World {
    pub async fn new() -> Self {
        Self::at(Timestamp::from_timestamp_millis(1_767_225_600_000).unwrap()).await
    }

    /// Order ids are stamped by the machine's own clock.
    pub async fn with_clock_of_the_machine() -> Self {
        Self::at(SystemClock.now()).await
    }

    async fn at(now: Timestamp) -> Self {
        let (engine, dynamo, store) = store::start();
        TABLE.create(&dynamo).await.unwrap();
        let clock = Arc::new(StandingClock(Mutex::new(now)));
        let books = Arc::new(Books::new(clock.clone()));
        let catalog = Arc::new(Shop(Mutex::new(vec![bitcoin(now)])));
        let service = service(&dynamo, &books, &catalog, &clock);
        Self { engine, dynamo, store, books, catalog, clock, service, user: UserId::generate() }
    }

    /// Another process on the same table.
    pub fn another_service(&self) -> Arc<OrderService> {
        service(&self.dynamo, &self.books, &self.catalog, &self.clock)
    }

    pub async fn buy(&self, quantity: &str) -> Result<Order, OrderError> {
        self.place(order(OrderType::MarketBuy, quantity)).await
    }

    pub async fn sell(&self, quantity: &str) -> Result<Order, OrderError> {
        self.place(order(OrderType::MarketSell, quantity)).await
    }

    pub async fn place(&self, new: NewOrder) -> Result<Order, OrderError> {
        self.service.place(self.user, new, &no_key()).await.map(|done| now(done).order)
    }

    pub async fn cancel(&self, order: &OrderId) -> Result<Order, OrderError> {
        self.service.cancel(self.user, order, &Once::new(None, cancelled)).await.map(now)
    }

    /// Opens a buy of one bitcoin at $900.
    pub async fn open(&self) -> Order {
        let order = self.place(limit(OrderType::LimitBuy, "1", "900")).await.unwrap();
        assert_eq!(order.status, Status::Open);
        order
    }

    /// Changes the price of the market, which is new now.
    pub fn price(&self, price: &str) {
        let mut listings = self.catalog.0.lock().unwrap();
        let quote = listings[0].quote.as_mut().unwrap();
        (quote.price, quote.as_of) = (Price::parse(price).unwrap(), self.clock.now());
    }

    /// The state of an order that is looked at after a crash: everything due is done, and the market has moved on.
    pub async fn settle_down(&self) {
        let survivor = self.another_service();
        for _ in 0..3 {
            self.clock.advance(70);
            self.price("1000");
            survivor.recover_due(self.clock.now()).await.unwrap();
            survivor.trigger(0).await.unwrap();
        }
    }

    /// All orders of the user, newest first.
    pub async fn orders(&self) -> Vec<Order> {
        let (filter, limit) = (OrderFilter::default(), PageLimit::new(100).unwrap());
        let page = self.service.orders(self.user, filter, OrderPlace::default(), limit).await.unwrap();
        assert!(page.next.is_none());
        page.items
    }

    /// The only order of the user.
    pub async fn the_order(&self) -> Order {
        let [order] = <[Order; 1]>::try_from(self.orders().await).unwrap();
        order
    }

    pub async fn recover_after(&self, seconds: i64) -> usize {
        self.clock.advance(seconds);
        self.service.recover_due(self.clock.now()).await.unwrap()
    }

    /// Reads and writes since `before`.
    pub fn calls_since(&self, before: (u64, u64)) -> (u64, u64) {
        let (reads, writes) = self.dynamo.calls().so_far();
        (reads - before.0, writes - before.1)
    }
}

pub fn order(order_type: OrderType, quantity: &str) -> NewOrder {
    let quantity = Quantity::parse(quantity).unwrap();
    NewOrder { order_type, asset: btc(), quantity, terms: Terms::Market, client_order_id: None }
}

/// One that waits for a price.
pub fn limit(order_type: OrderType, quantity: &str, price: &str) -> NewOrder {
    let terms = Terms::Limit { price: Price::parse(price).unwrap(), expires_at: None };
    NewOrder { terms, ..order(order_type, quantity) }
}

/// The request to place an order, without a key.
pub fn no_key() -> Once<Placed> {
    Once::new(None, placed)
}

/// What was done now, which it was if there is no key.
pub fn now<R: std::fmt::Debug>(done: Done<R>) -> R {
    match done {
        Done::Now(result) => result,
        Done::Told(_) => panic!("{done:?}"),
    }
}

pub fn btc() -> AssetId {
    "BTC".parse().unwrap()
}

fn service(
    dynamo: &Dynamo,
    books: &Arc<Books>,
    catalog: &Arc<Shop>,
    clock: &Arc<StandingClock>,
) -> Arc<OrderService> {
    let json = r#"{"min_value":"1.00","max_value":"10000.00","max_quote_age_s":60,"recovery_interval_ms":1,
        "recovery_max_attempts":20,"trigger_interval_ms":10,"sweep_interval_ms":30000}"#;
    let settings: Settings = serde_json::from_str(json).unwrap();
    OrderService::new(settings, dynamo.clone(), books.clone(), catalog.clone(), clock.clone())
}

fn bitcoin(as_of: Timestamp) -> Listing {
    let price = Price::parse("1000").unwrap();
    let quote = Quote { price, as_of, source: "simulated".to_owned() };
    Listing {
        asset: btc(),
        name: "Bitcoin".to_owned(),
        tradable: true,
        quote: Some(quote),
        rules: Rules::default(),
    }
}

pub struct StandingClock(Mutex<Timestamp>);

impl StandingClock {
    pub fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub struct Shop(pub Mutex<Vec<Listing>>);

#[async_trait]
impl Catalog for Shop {
    async fn listing(&self, asset: AssetId) -> Result<Option<Listing>, CatalogError> {
        Ok(self.listings(vec![asset]).await?.pop())
    }

    async fn listings(&self, assets: Vec<AssetId>) -> Result<Vec<Listing>, CatalogError> {
        let all = self.0.lock().unwrap().clone();
        Ok(all.into_iter().filter(|listing| assets.contains(&listing.asset)).collect())
    }

    async fn quotes_since(&self, version: u64) -> Result<QuoteChanges, CatalogError> {
        let all = self.0.lock().unwrap().clone().into_iter();
        let change = |Listing { asset, tradable, quote, .. }| QuoteChange { asset, tradable, quote };
        Ok(QuoteChanges { version: version + 1, quotes: all.map(change).collect() })
    }
}
