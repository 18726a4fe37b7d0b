//! When a process is to stop.

use crate::StartError;

/// Waits for Ctrl-C, or for SIGTERM as a container sends it.
///
/// # Errors
/// When the system does not let signals be received.
pub async fn signal() -> Result<(), StartError> {
    let failed = |error: std::io::Error| StartError::new(format!("Signals cannot be received: {error}."));
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted.map_err(failed),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(failed)
}
