//! A running platform: started by one call, stopped by another.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tradepost_kernel::{Clock, SystemClock};
use tradepost_platform::dynamo::{Dynamo, EngineKind};
use tradepost_problem::Outage;

use crate::foundation::Foundation;
use crate::health::Phase;
use crate::modules::{self, Task};
use crate::server::{self, Parts};
use crate::{Config, ConfigError};

/// Why the platform did not start, in a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

impl StartError {
    /// A sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

impl From<Outage> for StartError {
    fn from(outage: Outage) -> Self {
        Self(outage.to_string())
    }
}

/// A running platform.
pub struct App {
    address: SocketAddr,
    dynamo: Dynamo,
    phase: Arc<Phase>,
    server: actix_web::dev::ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    stop_tasks: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    drain: Duration,
}

impl App {
    /// Opens the store, makes what tables are missing, joins the modules and starts to serve.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        modules::check_settings(&config)?;
        let listener = listen(&config.server.listen)?;
        let holder = format!("process {} listening on {}", std::process::id(), config.server.listen);
        let (dynamo, task) = modules::connect(&config, &holder).await?;
        Self::start_on(config, listener, dynamo, task, Arc::new(SystemClock)).await
    }

    /// The same on an engine without a file and with a clock of the caller's, for tests.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_in_memory(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let listener = listen(&config.server.listen)?;
        let (dynamo, task) = modules::embedded::in_memory(&config)?;
        Self::start_on(config, listener, dynamo, Some(task), clock).await
    }

    async fn start_on(
        config: Config,
        listener: TcpListener,
        dynamo: Dynamo,
        engine_task: Option<Task>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let tables = modules::tables(&config)?;
        for table in &tables {
            match config.storage.engine {
                EngineKind::Embedded => {
                    table.create(&dynamo).await?;
                }
                // Making tables takes rights that a server should not have.
                EngineKind::Dynamodb => {
                    if let Ok(false) = table.is_active(&dynamo).await {
                        let name = dynamo.table(table.name);
                        let name = name.name();
                        tracing::error!(name, "there is no such table: run `tradepost create-tables`");
                    }
                }
            }
        }
        let foundation = Foundation::new(config, dynamo.clone(), clock)?;
        let mut composition = modules::compose(&foundation)?;
        let (stop_tasks, stop) = watch::channel(false);
        let tasks = engine_task.into_iter().chain(composition.tasks.drain(..));
        let tasks = tasks.map(|task| tokio::spawn(task(stop.clone()))).collect();
        let phase = Arc::new(Phase::default());
        let store = tables.first().map(|table| (dynamo.clone(), table.name));
        let parts = Parts::new(&foundation, composition, Arc::clone(&phase), store)?;

        let address = listener.local_addr().map_err(|error| StartError::new(error.to_string()))?;
        let server = server::start(parts, listener, &foundation.config.server)?;
        let handle = server.handle();
        let serving = tokio::spawn(server);
        phase.serving();
        let drain = Duration::from_millis(foundation.config.server.drain_ms);
        Ok(Self { address, dynamo, phase, server: handle, serving, stop_tasks, tasks, drain })
    }

    /// Where the public API listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The store, for proofs and for counting what it was asked.
    #[must_use]
    pub fn store(&self) -> &Dynamo {
        &self.dynamo
    }

    /// Stops: not ready from now on, then no new connections, then requests in flight finish, then the tasks.
    pub async fn stop(self) {
        self.phase.draining();
        tokio::time::sleep(self.drain).await;
        self.server.stop(true).await;
        // Whatever the outcome, the server is gone.
        let _ = self.serving.await;
        let _ = self.stop_tasks.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

fn listen(address: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => StartError::new(format!(
            "Another program already listens on {address}. Stop it, or choose another address with --listen."
        )),
        _ => StartError::new(format!("Cannot listen on {address}: {error}.")),
    })
}
