//! Changing a password, which ends sessions.

use tradepost_kernel::{EntryId, SessionId};
use tradepost_platform::auth::Caller;
use tradepost_platform::dynamo::WriteError;
use tradepost_problem::Outage;

use super::sessions::revoked;
use super::{MOST_RACES, UserService};
use crate::UserError;
use crate::fields::{NewPassword, Password, Username};
use crate::store::Credentials;

/// As many sessions are ended together with a change of the password, in one write (DynamoDB allows 100 items).
const MOST_AT_ONCE: usize = 90;

impl UserService {
    /// Changes the caller's password and ends every other session.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: &Password,
        new: &NewPassword,
    ) -> Result<(), UserError> {
        let profile = self.profile(caller.user).await?;
        new.suits(profile.username.as_str(), Some(&profile.email))
            .map_err(|_| UserError::UnsuitablePassword)?;
        let stored = self.store.credentials(&profile.username).await?.ok_or(UserError::WrongPassword)?;
        if !self.passwords.check(current, Some(&stored.password_hash)).await?.right {
            return Err(UserError::WrongPassword);
        }
        self.set_password(&profile.username, &stored, new, Some(caller.session)).await
    }

    /// Sets a password without knowing the old one and ends every session; for the operator.
    ///
    /// # Errors
    /// [`UserError::InvalidCredentials`] when there is no such user.
    pub async fn reset_password(&self, username: &Username, new: &NewPassword) -> Result<(), UserError> {
        let stored = self.store.credentials(username).await?.ok_or(UserError::InvalidCredentials)?;
        self.set_password(username, &stored, new, None).await
    }

    async fn set_password(
        &self,
        username: &Username,
        stored: &Credentials,
        new: &NewPassword,
        keep: Option<SessionId>,
    ) -> Result<(), UserError> {
        let password_hash = self.passwords.hash(new.password()).await?;
        let changed = Credentials { password_hash, ..stored.clone() };
        for _ in 0..MOST_RACES {
            let sessions = self.store.sessions(stored.user).await?;
            let others: Vec<_> = sessions.into_iter().filter(|s| Some(s.id) != keep && !s.revoked).collect();
            let surplus = others.len().saturating_sub(MOST_AT_ONCE);
            for session in &others[..surplus] {
                self.revoke(stored.user, session.id).await?;
            }
            let mut write =
                self.store.write(EntryId::generate()).credentials(username, stored, &changed, true);
            for session in &others[surplus..] {
                write = write.session(session, &revoked(session), false);
            }
            match write.into_write().commit().await {
                Ok(()) => {
                    for session in &others {
                        self.session_cache.revoked(session.id).await;
                    }
                    tracing::info!(target: "audit", user = %stored.user, "password changed");
                    return Ok(());
                }
                // The password itself was changed by somebody else.
                Err(WriteError::Lost(lost)) if lost.error => return Err(UserError::WrongPassword),
                // One of the sessions was refreshed or ended.
                Err(WriteError::Lost(_)) => {}
                Err(WriteError::Outage(outage)) => return Err(outage.into()),
            }
        }
        Err(Outage::busy("change password").into())
    }
}
