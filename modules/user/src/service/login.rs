//! Opening a session.

use tradepost_kernel::{EntryId, SessionId};
use tradepost_platform::dynamo::WriteError;

use super::sessions::Grant;
use super::{Stale, UserService};
use crate::UserError;
use crate::fields::{Password, Username};
use crate::store::{Credentials, Session};
use crate::tokens::RefreshToken;

/// Where a login comes from, as far as can be told.
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

impl UserService {
    /// Opens a session. An unknown name and a wrong password are the same refusal, in the same time.
    pub async fn log_in(
        &self,
        username: &Username,
        password: &Password,
        device: Device,
    ) -> Result<Grant, UserError> {
        let credentials = self.store.credentials(username).await?;
        let stored = credentials.as_ref().map(|credentials| credentials.password_hash.as_str());
        let checked = self.passwords.check(password, stored).await?;
        let Some(mut credentials) = credentials.filter(|_| checked.right) else {
            tracing::info!(target: "audit", "login refused");
            return Err(UserError::InvalidCredentials);
        };
        if checked.outdated {
            credentials = self.rehash(username, credentials, password).await?;
        }
        self.open_session(username, &credentials, device).await
    }

    async fn open_session(
        &self,
        username: &Username,
        credentials: &Credentials,
        device: Device,
    ) -> Result<Grant, UserError> {
        let now = self.clock.now();
        let (user, id) = (credentials.user, SessionId::generate());
        let refresh = RefreshToken::first(user, id)?;
        let session = Session {
            id,
            user,
            username: username.to_string(),
            role: credentials.role.clone(),
            refresh_hash: refresh.hash(),
            used_hash: None,
            rotated_at: now,
            created_at: now,
            address: device.address,
            device: device.user_agent,
            revoked: false,
            version: 0,
            expires_at: self.session_end(now),
        };
        let write = self.store.write(id).new_session(&session, username, credentials, Stale);
        match write.into_write().commit().await {
            Ok(()) => {}
            // The password was changed since it was checked.
            Err(WriteError::Lost(_)) => return Err(UserError::InvalidCredentials),
            Err(WriteError::Outage(outage)) => return Err(outage.into()),
        }
        tracing::info!(target: "audit", %user, session = %id, "logged in");
        self.grant(&session, &refresh, now)
    }

    async fn rehash(
        &self,
        username: &Username,
        old: Credentials,
        password: &Password,
    ) -> Result<Credentials, UserError> {
        let new = Credentials { password_hash: self.passwords.hash(password).await?, ..old.clone() };
        let write = self.store.write(EntryId::generate()).credentials(username, &old, &new, Stale);
        match write.into_write().commit().await {
            Ok(()) => Ok(new),
            Err(WriteError::Lost(_)) => Err(UserError::InvalidCredentials),
            Err(WriteError::Outage(outage)) => Err(outage.into()),
        }
    }
}
