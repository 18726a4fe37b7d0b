//! What the operator can do with accounts, in a binary that has none.

use super::{Foundation, StartError};

/// Says what to do.
///
/// # Errors
/// Always.
pub async fn reset_password(_: &Foundation, _: &str) -> Result<String, StartError> {
    Err(absent())
}

/// Says what to do.
///
/// # Errors
/// Always.
pub async fn grant_admin(_: &Foundation, _: &str) -> Result<bool, StartError> {
    Err(absent())
}

/// Says what to do.
///
/// # Errors
/// Always.
pub async fn revoke_admin(_: &Foundation, _: &str) -> Result<bool, StartError> {
    Err(absent())
}

/// Says what to do.
///
/// # Errors
/// Always.
pub async fn deposit(_: &Foundation, _: &str, _: &str) -> Result<String, StartError> {
    Err(absent())
}

fn absent() -> StartError {
    StartError::new("Accounts are kept by the user module: use a binary with the feature `user`.")
}
