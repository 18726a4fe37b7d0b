//! The embedded engine.

use std::path::Path;
use std::time::Duration;

use super::{Config, Dynamo, StartError, Task};
use tradepost_engine::{Engine, EngineError};

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
