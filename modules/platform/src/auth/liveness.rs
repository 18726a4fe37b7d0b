//! Whether a session has been ended. Tokens are valid by themselves; this is what makes logging out real.

use std::time::Duration;

use async_trait::async_trait;
use moka::future::Cache;
use tradepost_kernel::{SessionId, UserId};
use tradepost_problem::Outage;

/// Answers whether a session has not been ended. Implemented by the user module, in process or over HTTP.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Whether the session exists and has not been revoked.
    ///
    /// # Errors
    /// [`Outage`] when that cannot be known now.
    async fn is_live(&self, user: UserId, session: SessionId) -> Result<bool, Outage>;
}

/// Remembers answers of [`Sessions`] for 20 seconds, so that liveness costs at most one read per session and
/// 20 seconds, and a session revoked elsewhere is refused here within 30. That a session has ended is remembered as long
/// as its access tokens could last: it never lives again, whoever can be asked.
pub struct SessionCache {
    live: Cache<SessionId, bool>,
    ended: Cache<SessionId, ()>,
}

/// The longest that an access token may be set to last.
const ENDED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

impl SessionCache {
    /// An empty cache, bounded to 100 000 sessions.
    #[must_use]
    pub fn new() -> Self {
        let live = Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(20)).build();
        let ended = Cache::builder().max_capacity(100_000).time_to_live(ENDED_FOR).build();
        Self { live, ended }
    }

    /// Whether the session lives, asking `sessions` at most once however many callers wait.
    ///
    /// # Errors
    /// [`Outage`] when that cannot be known now; nothing is remembered then.
    pub async fn is_live(
        &self,
        sessions: &dyn Sessions,
        user: UserId,
        session: SessionId,
    ) -> Result<bool, Outage> {
        if self.ended.contains_key(&session) {
            return Ok(false);
        }
        let live = self.live.try_get_with(session, sessions.is_live(user, session)).await;
        if let Ok(false) = live {
            self.ended.insert(session, ()).await;
        }
        // An answer that was under way while this process ended the session must not bring it back.
        if self.ended.contains_key(&session) {
            return Ok(false);
        }
        live.map_err(|outage| *outage)
    }

    /// Notes that a session was ended by this process, so that it is refused here at once.
    pub async fn revoked(&self, session: SessionId) {
        self.ended.insert(session, ()).await;
    }
}

impl Default for SessionCache {
    fn default() -> Self {
        Self::new()
    }
}
