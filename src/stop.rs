//! When a process is to stop.

use std::io;
use std::thread;

use tokio::sync::oneshot;

use crate::StartError;

/// From now on hears signals to stop, and `with_stdin` also the end of the standard input: whoever holds its other end
/// and dies, by whatever cause, takes this process along. The future waits for either.
///
/// # Errors
/// As [`signal`], and when no thread can be started.
pub fn asked(with_stdin: bool) -> Result<impl Future<Output = ()>, StartError> {
    let signalled = signal()?;
    let end = with_stdin.then(stdin_end).transpose()?;
    Ok(async move {
        match end {
            // An error means that the thread is gone, and the input with it.
            Some(end) => tokio::select! {
                () = signalled => {}
                _ = end => {}
            },
            None => signalled.await,
        }
    })
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

/// From now on hears Ctrl-C, and SIGTERM as a container sends it; one that comes before the future is waited for is not
/// lost.
///
/// # Errors
/// When the system does not let signals be received.
pub fn signal() -> Result<impl Future<Output = ()>, StartError> {
    let failed = |error: io::Error| StartError::new(format!("Signals cannot be received: {error}."));
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(windows)]
    {
        let mut interrupt = tokio::signal::windows::ctrl_c().map_err(failed)?;
        Ok(async move {
            interrupt.recv().await;
        })
    }
}
