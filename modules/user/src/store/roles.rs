//! Roles in the `users` table, and the record of who gave and took them.

use serde::{Deserialize, Serialize};
use tradepost_kernel::{SessionId, Timestamp, UserId};
use tradepost_platform::dynamo::from_item;
use tradepost_problem::Outage;

use super::{Session, Store, keys};

/// The role that a user was given last. Who was never given one has no such item, and the role of their credentials. It
/// is kept apart from those because they are replaced as a whole by whoever changes the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub role: String,
    pub changed_at: Timestamp,
    /// One more with each change.
    pub version: u64,
}

/// A change that must be traceable. Its item is written together with the change, and never changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AuditEvent {
    /// A user got another role.
    RoleChanged {
        from: String,
        to: String,
        /// Who did it.
        by: String,
        at: Timestamp,
    },
}

impl AuditEvent {
    pub fn at(&self) -> Timestamp {
        let Self::RoleChanged { at, .. } = self;
        *at
    }
}

impl Store {
    /// What a user was given, if ever.
    pub async fn role(&self, user: UserId) -> Result<Option<Role>, Outage> {
        self.table.get(&keys::role(user)).await
    }

    /// What a refresh needs, in one consistent read.
    pub async fn refresh(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<(Option<Session>, Option<Role>), Outage> {
        let keys = [keys::session(user, session), keys::role(user)];
        let mut items = self.table.batch_get(&keys).await?;
        let [session, role] = keys.map(|key| items.remove(&key));
        Ok((session.map(from_item).transpose()?, role.map(from_item).transpose()?))
    }

    /// What was recorded of a user, oldest first.
    #[cfg(test)]
    pub async fn audit_events(&self, user: UserId) -> Result<Vec<AuditEvent>, Outage> {
        self.all(user, keys::AUDIT).await
    }
}
