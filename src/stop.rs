//! When a process is to stop.

use std::io;
use std::thread;

use tokio::sync::oneshot;

use crate::StartError;

/// Waits for a signal to stop, and `with_stdin` also for the end of the standard input: whoever holds its other end
/// and dies, by whatever cause, takes this process along.
///
/// # Errors
/// As [`signal`], and when no thread can be started.
pub async fn asked(with_stdin: bool) -> Result<(), StartError> {
    if !with_stdin {
        return signal().await;
    }
    let end = stdin_end()?;
    tokio::select! {
        signalled = signal() => signalled,
        // An error means that the thread is gone, and the input with it.
        _ = end => Ok(()),
    }
}

/// A thread of its own, because a read of the standard input cannot be called off, and the runtime would wait for it
/// at its end.
fn stdin_end() -> Result<oneshot::Receiver<()>, StartError> {
    let (tell, end) = oneshot::channel();
    let read = move || {
        // An input that cannot be read has ended too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = tell.send(());
    };
    thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(read)
        .map_err(|error| StartError::new(format!("The standard input cannot be watched: {error}.")))?;
    Ok(end)
}

/// Waits for Ctrl-C, or for SIGTERM as a container sends it.
///
/// # Errors
/// When the system does not let signals be received.
pub async fn signal() -> Result<(), StartError> {
    let failed = |error: io::Error| StartError::new(format!("Signals cannot be received: {error}."));
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
