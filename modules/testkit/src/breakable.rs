//! A split platform whose processes a test can stop, start again and cut off from each other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::Mutex;
use tradepost::{App, modules};
use tradepost_kernel::Clock;
use tradepost_platform::dynamo::Dynamo;
use tradepost_platform::peer::{PeerClient, ServiceTokens, http_client};
use tradepost_platform::secrets::Secret;

use crate::deployment::{Base, SERVICE_SECRET};
use crate::{Client, Meddler, Setup, ShiftedClock, ports};

/// The processes, each after those it calls.
const SERVICES: [&str; 4] = ["user", "inventory", "order", "gateway"];

/// A server per module, behind the gateway; the order process reaches the others through meddlers. It derefs to
/// a [`Client`] of the gateway.
pub struct Breakable {
    /// Between the order process and the internal listener of the user process.
    pub user: Meddler,
    /// Between the order process and the internal listener of the inventory process.
    pub inventory: Meddler,
    base: Base,
    dynamo: Dynamo,
    addresses: Addresses,
    running: Mutex<BTreeMap<&'static str, App>>,
    client: Client,
    /// Where made-up keys are kept.
    _folder: TempDir,
}

/// Where each process listens, whether it runs or not.
struct Addresses {
    public: BTreeMap<&'static str, SocketAddr>,
    internal: BTreeMap<&'static str, SocketAddr>,
}

impl Breakable {
    /// A platform of which all processes run.
    pub async fn start(setup: Setup) -> Self {
        let platform = Self::prepare(setup).await;
        for service in SERVICES {
            platform.launch(service).await;
        }
        platform
    }

    /// A platform of which no process runs yet.
    pub async fn prepare(setup: Setup) -> Self {
        let folder = TempDir::new().unwrap();
        let base = Base { data_dir: folder.path().display().to_string(), setup };
        let (dynamo, _) = modules::embedded::in_memory(&base.config(&[])).unwrap();
        let free = ports::free::<8>();
        let addresses = Addresses {
            public: SERVICES.into_iter().zip(free[..4].iter().copied()).collect(),
            internal: ["user", "inventory"].into_iter().zip(free[4..6].iter().copied()).collect(),
        };
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self {
            user: Meddler::start(free[6], addresses.internal["user"]).await,
            inventory: Meddler::start(free[7], addresses.internal["inventory"]).await,
            client: Client { http, base: format!("http://{}", addresses.public["gateway"]) },
            running: Mutex::default(),
            base,
            dynamo,
            addresses,
            _folder: folder,
        }
    }

    /// Starts a process that does not run, at the addresses it always has.
    pub async fn launch(&self, service: &'static str) {
        let app = self.base.app(&self.dynamo, &self.settings(service)).await;
        assert!(self.running.lock().await.insert(service, app).is_none(), "{service} runs already");
    }

    /// Stops a process.
    pub async fn stop(&self, service: &str) {
        let app = self.running.lock().await.remove(service);
        app.unwrap_or_else(|| panic!("{service} does not run")).stop().await;
    }

    /// A client that talks to one process and not to the gateway.
    #[must_use]
    pub fn at(&self, service: &str) -> Client {
        Client { base: format!("http://{}", self.addresses.public[service]), ..self.client.clone() }
    }

    /// The internal listener of a process, e.g. `http://127.0.0.1:40001`.
    #[must_use]
    pub fn internal(&self, service: &str) -> String {
        format!("http://{}", self.addresses.internal[service])
    }

    /// What the processes of the platform call each other with.
    #[must_use]
    pub fn peers(&self) -> PeerClient {
        let secret = Secret::from_bytes(SERVICE_SECRET.as_bytes());
        let clock: Arc<dyn Clock> = self.clock().clone();
        let tokens = ServiceTokens::new(&secret, clock);
        PeerClient::new(http_client().unwrap(), Arc::new(tokens), std::time::Duration::from_secs(10))
    }

    /// The clock of all processes.
    #[must_use]
    pub fn clock(&self) -> &Arc<ShiftedClock> {
        &self.base.setup.clock
    }

    /// The store that all processes share.
    #[must_use]
    pub fn store(&self) -> &Dynamo {
        &self.dynamo
    }

    /// Demands that the books are right.
    pub async fn reconcile(&self) {
        let report = modules::prove(&self.dynamo).await.unwrap();
        assert!(report.is_clean(), "{report}");
    }

    fn settings(&self, service: &'static str) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("serve", service.to_owned()),
            ("server.listen", self.addresses.public[service].to_string()),
            ("server.shutdown_timeout_s", "1".to_owned()),
        ];
        settings.extend(match service {
            "gateway" => vec![
                ("gateway.user", self.at("user").base),
                ("gateway.order", self.at("order").base),
                ("gateway.inventory", self.at("inventory").base),
            ],
            "order" => vec![("peers.user", self.user.base()), ("peers.inventory", self.inventory.base())],
            _ => vec![("server.internal_listen", self.addresses.internal[service].to_string())],
        });
        settings
    }
}

impl Deref for Breakable {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}
