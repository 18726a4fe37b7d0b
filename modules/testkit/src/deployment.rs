//! How the platform of a test is put together, shape by shape.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tempfile::TempDir;
use tradepost::{App, Config, Overrides, modules};
use tradepost_kernel::Clock;
use tradepost_platform::dynamo::Dynamo;

use crate::{Setup, Shape};

/// The processes of a platform, or what stands for processes inside the test's own, and their store.
pub struct Deployment {
    /// The one that clients talk to stands last.
    apps: Vec<App>,
    dynamo: Dynamo,
    /// Where made-up keys are kept.
    _folder: TempDir,
}

impl Deployment {
    /// Starts a platform on an engine in memory.
    pub async fn start(shape: Shape, setup: Setup) -> Self {
        let folder = TempDir::new().unwrap();
        let base = Base { data_dir: folder.path().display().to_string(), setup };
        let (dynamo, _) = modules::embedded::in_memory(&base.config(&[])).unwrap();
        let apps = match shape {
            Shape::Monolith => vec![base.app(&dynamo, &[]).await],
            Shape::Split => base.split(&dynamo).await,
        };
        Self { apps, dynamo, _folder: folder }
    }

    /// Where clients talk to the platform.
    pub fn address(&self) -> SocketAddr {
        self.apps.last().unwrap().address()
    }

    /// The store that all processes share.
    pub fn store(&self) -> &Dynamo {
        &self.dynamo
    }

    /// Reads and writes of all processes so far.
    pub async fn storage_calls(&self) -> (u64, u64) {
        self.dynamo.calls().so_far()
    }
}

/// What all processes of a platform have in common.
struct Base {
    data_dir: String,
    setup: Setup,
}

impl Base {
    fn config(&self, own: &[(&str, String)]) -> Config {
        let mut keys = BTreeMap::from([
            ("server.listen".to_owned(), "127.0.0.1:0".to_owned()),
            ("server.workers".to_owned(), "2".to_owned()),
            ("auth.service_secret".to_owned(), "a secret that only the tests know of".to_owned()),
            ("data_dir".to_owned(), self.data_dir.clone()),
        ]);
        keys.extend(self.setup.keys.clone());
        keys.extend(own.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let overrides = Overrides { keys: keys.into_iter().collect(), ..Overrides::default() };
        Config::load(&overrides).unwrap()
    }

    async fn app(&self, dynamo: &Dynamo, own: &[(&str, String)]) -> App {
        let clock: Arc<dyn Clock> = self.setup.clock.clone();
        App::start_with(self.config(own), dynamo.clone(), clock).await.unwrap()
    }

    /// A server per module.
    async fn split(&self, dynamo: &Dynamo) -> Vec<App> {
        let serve = |module: &str| ("serve", module.to_owned());
        let internal = || ("server.internal_listen", "127.0.0.1:0".to_owned());
        let user = self.app(dynamo, &[serve("user"), internal()]).await;
        let inventory = self.app(dynamo, &[serve("inventory"), internal()]).await;
        let calls = |app: &App| format!("http://{}", app.internal_address().unwrap());
        let (accounts, catalog) = (("peers.user", calls(&user)), ("peers.inventory", calls(&inventory)));
        let order = self.app(dynamo, &[serve("order"), accounts, catalog]).await;
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
