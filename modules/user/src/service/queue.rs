//! Work on one thing (the cash of a user, the logins of an account) waits for each other inside the process.
//! Correctness never depends on it (the store's conditions decide); without it many clients at once would mostly
//! lose races to each other.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const STRIPES: usize = 256;

/// Lets a number of callers per key through at once, the others in the order in which they came.
pub struct Queue {
    stripes: Vec<Arc<Semaphore>>,
    /// Seeded anew by each process, so that nobody can choose keys that wait for each other.
    hasher: RandomState,
}

/// Somebody's turn; it ends when this is dropped.
#[must_use]
pub struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Queue {
    /// A queue in which so many may be at work on one key at once.
    pub fn new(at_once: usize) -> Self {
        let stripes = (0..STRIPES).map(|_| Arc::new(Semaphore::new(at_once))).collect();
        Self { stripes, hasher: RandomState::new() }
    }

    /// Waits until it is this key's turn.
    pub async fn turn(&self, key: impl Hash) -> Turn {
        let stripe = usize::try_from(self.hasher.hash_one(key) % STRIPES as u64).unwrap_or(0);
        // Nobody closes a stripe; if somebody did, nobody would have to wait.
        Turn { _permit: Arc::clone(&self.stripes[stripe]).acquire_owned().await.ok() }
    }
}
