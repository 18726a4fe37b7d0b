//! The embedded engine, in a binary that has none.

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

fn absent() -> StartError {
    StartError::new(
        "The embedded engine is not in this binary: build it with `--features embedded`, or set storage.engine = \
         \"dynamodb\".",
    )
}
