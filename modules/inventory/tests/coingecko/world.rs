//! An installation that asks a server of the test for its prices.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use actix_web::App;
use actix_web::test::{TestRequest, call_and_read_body, init_service};
use chrono::{DateTime, TimeDelta};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::Value;
use tokio::sync::watch;
use tradepost_engine::Engine;
use tradepost_inventory::{CoinGeckoSettings, Inventory, Settings, Source, TABLE, routes, state};
use tradepost_inventory_api::{Catalog, Listing};
use tradepost_kernel::{Clock, Timestamp};
use tradepost_platform::cursor::Cursors;
use tradepost_platform::dynamo::Dynamo;
use tradepost_platform::secrets::Secret;
use utoipa_actix_web::{AppExt, scope};

use crate::server::{Answer, Request, Server};

/// So long is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub struct World {
    pub server: Server,
    pub clock: Arc<SetClock>,
    pub inventory: Arc<Inventory>,
    metrics: PrometheusHandle,
    _recorder: metrics::LocalRecorderGuard<'static>,
    _stop: watch::Sender<bool>,
}

pub fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

impl World {
    pub async fn new(script: impl Fn(&Request) -> Answer + Send + 'static) -> Self {
        Self::with(|_| (), script).await
    }

    /// An installation that asks every second: more often than a server may be asked that is not the test's own.
    pub async fn with(
        change: impl FnOnce(&mut Settings),
        script: impl Fn(&Request) -> Answer + Send + 'static,
    ) -> Self {
        // The recorder counts what is done on this thread, where everything of this test is done.
        let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        let metrics = recorder.handle();
        let guard = metrics::set_default_local_recorder(recorder);
        let server = Server::start(script).await;
        let coingecko = CoinGeckoSettings {
            base_url: format!("http://127.0.0.1:{}/api/v3", server.port),
            interval_s: 1,
            timeout_ms: 500,
            per_page: 3,
            ..CoinGeckoSettings::public()
        };
        let mut settings = Settings {
            feed: Source::CoinGecko,
            sync_interval_ms: 50,
            lease_s: 5,
            coingecko,
            ..Settings::demo()
        };
        change(&mut settings);
        let dynamo = Dynamo::in_process(Engine::in_memory().unwrap().http_client(), "t_");
        TABLE.create(&dynamo).await.unwrap();
        let clock = Arc::new(SetClock(AtomicI64::new(noon().timestamp_millis())));
        let inventory = Inventory::new(settings, Some(&dynamo), clock.clone()).unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(Arc::clone(&inventory).run(stopped.clone()));
        tokio::spawn(Arc::clone(&inventory).run_on_table(stopped));
        Self { server, clock, inventory, metrics, _recorder: guard, _stop: stop }
    }

    pub fn passes(&self, time: TimeDelta) {
        self.clock.0.fetch_add(time.num_milliseconds(), Ordering::SeqCst);
    }

    pub async fn listing(&self, asset: &str) -> Option<Listing> {
        self.inventory.listing(asset.parse().unwrap()).await.unwrap()
    }

    /// The price of an asset, as text; empty if it has none.
    pub async fn price(&self, asset: &str) -> String {
        let quote = self.listing(asset).await.and_then(|listing| listing.quote);
        quote.map_or_else(String::new, |quote| quote.price.to_string())
    }

    /// Waits until an asset has a price.
    pub async fn until_price(&self, asset: &str, price: &str) {
        let reached = async {
            while self.price(asset).await != price {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let known = tokio::time::timeout(PATIENCE, reached).await;
        assert!(known.is_ok(), "{asset} costs {}, not {price}", self.price(asset).await);
    }

    /// Waits until the server has been asked so many times more.
    pub async fn until_asked(&self, times: usize) {
        let count = self.server.count() + times;
        let reached = async {
            while self.server.count() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap();
    }

    /// Waits until a counter stands at a number, or above.
    pub async fn until_counted(&self, counter: &str, number: u64) {
        let reached = async {
            while self.counted(counter) < number {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let known = tokio::time::timeout(PATIENCE, reached).await;
        assert!(known.is_ok(), "{counter} stands at {}: {}", self.counted(counter), self.metrics.render());
    }

    /// Where a counter stands: `name{label="value"}`.
    pub fn counted(&self, counter: &str) -> u64 {
        let text = self.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(counter));
        line.map_or(0, |number| number.trim().parse().unwrap())
    }

    /// What a route answers, as text: the digits count.
    pub async fn body(&self, path: &str) -> String {
        let routes = scope("/api/v1")
            .configure(state(
                Arc::clone(&self.inventory),
                Cursors::new(Secret::from_bytes(b"test").derive("cursors")),
            ))
            .configure(routes);
        let app = init_service(App::new().into_utoipa_app().service(routes).into_app()).await;
        let request = TestRequest::get().uri(&format!("/api/v1{path}")).to_request();
        String::from_utf8(call_and_read_body(&app, request).await.to_vec()).unwrap()
    }

    pub async fn detail(&self, asset: &str) -> Value {
        let body = self.body(&format!("/inventory/assets/{asset}")).await;
        serde_json::from_str::<Value>(&body).unwrap()["data"].take()
    }
}
