//! A running platform: started by one call, stopped by another.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tradepost_kernel::{Clock, SystemClock};
use tradepost_platform::dynamo::Dynamo;
use tradepost_problem::Outage;

use crate::clock::FileClock;
use crate::config::ServerSettings;
use crate::foundation::Foundation;
use crate::health::Phase;
use crate::modules::{self, Ending, Task};
use crate::server::{self, Parts};
use crate::{Config, ConfigError, internal, tables};

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

/// A listener being served.
struct Serving {
    handle: ServerHandle,
    done: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    fn start(server: Server) -> Self {
        Self { handle: server.handle(), done: tokio::spawn(server) }
    }

    /// Takes no new connections, and waits for the requests in flight.
    async fn stop(self) {
        self.handle.stop(true).await;
        // Whatever the outcome, the server is gone.
        let _ = self.done.await;
    }
}

/// The sockets of a process, bound before anything else is begun.
struct Listeners {
    public: TcpListener,
    internal: Option<TcpListener>,
}

impl Listeners {
    fn bind(settings: &ServerSettings) -> Result<Self, StartError> {
        let internal = Some(&settings.internal_listen).filter(|address| !address.is_empty());
        Ok(Self {
            public: listen(&settings.listen, "--listen")?,
            internal: internal.map(|address| listen(address, "server.internal_listen")).transpose()?,
        })
    }
}

/// A running platform.
pub struct App {
    address: SocketAddr,
    internal_address: Option<SocketAddr>,
    dynamo: Option<Dynamo>,
    phase: Arc<Phase>,
    /// The public listener, and after it the internal one.
    servers: Vec<Serving>,
    endings: Vec<Ending>,
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
        let listeners = Listeners::bind(&config.server)?;
        let holder = format!("process {} listening on {}", std::process::id(), config.server.listen);
        let (dynamo, task) = if modules::has_store(&config)? {
            let (dynamo, task) = modules::connect(&config, &holder).await?;
            (Some(dynamo), task)
        } else {
            (None, None)
        };
        let clock: Arc<dyn Clock> = match config.clock_file.as_str() {
            "" => Arc::new(SystemClock),
            file => Arc::new(FileClock::new(file)),
        };
        Self::start_on(config, listeners, dynamo, task, clock).await
    }

    /// The same on a store and with a clock of the caller's, for tests.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_with(
        config: Config,
        dynamo: Dynamo,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        modules::check_settings(&config)?;
        let listeners = Listeners::bind(&config.server)?;
        let dynamo = modules::has_store(&config)?.then_some(dynamo);
        Self::start_on(config, listeners, dynamo, None, clock).await
    }

    async fn start_on(
        config: Config,
        listeners: Listeners,
        dynamo: Option<Dynamo>,
        engine_task: Option<Task>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let tables = modules::tables(&config)?;
        let phase = Arc::new(Phase::default());
        let preparation = match &dynamo {
            Some(dynamo) => tables::prepare(&config, dynamo, &phase).await?,
            None => None,
        };
        let foundation = Foundation::new(config, dynamo.clone(), clock);
        let mut composition = modules::compose(&foundation)?;
        let (stop_tasks, stop) = watch::channel(false);
        let later = composition.tasks_on_tables.drain(..).map(|task| phase.when_serving(task));
        let tasks =
            engine_task.into_iter().chain(preparation).chain(composition.tasks.drain(..)).chain(later);
        let tasks = tasks.map(|task| tokio::spawn(task(stop.clone()))).collect();
        let endings = std::mem::take(&mut composition.endings);
        let store = dynamo.clone().zip(tables.first().map(|table| table.name));

        let address = local_address(&listeners.public)?;
        let internal_address = listeners.internal.as_ref().map(local_address).transpose()?;
        let internal =
            listeners.internal.map(|listener| internal::start(&foundation, &composition, listener));
        let internal = internal.transpose()?;
        let parts = Parts::new(&foundation, composition, Arc::clone(&phase), store)?;
        let public = server::start(parts, listeners.public, &foundation.config.server)?;
        let servers = [Some(public), internal].into_iter().flatten().map(Serving::start).collect();
        if dynamo.is_none() {
            phase.serving();
        }
        let drain = Duration::from_millis(foundation.config.server.drain_ms);
        Ok(Self { address, internal_address, dynamo, phase, servers, endings, stop_tasks, tasks, drain })
    }

    /// Where the public API listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where other processes call the modules of this one, if they may.
    #[must_use]
    pub fn internal_address(&self) -> Option<SocketAddr> {
        self.internal_address
    }

    /// The store, if this process has one: for proofs, and for counting what it was asked.
    #[must_use]
    pub fn store(&self) -> Option<&Dynamo> {
        self.dynamo.as_ref()
    }

    /// Stops: not ready from now on, then streams end and there are no new connections, then requests in flight finish,
    /// then the tasks.
    pub async fn stop(self) {
        self.phase.draining();
        tokio::time::sleep(self.drain).await;
        self.endings.into_iter().for_each(|end| end());
        for server in self.servers {
            server.stop().await;
        }
        let _ = self.stop_tasks.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Takes an address; `option` is how to choose another.
pub(crate) fn listen(address: &str, option: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => StartError::new(format!(
            "Another program already listens on {address}. Stop it, or choose another address with {option}."
        )),
        _ => StartError::new(format!("Cannot listen on {address}: {error}.")),
    })
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|error| StartError::new(error.to_string()))
}
