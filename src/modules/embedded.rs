//! The embedded engine.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tradepost_engine::{Engine, EngineError, Server, Settings};
use tradepost_kernel::SystemClock;

use super::{Arc, Config, Dynamo, StartError, Task};

pub use tradepost_engine::ACCESS_KEY_ID;

/// Opens the engine in the data folder, and the task that removes what has expired.
///
/// # Errors
/// When another process has the folder, or the disk does not play along.
pub fn open(config: &Config, holder: &str) -> Result<(Dynamo, Task), StartError> {
    Ok(connect(&Engine::open(&config.data_dir, holder)?, config))
}

/// The same, for a data folder that must hold data already.
///
/// # Errors
/// As [`open`], and when there is no data.
pub fn open_existing(config: &Config, holder: &str) -> Result<Dynamo, StartError> {
    Ok(connect(&Engine::open_existing(&config.data_dir, holder)?, config).0)
}

/// An engine without a file, for tests.
///
/// # Errors
/// When no thread can be started.
pub fn in_memory(config: &Config) -> Result<(Dynamo, Task), StartError> {
    Ok(connect(&Engine::in_memory()?, config))
}

/// The live data of a data folder as it is now, without disturbing the process that serves it. `to` must not
/// exist.
///
/// # Errors
/// When there is no data, or the copy cannot be made.
pub fn snapshot(config: &Config, to: &Path) -> Result<Dynamo, StartError> {
    tradepost_engine::snapshot(&config.data_dir, to)?;
    Ok(connect(&Engine::open_snapshot(to)?, config).0)
}

/// An engine that other processes share.
pub struct SharedEngine {
    server: Server,
    /// Whether its callers must sign their requests.
    pub asks_for_signatures: bool,
    stop_sweep: watch::Sender<bool>,
    sweep: JoinHandle<()>,
}

impl SharedEngine {
    /// Opens the engine, in the data folder or in memory, and serves it where the settings say.
    ///
    /// # Errors
    /// As [`open`], and when the address cannot be had or must not be used.
    pub fn start(config: &Config, holder: &str, in_memory: bool) -> Result<Self, StartError> {
        let settings = settings(config)?;
        let engine = if in_memory { Engine::in_memory()? } else { Engine::open(&config.data_dir, holder)? };
        let server = Server::start(&engine, &settings, Arc::new(SystemClock))?;
        let (stop_sweep, stop) = watch::channel(false);
        let sweep = tokio::spawn(sweep(engine, stop));
        Ok(Self { server, asks_for_signatures: settings.asks_for_signatures(), stop_sweep, sweep })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Finishes the requests in flight and closes the engine.
    pub async fn stop(self) {
        self.server.stop().await;
        let _ = self.stop_sweep.send(true);
        // Whatever the outcome, the task is gone.
        let _ = self.sweep.await;
    }
}

/// Checks the section `[engine]`.
///
/// # Errors
/// The setting that is wrong.
pub fn check(config: &Config) -> Result<(), StartError> {
    settings(config).map(|_| ())
}

fn settings(config: &Config) -> Result<Settings, StartError> {
    let settings: Settings = config.section("engine")?;
    settings.check().map_err(StartError::new)?;
    Ok(settings)
}

fn connect(engine: &Engine, config: &Config) -> (Dynamo, Task) {
    let dynamo = Dynamo::in_process(engine.http_client(), &config.storage.table_prefix);
    let engine = engine.clone();
    (dynamo, Box::new(|stop| Box::pin(sweep(engine, stop))))
}

/// The engine removes expired items only when asked; it reads whole tables for it, so it is asked rarely.
async fn sweep(engine: Engine, mut stop: tokio::sync::watch::Receiver<bool>) {
    let mut hours = tokio::time::interval(Duration::from_secs(3600));
    hours.tick().await;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = hours.tick() => {}
        }
        match engine.sweep_ttl().await {
            Ok(removed) => tracing::debug!(removed, "removed expired items"),
            Err(error) => tracing::warn!(%error, "expired items were not removed"),
        }
    }
}

impl From<EngineError> for StartError {
    fn from(error: EngineError) -> Self {
        Self::new(error.to_string())
    }
}
