//! Changing a password, which ends sessions.

use std::net::IpAddr;
use std::sync::Arc;

use tradepost_kernel::{EntryId, SessionId};
use tradepost_platform::auth::Caller;
use tradepost_platform::dynamo::WriteError;
use tradepost_problem::Outage;

use super::login_queue::LoginTurn;
use super::sessions::{MOST_AT_ONCE, revoked};
use super::throttle::to_the_end;
use super::{MOST_RACES, UserService};
use crate::UserError;
use crate::fields::{NewPassword, Password, Username};
use crate::store::Credentials;

/// The password somebody claims to have, and the one they want.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    pub current: Password,
    pub new: NewPassword,
}

impl UserService {
    /// Changes the caller's password and ends every other session.
    pub async fn change_password(
        self: Arc<Self>,
        caller: &Caller,
        address: Option<IpAddr>,
        change: PasswordChange,
    ) -> Result<(), UserError> {
        let PasswordChange { current, new } = change;
        let profile = self.profile(caller.user).await?;
        new.suits(profile.username.as_str(), Some(&profile.email))
            .map_err(|_| UserError::UnsuitablePassword)?;
        let (service, username) = (Arc::clone(&self), profile.username.clone());
        let turn = self.login_queue.turn(&username, address).await?;
        let guess = to_the_end(async move { service.current(turn, &username, &current, address).await });
        let stored = guess.await?;
        self.set_password(&profile.username, &stored, &new, Some(caller.session)).await
    }

    /// The credentials of somebody who knows their password. A wrong one counts as a failed login.
    async fn current(
        &self,
        turn: LoginTurn,
        username: &Username,
        password: &Password,
        address: Option<IpAddr>,
    ) -> Result<Credentials, UserError> {
        let guess = self.guess(turn, username, password, address).await?.ok_or(UserError::WrongPassword)?;
        self.give_back(guess.attempt).await?;
        Ok(guess.credentials)
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
