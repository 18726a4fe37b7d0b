//! The embedded engine, in a binary that has none.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;

use super::{Config, Dynamo, StartError, Task};

/// Says what to do.
///
/// # Errors
/// Always.
pub fn open(_: &Config, _: &str) -> Result<(Dynamo, Task), StartError> {
    Err(absent())
}

/// Says what to do.
///
/// # Errors
/// Always.
pub fn open_existing(_: &Config, _: &str) -> Result<Dynamo, StartError> {
    Err(absent())
}

/// Says what to do.
///
/// # Errors
/// Always.
pub fn in_memory(_: &Config) -> Result<(Dynamo, Task), StartError> {
    Err(absent())
}

/// Says what to do.
///
/// # Errors
/// Always.
pub fn snapshot(_: &Config, _: &Path) -> Result<Dynamo, StartError> {
    Err(absent())
}

/// The access key id that an engine asks for.
pub const ACCESS_KEY_ID: &str = "tradepost";

/// An engine that other processes share, which this binary cannot be.
pub struct SharedEngine {
    /// Whether its callers must sign their requests.
    pub asks_for_signatures: bool,
    never: Infallible,
}

impl SharedEngine {
    /// Says what to do.
    ///
    /// # Errors
    /// Always.
    pub fn start(_: &Config, _: &str, _: bool) -> Result<Self, StartError> {
        Err(absent())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        match self.never {}
    }

    /// Stops it.
    pub async fn stop(self) {
        match self.never {}
    }
}

/// What is not there has no settings that could be wrong.
///
/// # Errors
/// None.
pub fn check(_: &Config) -> Result<(), StartError> {
    Ok(())
}

fn absent() -> StartError {
    StartError::new(
        "The embedded engine is not in this binary: build it with `--features embedded`, or set storage.engine = \
         \"dynamodb\".",
    )
}
