//! A running platform, as a test sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use crate::deployment::Deployment;
use crate::store::Store;
use crate::{Client, ShiftedClock, standalone};
use reqwest::Method;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tradepost_platform::dynamo::Dynamo;

/// How the platform is deployed. Every end-to-end test runs in every shape.
///
/// Its store is wherever the variable `TRADEPOST_TEST_ENDPOINT` points, e.g. `http://127.0.0.1:8000`. Without it, it
/// is an engine in memory: in the test process, or in a process of its own that all standalone platforms share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// All modules in one process.
    Monolith,
    /// A server per module in the test process, behind the gateway, over HTTP.
    Split,
    /// Real binaries with one module each, as processes behind the real gateway. They are looked for in the folder
    /// that the variable `TRADEPOST_STANDALONE` names.
    Standalone,
}

impl Shape {
    /// All shapes there are.
    pub const ALL: [Self; 3] = [Self::Monolith, Self::Split, Self::Standalone];

    /// Why tests in this shape cannot run here, if they cannot.
    #[must_use]
    pub fn is_missing(self) -> Option<&'static str> {
        let is_missing = self == Self::Standalone && standalone::binaries().is_none();
        is_missing.then_some("TRADEPOST_STANDALONE names no folder with binaries")
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Monolith => "monolith",
            Self::Split => "split",
            Self::Standalone => "standalone",
        })
    }
}

/// All tests come from one address.
fn crowded() -> Setup {
    Setup::default().set("user.login_failures_per_address", "1000")
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap());
static CALLS: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// Runs a test on the runtime that the platforms under test run on.
pub fn block_on<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(test)
}

/// Does something on that runtime that nobody waits for.
pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    RUNTIME.spawn(work);
}

/// Every method and path that was called so far.
pub fn calls() -> BTreeSet<(String, String)> {
    CALLS.lock().unwrap().clone()
}

pub(crate) fn note(method: &Method, path: &str) {
    CALLS.lock().unwrap().insert((method.to_string(), path.to_owned()));
}

pub(crate) fn next_number() -> u64 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// A platform that a test wants for itself.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) clock: Arc<ShiftedClock>,
}

impl Setup {
    /// Changes a setting, e.g. `.set("user.daily_deposit_limit", "1000000.00")`.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.keys.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Changes a setting that was not changed before.
    #[must_use]
    pub fn or(mut self, key: &str, value: &str) -> Self {
        self.keys.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        self
    }

    /// Has the platform ask its store for nothing on its own for a minute after the start.
    #[must_use]
    pub fn quiet(self) -> Self {
        self.set("order.recovery_interval_ms", "60000")
            .set("order.trigger_interval_ms", "60000")
            .set("gateway.health_interval_ms", "60000")
            .set("inventory.sync_interval_ms", "60000")
    }

    /// Gives the platform a clock that the test keeps a hold of.
    #[must_use]
    pub fn clock(mut self, clock: &Arc<ShiftedClock>) -> Self {
        self.clock = Arc::clone(clock);
        self
    }
}

/// A running platform. It derefs to a [`Client`] without a token.
#[derive(Clone)]
pub struct World {
    /// In which shape it runs.
    pub shape: Shape,
    deployment: Arc<Deployment>,
    client: Client,
}

impl World {
    /// The platform that all tests of a shape share; each makes its own users.
    pub async fn shared(shape: Shape) -> Self {
        static WORLDS: [OnceCell<World>; Shape::ALL.len()] = [const { OnceCell::const_new() }; _];
        WORLDS[shape as usize].get_or_init(|| Self::start(shape, crowded())).await.clone()
    }

    /// A platform of this test's own, in the same shape.
    pub async fn own(&self, setup: Setup) -> Self {
        Self::start(self.shape, setup).await
    }

    /// A platform on a store that the test has a hold of, in a shape that runs in this process.
    pub async fn on(dynamo: Dynamo, shape: Shape, setup: Setup) -> Self {
        Self::run(shape, Deployment::start_on(Store::of_test(dynamo), shape, setup)).await
    }

    async fn start(shape: Shape, setup: Setup) -> Self {
        Self::run(shape, Deployment::start(shape, setup)).await
    }

    async fn run(shape: Shape, starting: impl Future<Output = Deployment> + Send + 'static) -> Self {
        // On the runtime itself and not inside the test's future, so that the platform outlives the test.
        let deployment = RUNTIME.spawn(starting).await.unwrap();
        let base = format!("http://{}", deployment.address());
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { shape, deployment: Arc::new(deployment), client: Client { http, base } }
    }

    /// Demands that the books are right.
    pub async fn reconcile(&self) {
        let report = tradepost::modules::prove(self.deployment.store()).await.unwrap();
        assert!(report.is_clean(), "{report}");
    }

    /// The store that all processes share.
    #[must_use]
    pub fn store(&self) -> &Dynamo {
        self.deployment.store()
    }

    /// The metrics of all processes.
    pub async fn metrics(&self) -> String {
        self.deployment.metrics().await
    }

    /// Waits until the platform, which was set up to be quiet, has done what it does at the start.
    pub async fn until_quiet(&self) {
        while self.storage_calls(tokio::time::sleep(Duration::from_millis(500))).await != ((), 0, 0) {}
    }

    /// How many reads and writes the store was asked for while `work` ran. Only meaningful on a platform of one's
    /// own.
    pub async fn storage_calls<T>(&self, work: impl Future<Output = T>) -> (T, u64, u64) {
        let (reads, writes) = self.deployment.storage_calls().await;
        let result = work.await;
        let (reads_after, writes_after) = self.deployment.storage_calls().await;
        (result, reads_after - reads, writes_after - writes)
    }

    /// Where the platform listens, e.g. `http://127.0.0.1:40001`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.client.base
    }
}

impl Deref for World {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}
