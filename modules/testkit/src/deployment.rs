//! How the platform of a test is put together, shape by shape.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tempfile::TempDir;
use tradepost::{App, Config, Overrides};
use tradepost_kernel::Clock;
use tradepost_platform::dynamo::Dynamo;

use crate::standalone::{self, Processes};
use crate::store::{self, Store};
use crate::{Setup, Shape};

/// Known to all processes of a platform under test.
pub const SERVICE_SECRET: &str = "a secret that only the tests know of";

/// A platform and its store.
pub struct Deployment {
    platform: Platform,
    store: Store,
    /// Where made-up keys are kept.
    _folder: TempDir,
}

/// What a platform consists of; the part that clients talk to stands last.
enum Platform {
    Apps(Vec<App>),
    Processes(Processes),
}

impl Deployment {
    /// Starts a platform on the store under test, or else on an engine in memory.
    pub async fn start(shape: Shape, setup: Setup) -> Self {
        let store = match (store::endpoint(), shape) {
            (Some(endpoint), _) => Store::at(&endpoint).await,
            (None, Shape::Standalone) => Store::at(standalone::engine().await).await,
            (None, _) => Store::in_memory(),
        };
        Self::start_on(store, shape, setup).await
    }

    /// Starts a platform on this store.
    pub async fn start_on(store: Store, shape: Shape, mut setup: Setup) -> Self {
        let folder = TempDir::new().unwrap();
        setup.keys.extend(store.keys.clone());
        let base = Base { data_dir: folder.path().display().to_string(), setup };
        let platform = match shape {
            Shape::Monolith => Platform::Apps(vec![base.app(&store.dynamo, &[]).await]),
            Shape::Split => Platform::Apps(base.split(&store.dynamo).await),
            Shape::Standalone => {
                let clock_file = folder.path().join("clock");
                base.setup.clock.follow(clock_file.clone());
                let mut keys = base.keys();
                keys.insert("clock_file".to_owned(), clock_file.display().to_string());
                Platform::Processes(Processes::start(&keys).await)
            }
        };
        Self { platform, store, _folder: folder }
    }

    /// Where clients talk to the platform.
    pub fn address(&self) -> SocketAddr {
        match &self.platform {
            Platform::Apps(apps) => apps.last().unwrap().address(),
            Platform::Processes(processes) => processes.address(),
        }
    }

    /// The store that all processes share.
    pub fn store(&self) -> &Dynamo {
        &self.store.dynamo
    }

    /// The metrics of all processes; servers in one process have theirs in common.
    pub async fn metrics(&self) -> String {
        match &self.platform {
            Platform::Apps(_) => standalone::get(&format!("http://{}/metrics", self.address()))
                .await
                .unwrap()
                .text()
                .await
                .unwrap(),
            Platform::Processes(processes) => processes.metrics().await,
        }
    }

    /// Reads and writes of all processes so far.
    pub async fn storage_calls(&self) -> (u64, u64) {
        match &self.platform {
            Platform::Apps(_) => self.store.dynamo.calls().so_far(),
            Platform::Processes(processes) => processes.storage_calls().await,
        }
    }
}

/// What all processes of a platform have in common.
pub struct Base {
    pub data_dir: String,
    pub setup: Setup,
}

impl Base {
    fn keys(&self) -> BTreeMap<String, String> {
        let mut keys = BTreeMap::from([
            ("server.listen".to_owned(), "127.0.0.1:0".to_owned()),
            ("server.workers".to_owned(), "2".to_owned()),
            ("auth.service_secret".to_owned(), SERVICE_SECRET.to_owned()),
            ("data_dir".to_owned(), self.data_dir.clone()),
            // Many platforms without optimisation share few cores.
            ("peers.timeout_ms".to_owned(), "60000".to_owned()),
        ]);
        // All tests come from one address, and some repeat a user's requests for long.
        for limit in ["per_address", "per_user", "auth_per_address", "money_per_user", "reads_per_address"] {
            keys.insert(format!("rate_limits.{limit}"), "1000000000".to_owned());
        }
        keys.extend(self.setup.keys.clone());
        keys
    }

    pub fn config(&self, own: &[(&str, String)]) -> Config {
        let mut keys = self.keys();
        keys.extend(own.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        config(&keys)
    }

    pub async fn app(&self, dynamo: &Dynamo, own: &[(&str, String)]) -> App {
        let clock: Arc<dyn Clock> = self.setup.clock.clone();
        App::start_with(self.config(own), dynamo.clone(), clock).await.unwrap()
    }

    /// A server per module.
    async fn split(&self, dynamo: &Dynamo) -> Vec<App> {
        let serve = |module: &str| ("serve", module.to_owned());
        let behind = || ("server.trusted_proxies", "127.0.0.1".to_owned());
        let internal = || ("server.internal_listen", "127.0.0.1:0".to_owned());
        let user = self.app(dynamo, &[serve("user"), internal(), behind()]).await;
        let calls = |app: &App| format!("http://{}", app.internal_address().unwrap());
        let accounts = ("peers.user", calls(&user));
        let takes_tokens = [serve("inventory"), internal(), behind(), accounts.clone()];
        let inventory = self.app(dynamo, &takes_tokens).await;
        let catalog = ("peers.inventory", calls(&inventory));
        let order = self.app(dynamo, &[serve("order"), accounts, catalog, behind()]).await;
        let public = |app: &App| format!("http://{}", app.address());
        let upstreams = [
            ("gateway.user", public(&user)),
            ("gateway.order", public(&order)),
            ("gateway.inventory", public(&inventory)),
        ];
        let gateway = self.app(dynamo, &[&[serve("gateway")][..], &upstreams].concat()).await;
        vec![user, inventory, order, gateway]
    }
}

/// The configuration that these settings make.
pub fn config(keys: &BTreeMap<String, String>) -> Config {
    let keys = keys.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    Config::load(&Overrides { keys, ..Overrides::default() }).unwrap()
}
