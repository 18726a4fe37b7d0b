//! A platform whose clock, and so its prices, stand still until the test moves them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::NamedTempFile;
use tradepost_inventory::{Inventory, Settings};
use tradepost_inventory_api::Catalog;
use tradepost_kernel::{Clock, Timestamp};
use tradepost_testkit::{Setup, Shape, ShiftedClock, World};

/// Dollars per unit, by asset.
pub type Prices = BTreeMap<&'static str, Decimal>;

/// What the catalog has. Their prices move within minutes.
pub const ASSETS: [&str; 4] = ["SOL", "ETH", "LTC", INACTIVE];
/// One that cannot be traded.
pub const INACTIVE: &str = "FTT";

const TICK_MS: i64 = 100;

pub struct Platform {
    pub world: World,
    clock: Arc<ShiftedClock>,
    catalog: NamedTempFile,
}

impl Platform {
    /// One that starts at the same moment in every run, so that its prices are the same.
    pub async fn start() -> Self {
        let clock = Arc::new(ShiftedClock::stopped());
        let start: Timestamp = "2031-01-01T09:00:00Z".parse().unwrap();
        clock.advance(start - clock.now());
        let catalog = small_catalog();
        let setup = Setup::default()
            .set("inventory.catalog", catalog.path().to_str().unwrap())
            .set("inventory.tick_ms", &TICK_MS.to_string())
            .set("order.trigger_interval_ms", "20")
            .set("order.recovery_interval_ms", "20")
            .set("user.access_token_minutes", "1440")
            .clock(&clock);
        let world = World::shared(Shape::Monolith).await.own(setup).await;
        let platform = Self { world, clock, catalog };
        platform.until_caught_up().await;
        platform
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock, and the prices with it.
    pub async fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
        self.until_caught_up().await;
    }

    /// What the prices are, or will be after this time: they are a function of it.
    pub async fn prices(&self, ahead: TimeDelta) -> Prices {
        let settings = Settings {
            catalog: self.catalog.path().to_str().unwrap().to_owned(),
            tick_ms: u64::try_from(TICK_MS).unwrap(),
            ..Settings::demo()
        };
        let inventory = Inventory::new(settings, None, Arc::new(At(self.now() + ahead))).unwrap();
        let mut prices = Prices::new();
        for asset in ASSETS {
            let listing = inventory.listing(asset.parse().unwrap()).await.unwrap().unwrap();
            prices.insert(asset, listing.quote.unwrap().price.get());
        }
        prices
    }

    /// Waits until the catalog shows the prices of now.
    async fn until_caught_up(&self) {
        for _ in 0..500 {
            let shown = self.world.get("/api/v1/inventory/assets/SOL").await.expect(200).json();
            if time(&shown["data"]["last_updated"]) == self.now() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the catalog has no prices of {}", self.now());
    }
}

/// The few assets that are traded: working out the prices of a hundred takes long.
fn small_catalog() -> NamedTempFile {
    let mut catalog: Value = serde_json::from_str(include_str!("../../config/catalog.json")).unwrap();
    let assets = catalog["assets"].as_array_mut().unwrap();
    assets.retain(|asset| asset["asset_id"] == "BTC" || ASSETS.iter().any(|id| asset["asset_id"] == *id));
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), catalog.to_string()).unwrap();
    file
}

pub fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}
