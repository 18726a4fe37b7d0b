//! A gateway as an app runs it, with the middleware that matters to it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::{Condition, NormalizePath, TrailingSlash, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::watch;
use tradepost_gateway::{Gateway, Settings, forward};
use tradepost_kernel::{Clock, Timestamp};
use tradepost_platform::guard::{Guard, HeadLimits, RateLimits, TrustedProxies, guard};
use tradepost_platform::request::{BodyTimeout, head_as_get};
use tradepost_platform::telemetry::observe;
use tradepost_problem::finish;

use super::{Upstream, Wire};

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct MovedClock(AtomicI64);

impl MovedClock {
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp_millis(1_700_000_000_000 + self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// What a gateway is started with.
pub struct Setup {
    pub settings: Settings,
    pub max_body_bytes: usize,
    pub body_timeout: Duration,
    pub checks_health: bool,
    /// Turns HEAD into GET ahead of the gateway, as the platform's own middleware does.
    pub turns_head: bool,
    pub trusted_proxies: Vec<String>,
}

impl Setup {
    /// These upstreams for every module, and no timeout that a test could meet by being slow.
    pub fn of(upstreams: &[&Upstream]) -> Self {
        let bases: Vec<_> = upstreams.iter().map(|upstream| upstream.base()).collect();
        let settings = Settings {
            user: bases.clone(),
            order: bases.clone(),
            inventory: bases,
            connect_timeout_ms: 60_000,
            idle_timeout_ms: 60_000,
            total_timeout_ms: 60_000,
            keep_alive_ms: 3000,
            health_interval_ms: 10,
            health_timeout_ms: 60_000,
            breaker_failures: 1000,
            breaker_forget_ms: 2000,
            breaker_open_ms: 5000,
        };
        Self {
            settings,
            max_body_bytes: 1024,
            body_timeout: Duration::from_secs(60),
            checks_health: false,
            turns_head: false,
            trusted_proxies: Vec::new(),
        }
    }

    pub fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub fn start(self) -> Edge {
        let clock = Arc::new(MovedClock::default());
        let gateway =
            Gateway::new(self.settings, self.max_body_bytes, Box::new(takes_key), clock.clone()).unwrap();
        let (stop, stopped) = watch::channel(false);
        if self.checks_health {
            tokio::spawn(Arc::clone(&gateway).run(stopped));
        }
        let (data, body_timeout) = (Data::from(gateway), BodyTimeout(self.body_timeout));
        let turns_head = self.turns_head;
        let guarded = Data::new(Guard::new(
            TrustedProxies::parse(&self.trusted_proxies).unwrap(),
            HeadLimits { max_uri_bytes: 10_000, max_head_bytes: 10_000 },
            RateLimits::new(&[], |_, _| true, clock.clone()),
        ));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .app_data(guarded.clone())
                .app_data(body_timeout)
                .default_service(web::to(forward))
                .wrap(from_fn(guard))
                .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
                .wrap(from_fn(finish))
                .wrap(Condition::new(turns_head, from_fn(head_as_get)))
                .wrap(from_fn(observe))
        });
        let server =
            server.workers(2).h1_allow_half_closed(false).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Edge { address, clock, client, handle, stop }
    }
}

/// All of the order module, and nothing else.
fn takes_key(_: &str, path: &str) -> bool {
    path.starts_with("/api/v1/orders")
}

/// A running gateway. It is gone when it is dropped.
pub struct Edge {
    pub address: SocketAddr,
    pub clock: Arc<MovedClock>,
    pub stop: watch::Sender<bool>,
    client: reqwest::Client,
    handle: ServerHandle,
}

impl Edge {
    pub fn start(upstreams: &[&Upstream]) -> Self {
        Setup::of(upstreams).start()
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub async fn send(&self, method: &str, path: &str) -> Answer {
        Answer::of(self.request(method, path)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path).await
    }

    pub async fn connect(&self) -> Wire {
        Wire::connect(self.address).await
    }

    /// Sends a request as it stands, on a connection of its own, and reads all that comes back.
    pub async fn raw(&self, request: &str) -> String {
        let mut wire = self.connect().await;
        wire.write(request.replace('\n', "\r\n")).await;
        wire.rest().await
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        // The message is sent at once; nobody waits for the server to be gone.
        drop(self.handle.stop(false));
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The status and the code of a problem document.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let body = self.body();
        assert_eq!(body["status"], self.status);
        (self.status, body["code"].as_str().unwrap().to_owned())
    }

    pub fn detail(&self) -> String {
        self.body()["detail"].as_str().unwrap().to_owned()
    }
}
