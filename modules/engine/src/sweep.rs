//! Deleting expired items.
//!
//! Each sweep has a thread of its own that shares the database with the engine's: the engine steps aside
//! between two pages of a sweep for whoever waits, and on the engine's own thread nobody could.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread;

use dynoxide::Database;
use tokio::sync::oneshot;

use crate::Inner;
use crate::error::EngineError;

/// Deletes all expired items and answers their number.
pub(crate) async fn sweep(engine: &Arc<Inner>) -> Result<usize, EngineError> {
    let database = engine.worker.run(Database::clone).await.map_err(|_| EngineError::NoAnswer)?;
    let lock = engine.lock.clone();
    let owner = Arc::downgrade(engine);
    let (reply, answer) = oneshot::channel();
    thread::Builder::new()
        .name("tradepost-sweep".to_owned())
        .spawn(move || {
            let swept = sweep_and_close(database, &owner);
            drop(lock);
            // An error means that nobody waits for the number.
            let _ = reply.send(swept);
        })
        .map_err(|reason| EngineError::Thread { reason })?;
    answer.await.map_err(|_| EngineError::NoAnswer)?
}

fn sweep_and_close(database: Database, owner: &Weak<Inner>) -> Result<usize, EngineError> {
    let swept = catch_unwind(AssertUnwindSafe(|| database.sweep_ttl()));
    drop(database);
    match swept {
        Ok(deleted) => deleted.map_err(|reason| EngineError::Sweep { reason: reason.to_string() }),
        Err(_) => {
            tracing::error!("a sweep of the embedded engine panicked");
            if let Some(engine) = owner.upgrade() {
                engine.worker.reopen();
            }
            Err(EngineError::NoAnswer)
        }
    }
}
