//! Who is an administrator. The operator says so, and nobody else.

use tradepost_kernel::{EntryId, UserId};
use tradepost_platform::auth::{ADMIN, USER};
use tradepost_platform::dynamo::WriteError;
use tradepost_problem::Outage;

use super::{MOST_RACES, Stale, UserService};
use crate::UserError;
use crate::fields::Username;
use crate::store::{AuditEvent, Role};

/// Who changes roles, in the record of the changes.
const OPERATOR: &str = "operator";

impl UserService {
    /// Makes a user an administrator; a token that is minted from now on says so. Answers whether they were none.
    ///
    /// # Errors
    /// [`UserError::InvalidCredentials`] when there is no such user.
    pub async fn grant_admin(&self, username: &Username) -> Result<bool, UserError> {
        let user = self.known(username).await?;
        self.set_role(user, ADMIN).await
    }

    /// Makes an administrator a user like any other and ends all their sessions. Answers whether they were one; where
    /// they were none the sessions are ended all the same, because whoever took the role may not have come that far.
    ///
    /// # Errors
    /// [`UserError::InvalidCredentials`] when there is no such user.
    pub async fn revoke_admin(&self, username: &Username) -> Result<bool, UserError> {
        let user = self.known(username).await?;
        let is_new = self.set_role(user, USER).await?;
        // Not before: no session that is opened or refreshed from here on has the old role, and all others are found.
        self.end_sessions(user, None).await?;
        Ok(is_new)
    }

    async fn known(&self, username: &Username) -> Result<UserId, UserError> {
        let credentials = self.store.credentials(username).await?;
        Ok(credentials.ok_or(UserError::InvalidCredentials)?.user)
    }

    async fn set_role(&self, user: UserId, to: &str) -> Result<bool, UserError> {
        for _ in 0..MOST_RACES {
            let old = self.store.role(user).await?;
            let from = old.as_ref().map_or(USER, |old| &old.role).to_owned();
            if from == to {
                return Ok(false);
            }
            let (id, at) = (EntryId::generate(), self.clock.now());
            let version = old.as_ref().map_or(0, |old| old.version) + 1;
            let new = Role { role: to.to_owned(), changed_at: at, version };
            let event = AuditEvent::RoleChanged { from, to: to.to_owned(), by: OPERATOR.to_owned(), at };
            let write = self.store.write(id).role(user, &new, Stale).audit(user, id, &event, Stale);
            match write.into_write().commit().await {
                Ok(()) => {
                    tracing::info!(target: "audit", %user, role = to, by = OPERATOR, "role changed");
                    return Ok(true);
                }
                Err(WriteError::Lost(_)) => {}
                Err(WriteError::Outage(outage)) => return Err(outage.into()),
            }
        }
        Err(Outage::busy("change role").into())
    }
}

#[cfg(test)]
#[path = "role_tests.rs"]
mod tests;
