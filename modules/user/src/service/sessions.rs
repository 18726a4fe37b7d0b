//! Sessions that are open: refreshing and ending them.

use chrono::TimeDelta;
use tradepost_kernel::{EntryId, SessionId, Timestamp, UserId};
use tradepost_platform::auth::Caller;
use tradepost_platform::dynamo::WriteError;
use tradepost_problem::Outage;

use super::{MOST_RACES, Stale, UserService};
use crate::UserError;
use crate::store::{Role, Session};
use crate::tokens::RefreshToken;

/// For this long a retry of the same refresh gets the same answer.
const RETRY_WINDOW: TimeDelta = TimeDelta::seconds(10);

/// As many sessions are ended in one write (DynamoDB allows 100 items).
pub(super) const MOST_AT_ONCE: usize = 90;

/// The tokens of a session.
#[derive(Debug)]
pub struct Grant {
    pub access_token: String,
    pub expires_in: i64,
    pub refresh_token: String,
    pub refresh_expires_in: i64,
}

impl UserService {
    /// Exchanges a refresh token for the next one. A token used before ends the session, unless it comes back
    /// at once and nothing was done with its successor: then it gets the same answer again.
    pub async fn refresh(&self, token: &str) -> Result<Grant, UserError> {
        let token = self.tokens.decode(token).ok_or(UserError::InvalidRefreshToken)?;
        for _ in 0..MOST_RACES {
            let (session, role) = self.store.refresh(token.user, token.session).await?;
            let now = self.clock.now();
            let session = session.filter(|session| session.is_live(now));
            let session = session.ok_or(UserError::InvalidRefreshToken)?;
            let hash = token.hash();
            if session.refresh_hash == hash {
                if let Some(grant) = self.rotate(&session, role, &token, now).await? {
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
        role: Option<Role>,
        token: &RefreshToken,
        now: Timestamp,
    ) -> Result<Option<Grant>, UserError> {
        let successor = self.tokens.successor(token);
        let next = Session {
            // As it is now, not as it was at the login.
            role: role.map_or_else(|| session.role.clone(), |given| given.role),
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

    /// Ends a session of a user. Answers whether there was such a live one.
    pub(super) async fn revoke(&self, user: UserId, session: SessionId) -> Result<bool, UserError> {
        for _ in 0..MOST_RACES {
            // Of a session that is not this user's nothing is noted: it is none of their business.
            let Some(old) = self.store.session(user, session).await? else { return Ok(false) };
            if !old.is_live(self.clock.now()) {
                self.session_cache.revoked(session).await;
                return Ok(false);
            }
            let write = self.store.write(EntryId::generate()).session(&old, &revoked(&old), Stale);
            match write.into_write().commit().await {
                Ok(()) => {
                    self.session_cache.revoked(session).await;
                    return Ok(true);
                }
                Err(WriteError::Lost(_)) => {}
                Err(WriteError::Outage(outage)) => return Err(outage.into()),
            }
        }
        Err(Outage::busy("end session").into())
    }

    /// Each refresh token is good for its days; a session lasts as long as it is used.
    pub(super) fn session_end(&self, now: Timestamp) -> i64 {
        (now + TimeDelta::days(i64::from(self.settings.refresh_token_days))).timestamp()
    }

    pub(super) fn grant(
        &self,
        session: &Session,
        refresh: &RefreshToken,
        at: Timestamp,
    ) -> Result<Grant, UserError> {
        Ok(Grant {
            access_token: self.tokens.access(session, refresh, at)?,
            expires_in: self.tokens.access_token_s(),
            refresh_token: self.tokens.encode(refresh),
            refresh_expires_in: (session.expires_at - at.timestamp()).max(0),
        })
    }
}

pub(super) fn revoked(session: &Session) -> Session {
    Session { revoked: true, version: session.version + 1, ..session.clone() }
}
