//! Sessions in the `users` table.

use serde::{Deserialize, Serialize};
use tradepost_kernel::{SessionId, Timestamp, UserId};
use tradepost_platform::dynamo::{Query, Rows, SortKeys};
use tradepost_problem::Outage;

use super::{Store, keys};

/// A login, and the refresh token that is good for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub username: String,
    /// The role of the tokens that were minted for it last.
    pub role: String,
    /// Hash of the refresh token that is good now.
    pub refresh_hash: String,
    /// Hash of the one before it, and when it was used.
    pub used_hash: Option<String>,
    pub rotated_at: Timestamp,
    pub created_at: Timestamp,
    pub address: Option<String>,
    pub device: Option<String>,
    pub revoked: bool,
    pub version: u64,
    /// Unix second after which the session is over.
    pub expires_at: i64,
}

impl Session {
    /// Whether it has neither been ended nor expired.
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.revoked && now.timestamp() < self.expires_at
    }
}

impl Store {
    pub async fn session(&self, user: UserId, session: SessionId) -> Result<Option<Session>, Outage> {
        self.table.get(&keys::session(user, session)).await
    }

    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>, Outage> {
        self.all(user, keys::SESSIONS).await
    }

    /// Sessions that were opened before this one, newest first, and whether there may be more.
    pub async fn sessions_before(
        &self,
        user: UserId,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<(Vec<Session>, bool), Outage> {
        let query = Query {
            pk: keys::partition(user),
            keys: SortKeys::Prefix(keys::SESSIONS.to_owned()),
            newest_first: true,
            limit,
            after: before.map(|session| keys::session(user, session)),
        };
        let Rows { items, more_after } = self.table.query(&query).await?;
        Ok((items, more_after.is_some()))
    }
}
