use std::sync::Arc;

use chrono::TimeDelta;
use tokio::task::JoinSet;
use tradepost_kernel::{Clock, EntryId, PageLimit, SessionId, UserId};
use tradepost_platform::auth::{Caller, Sessions};

use super::super::installation::{Installation, RIGHT};
use super::super::sessions::revoked;
use super::super::{Device, Grant, Login, Stale};
use super::{Session, UserError};

impl Installation {
    /// Opens a session as a login does.
    async fn grant(&self) -> Grant {
        let login = Login { username: "trader_jane".parse().unwrap(), password: RIGHT.parse().unwrap() };
        Arc::clone(&self.processes[0]).log_in(login, Device::default()).await.unwrap()
    }

    async fn user(&self) -> UserId {
        let credentials = self.processes[0].store.credentials(&"trader_jane".parse().unwrap()).await;
        credentials.unwrap().unwrap().user
    }

    /// All that is stored, oldest first.
    async fn sessions(&self) -> Vec<Session> {
        self.processes[0].store.sessions(self.user().await).await.unwrap()
    }

    /// Stores so many sessions that are like this one, newer than any.
    async fn more_like(&self, session: &Session, count: usize) {
        let more: Vec<_> =
            (0..count).map(|_| Session { id: SessionId::generate(), ..session.clone() }).collect();
        for together in more.chunks(90) {
            let write = self.processes[0].store.write(EntryId::generate());
            let write = together.iter().fold(write, |write, session| write.new_session(session, Stale));
            write.into_write().commit().await.unwrap();
        }
    }

    /// The ids on a page of the list, and the place of the next one.
    async fn page(&self, before: Option<SessionId>, limit: u64) -> (Vec<SessionId>, Option<SessionId>) {
        let (user, limit) = (self.user().await, PageLimit::new(limit).unwrap());
        let page = self.processes[0].live_sessions(user, before, limit).await.unwrap();
        (page.items.into_iter().map(|session| session.id).collect(), page.next)
    }
}

/// Somebody with one session.
async fn with_one_session() -> (Installation, Session) {
    let installation = Installation::start(1, 5, 50).await;
    installation.register("trader_jane").await;
    installation.grant().await;
    let session = installation.sessions().await.remove(0);
    (installation, session)
}

fn caller(session: &Session) -> Caller {
    let Session { user, username, role, id, .. } = session.clone();
    Caller { user, username, session: id, role }
}

#[tokio::test]
async fn live_sessions_are_found_behind_hundreds_of_dead_ones() {
    let (installation, live) = with_one_session().await;
    installation.more_like(&revoked(&live), 150).await;
    let expired = Session { expires_at: installation.clock.now().timestamp(), ..live.clone() };
    installation.more_like(&expired, 150).await;
    assert_eq!(installation.page(None, 50).await, (vec![live.id], None));
    assert_eq!(installation.page(None, 1).await, (vec![live.id], None));
}

#[tokio::test]
async fn a_page_that_has_read_a_thousand_dead_sessions_is_short_and_says_where_to_go_on() {
    let (installation, live) = with_one_session().await;
    installation.more_like(&revoked(&live), 1000).await;
    let (none, next) = installation.page(None, 50).await;
    assert!(none.is_empty() && next.is_some());
    assert_eq!(installation.page(next, 50).await, (vec![live.id], None));
}

#[tokio::test]
async fn pages_have_every_session_once_and_newest_first() {
    let (installation, live) = with_one_session().await;
    for _ in 0..3 {
        installation.more_like(&live, 1).await;
        installation.more_like(&revoked(&live), 2).await;
    }
    let mut expected: Vec<_> =
        installation.sessions().await.iter().filter(|session| !session.revoked).map(|s| s.id).collect();
    expected.reverse();
    for limit in 1..=5 {
        let (mut all, mut place) = (Vec::new(), None);
        loop {
            let (page, next) = installation.page(place, limit).await;
            assert!(!page.is_empty(), "the page before said that there is more");
            all.extend(page);
            place = next;
            if place.is_none() {
                break;
            }
        }
        assert_eq!(all, expected, "pages of {limit}");
    }
}

#[tokio::test]
async fn hundreds_of_other_sessions_are_ended_and_the_caller_s_is_not() {
    let (installation, current) = with_one_session().await;
    installation.more_like(&current, 200).await;
    let service = &installation.processes[0];
    service.end_other_sessions(&caller(&current)).await.unwrap();
    for session in installation.sessions().await {
        let is_current = session.id == current.id;
        assert_eq!(service.is_live(session.user, session.id).await, Ok(is_current));
        assert_eq!(service.session_cache.is_live(&**service, session.user, session.id).await, Ok(is_current));
    }
}

#[tokio::test]
async fn a_session_that_is_refreshed_while_it_is_ended_is_over() {
    let (installation, current) = with_one_session().await;
    let mut refreshing = JoinSet::new();
    for _ in 0..8 {
        let (service, grant) = (installation.processes[0].clone(), installation.grant().await);
        refreshing.spawn(async move {
            let mut token = grant.refresh_token;
            for _ in 0..20 {
                match service.refresh(&token).await {
                    Ok(grant) => token = grant.refresh_token,
                    Err(_) => break,
                }
            }
            token
        });
    }
    tokio::task::yield_now().await;
    let service = &installation.processes[0];
    service.end_other_sessions(&caller(&current)).await.unwrap();
    for token in refreshing.join_all().await {
        assert_eq!(service.refresh(&token).await.err(), Some(UserError::InvalidRefreshToken));
    }
    assert_eq!(installation.page(None, 50).await.0, [current.id]);
}

#[tokio::test]
async fn the_id_of_somebody_else_s_session_ends_nothing() {
    let (installation, session) = with_one_session().await;
    let service = &installation.processes[0];
    let stranger = Caller { user: UserId::generate(), ..caller(&session) };
    assert_eq!(service.end_session(&stranger, session.id).await, Err(UserError::UnknownSession));
    // Not even in the memory of this process.
    assert_eq!(service.session_cache.is_live(&**service, session.user, session.id).await, Ok(true));
    *installation.clock.0.lock().unwrap() += TimeDelta::days(30);
    assert_eq!(service.end_session(&caller(&session), session.id).await, Err(UserError::UnknownSession));
}
