//! Movements of one user wait for each other inside the process. Correctness never depends on it (the store's
//! conditions decide); without it many clients of one user would mostly lose races to each other.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};
use tradepost_kernel::UserId;

const STRIPES: usize = 256;

pub struct Queue(Vec<Mutex<()>>);

impl Queue {
    pub fn new() -> Self {
        Self((0..STRIPES).map(|_| Mutex::new(())).collect())
    }

    /// Waits until it is this user's turn; the turn ends when the guard is dropped.
    pub async fn turn(&self, user: UserId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        let stripe = usize::try_from(hasher.finish() % STRIPES as u64).unwrap_or(0);
        self.0[stripe].lock().await
    }
}
