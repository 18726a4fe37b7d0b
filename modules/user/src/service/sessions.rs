//! Logging in and out, refreshing, and changing the password.

use chrono::TimeDelta;
use tradepost_kernel::{EntryId, SessionId, Timestamp, UserId};
use tradepost_platform::auth::Caller;
use tradepost_platform::dynamo::WriteError;
use tradepost_problem::Outage;

use super::{MOST_RACES, Stale, UserService};
use crate::UserError;
use crate::fields::{NewPassword, Password, Username};
use crate::store::{Credentials, Session};
use crate::tokens::RefreshToken;

/// For this long a retry of the same refresh gets the same answer.
const RETRY_WINDOW: TimeDelta = TimeDelta::seconds(10);
/// As many sessions are ended together with a change of the password, in one write (DynamoDB allows 100 items).
const MOST_AT_ONCE: usize = 90;

/// Where a login comes from, as far as can be told.
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

/// The tokens of a session.
#[derive(Debug)]
pub struct Grant {
    pub access_token: String,
    pub expires_in: i64,
    pub refresh_token: String,
    pub refresh_expires_in: i64,
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

    /// Each refresh token is good for its days; a session lasts as long as it is used.
    fn session_end(&self, now: Timestamp) -> i64 {
        (now + TimeDelta::days(i64::from(self.settings.refresh_token_days))).timestamp()
    }

    fn grant(&self, session: &Session, refresh: &RefreshToken, at: Timestamp) -> Result<Grant, UserError> {
        Ok(Grant {
            access_token: self.tokens.access(session, refresh, at)?,
            expires_in: self.tokens.access_token_s(),
            refresh_token: self.tokens.encode(refresh),
            refresh_expires_in: (session.expires_at - at.timestamp()).max(0),
        })
    }

    /// Exchanges a refresh token for the next one. A token used before ends the session, unless it comes back
    /// at once and nothing was done with its successor: then it gets the same answer again.
    pub async fn refresh(&self, token: &str) -> Result<Grant, UserError> {
        let token = self.tokens.decode(token).ok_or(UserError::InvalidRefreshToken)?;
        for _ in 0..MOST_RACES {
            let session = self.store.session(token.user, token.session).await?;
            let now = self.clock.now();
            let live = |session: &Session| !session.revoked && now.timestamp() < session.expires_at;
            let session = session.filter(live).ok_or(UserError::InvalidRefreshToken)?;
            let hash = token.hash();
            if session.refresh_hash == hash {
                if let Some(grant) = self.rotate(&session, &token, now).await? {
                    return Ok(grant);
                }
                continue;
            }
            if session.used_hash.as_ref() == Some(&hash) && now - session.rotated_at <= RETRY_WINDOW {
                return self.grant(&session, &self.tokens.successor(&token), session.rotated_at);
            }
            tracing::warn!(target: "audit", user = %token.user, session = %token.session, "refresh token reused");
            self.revoke(token.user, token.session).await?;
            return Err(UserError::InvalidRefreshToken);
        }
        Err(Outage::busy("refresh").into())
    }

    /// `None` when somebody was faster.
    async fn rotate(
        &self,
        session: &Session,
        token: &RefreshToken,
        now: Timestamp,
    ) -> Result<Option<Grant>, UserError> {
        let successor = self.tokens.successor(token);
        let next = Session {
            refresh_hash: successor.hash(),
            used_hash: Some(session.refresh_hash.clone()),
            rotated_at: now,
            expires_at: self.session_end(now),
            version: session.version + 1,
            ..session.clone()
        };
        let write = self.store.write(EntryId::generate()).session(session, &next, Stale);
        match write.into_write().commit().await {
            Ok(()) => self.grant(&next, &successor, now).map(Some),
            Err(WriteError::Lost(_)) => Ok(None),
            Err(WriteError::Outage(outage)) => Err(outage.into()),
        }
    }

    /// Ends the caller's session.
    pub async fn log_out(&self, caller: &Caller) -> Result<(), UserError> {
        self.revoke(caller.user, caller.session).await?;
        tracing::info!(target: "audit", user = %caller.user, session = %caller.session, "logged out");
        Ok(())
    }

    async fn revoke(&self, user: UserId, session: SessionId) -> Result<(), UserError> {
        for _ in 0..MOST_RACES {
            let Some(old) = self.store.session(user, session).await? else { break };
            if old.revoked {
                break;
            }
            let write = self.store.write(EntryId::generate()).session(&old, &revoked(&old), Stale);
            match write.into_write().commit().await {
                Ok(()) => break,
                Err(WriteError::Lost(_)) => {}
                Err(WriteError::Outage(outage)) => return Err(outage.into()),
            }
        }
        self.session_cache.revoked(session).await;
        Ok(())
    }

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

fn revoked(session: &Session) -> Session {
    Session { revoked: true, version: session.version + 1, ..session.clone() }
}
