//! What a user sees of their sessions, and ending those elsewhere.

use tradepost_kernel::{EntryId, Page, PageLimit, SessionId, UserId};
use tradepost_platform::auth::Caller;
use tradepost_platform::dynamo::WriteError;

use super::sessions::{MOST_AT_ONCE, revoked};
use super::{Stale, UserService};
use crate::UserError;
use crate::store::Session;

/// A page reads at most so many sessions, dead ones included, and may then be short.
const MOST_READ: usize = 1000;
/// Sessions are read in chunks no larger than this, which keeps the embedded engine responsive.
const CHUNK: usize = 100;

impl UserService {
    /// The live sessions of a user that were opened before this one, newest first.
    pub async fn live_sessions(
        &self,
        user: UserId,
        mut before: Option<SessionId>,
        limit: PageLimit,
    ) -> Result<Page<Session, SessionId>, UserError> {
        let now = self.clock.now();
        let mut items: Vec<Session> = Vec::new();
        for _ in 0..MOST_READ / CHUNK {
            let (chunk, has_more) = self.store.sessions_before(user, before, CHUNK).await?;
            before = chunk.last().map(|session| session.id).filter(|_| has_more);
            for session in chunk.into_iter().filter(|session| session.is_live(now)) {
                // One more than wanted, so that "there is more" is known and not guessed.
                if items.len() == limit.get() {
                    let next = items.last().map(|session| session.id);
                    return Ok(Page { items, next });
                }
                items.push(session);
            }
            if before.is_none() {
                break;
            }
        }
        Ok(Page { items, next: before })
    }

    /// Ends one session of the caller, which may be the one they are calling with.
    pub async fn end_session(&self, caller: &Caller, session: SessionId) -> Result<(), UserError> {
        if !self.revoke(caller.user, session).await? {
            return Err(UserError::UnknownSession);
        }
        tracing::info!(target: "audit", user = %caller.user, %session, "session ended");
        Ok(())
    }

    /// Ends every session of the caller but the one they are calling with.
    pub async fn end_other_sessions(&self, caller: &Caller) -> Result<(), UserError> {
        let user = caller.user;
        let sessions = self.end_sessions(user, Some(caller.session)).await?;
        tracing::info!(target: "audit", %user, sessions, "other sessions ended");
        Ok(())
    }

    /// Ends every session of a user but one. Answers how many those are.
    pub(super) async fn end_sessions(
        &self,
        user: UserId,
        keep: Option<SessionId>,
    ) -> Result<usize, UserError> {
        let now = self.clock.now();
        let mut others = self.store.sessions(user).await?;
        others.retain(|session| Some(session.id) != keep && session.is_live(now));
        for together in others.chunks(MOST_AT_ONCE) {
            self.end_together(user, together).await?;
        }
        Ok(others.len())
    }

    async fn end_together(&self, user: UserId, sessions: &[Session]) -> Result<(), UserError> {
        let write = sessions.iter().fold(self.store.write(EntryId::generate()), |write, session| {
            write.session(session, &revoked(session), Stale)
        });
        match write.into_write().commit().await {
            Ok(()) => {
                for session in sessions {
                    self.session_cache.revoked(session.id).await;
                }
            }
            // One of them was refreshed or ended meanwhile.
            Err(WriteError::Lost(_)) => {
                for session in sessions {
                    self.revoke(user, session.id).await?;
                }
            }
            Err(WriteError::Outage(outage)) => return Err(outage.into()),
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "session_list_tests.rs"]
mod tests;
