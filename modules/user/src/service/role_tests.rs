use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::Value;
use tokio::task::JoinSet;
use tradepost_kernel::{Clock, EntryId, UserId};
use tradepost_platform::auth::{Caller, Sessions};

use super::super::faults::{Fault, connect};
use super::super::installation::{Installation, RIGHT};
use super::super::password::PasswordChange;
use super::super::throttle::Race;
use super::super::{Device, Grant, Login};
use super::{ADMIN, AuditEvent, OPERATOR, USER, UserError, UserService, Username};
use crate::store::Session;

fn jane() -> Username {
    "trader_jane".parse().unwrap()
}

fn login() -> Login {
    Login { username: jane(), password: RIGHT.parse().unwrap() }
}

/// Two processes, and somebody with a password.
async fn start() -> Installation {
    let installation = Installation::start(2, 5, 50).await;
    installation.register("trader_jane").await;
    installation
}

async fn log_in(process: &Arc<UserService>) -> Grant {
    Arc::clone(process).log_in(login(), Device::default()).await.unwrap()
}

async fn user(process: &UserService) -> UserId {
    process.store.credentials(&jane()).await.unwrap().unwrap().user
}

async fn events(process: &UserService) -> Vec<AuditEvent> {
    process.store.audit_events(user(process).await).await.unwrap()
}

async fn live_sessions(installation: &Installation) -> Vec<Session> {
    let process = &installation.processes[0];
    let mut sessions = process.store.sessions(user(process).await).await.unwrap();
    sessions.retain(|session| session.is_live(installation.clock.now()));
    sessions
}

/// What the access token says of the role.
fn role(grant: &Grant) -> String {
    let middle = grant.access_token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle).unwrap()).unwrap();
    claims["role"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn tokens_minted_after_the_grant_carry_the_role_also_those_of_older_sessions() {
    let installation = start().await;
    let [one, other] = [0, 1].map(|at| Arc::clone(&installation.processes[at]));
    let before = log_in(&one).await;
    assert_eq!(role(&before), USER);
    assert_eq!(other.grant_admin(&jane()).await, Ok(true));
    assert_eq!(role(&log_in(&one).await), ADMIN);
    let refreshed = one.refresh(&before.refresh_token).await.unwrap();
    assert_eq!(role(&refreshed), ADMIN);
    let again = one.refresh(&refreshed.refresh_token).await.unwrap();
    assert_eq!(role(&again), ADMIN);
}

#[tokio::test]
async fn a_refresh_that_is_retried_is_answered_as_before_whatever_the_role_is_now() {
    let installation = start().await;
    let process = &installation.processes[0];
    let grant = log_in(process).await;
    let first = process.refresh(&grant.refresh_token).await.unwrap();
    process.grant_admin(&jane()).await.unwrap();
    let retried = process.refresh(&grant.refresh_token).await.unwrap();
    assert_eq!((&retried.access_token, role(&retried)), (&first.access_token, USER.to_owned()));
}

#[tokio::test]
async fn taking_the_role_ends_every_session_and_later_tokens_are_those_of_a_user() {
    let installation = start().await;
    let [one, other] = [0, 1].map(|at| Arc::clone(&installation.processes[at]));
    one.grant_admin(&jane()).await.unwrap();
    let open = [log_in(&one).await, log_in(&other).await];
    let sessions = live_sessions(&installation).await;
    assert_eq!(sessions.len(), 2);
    assert_eq!(one.revoke_admin(&jane()).await, Ok(true));
    for (grant, session) in open.iter().zip(&sessions) {
        assert_eq!(other.is_live(session.user, session.id).await, Ok(false));
        assert_eq!(one.session_cache.is_live(&*one, session.user, session.id).await, Ok(false));
        assert_eq!(other.refresh(&grant.refresh_token).await.err(), Some(UserError::InvalidRefreshToken));
    }
    let later = log_in(&other).await;
    assert_eq!(role(&later), USER);
    assert_eq!(role(&other.refresh(&later.refresh_token).await.unwrap()), USER);
    assert_eq!(other.grant_admin(&jane()).await, Ok(true), "it can be given again");
    assert_eq!(role(&log_in(&one).await), ADMIN);
}

#[tokio::test]
async fn both_may_be_repeated_and_only_changes_are_recorded() {
    let installation = start().await;
    let process = &installation.processes[0];
    assert_eq!(process.revoke_admin(&jane()).await, Ok(false));
    assert_eq!(events(process).await, []);
    let granted = installation.clock.now();
    assert_eq!(process.grant_admin(&jane()).await, Ok(true));
    assert_eq!(process.grant_admin(&jane()).await, Ok(false));
    *installation.clock.0.lock().unwrap() += TimeDelta::seconds(1);
    let revoked = installation.clock.now();
    assert_eq!(process.revoke_admin(&jane()).await, Ok(true));
    assert_eq!(process.revoke_admin(&jane()).await, Ok(false));
    let change = |from: &str, to: &str, at| AuditEvent::RoleChanged {
        from: from.to_owned(),
        to: to.to_owned(),
        by: OPERATOR.to_owned(),
        at,
    };
    assert_eq!(events(process).await, [change(USER, ADMIN, granted), change(ADMIN, USER, revoked)]);
}

#[tokio::test]
async fn a_revocation_that_broke_off_is_finished_by_the_next() {
    let (dynamo, line) = connect();
    let installation = Installation::on(dynamo, 1, 5, 50).await;
    installation.register("trader_jane").await;
    let process = &installation.processes[0];
    process.grant_admin(&jane()).await.unwrap();
    let grant = log_in(process).await;
    // The role is taken, and then the store goes away.
    line.fail_at(1, Fault::Refusal("ValidationException"));
    assert!(process.revoke_admin(&jane()).await.is_err());
    assert_eq!(live_sessions(&installation).await.len(), 1);
    assert_eq!(process.revoke_admin(&jane()).await, Ok(false));
    assert_eq!(live_sessions(&installation).await.len(), 0);
    assert_eq!(process.refresh(&grant.refresh_token).await.err(), Some(UserError::InvalidRefreshToken));
}

#[tokio::test]
async fn a_lost_answer_changes_the_role_once() {
    for fault in Fault::EACH {
        let (dynamo, line) = connect();
        let installation = Installation::on(dynamo, 1, 5, 50).await;
        installation.register("trader_jane").await;
        let process = &installation.processes[0];
        line.fail_at(0, fault);
        assert_eq!(process.grant_admin(&jane()).await, Ok(true), "{fault:?}");
        assert!(line.is_spent());
        assert_eq!(events(process).await.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn an_unknown_user_is_given_nothing() {
    let installation = start().await;
    let process = &installation.processes[0];
    let nobody = "nobody_here".parse().unwrap();
    assert_eq!(process.grant_admin(&nobody).await, Err(UserError::InvalidCredentials));
    assert_eq!(process.revoke_admin(&nobody).await, Err(UserError::InvalidCredentials));
}

#[tokio::test]
async fn a_change_of_the_password_leaves_the_role() {
    let installation = start().await;
    let process = &installation.processes[0];
    process.grant_admin(&jane()).await.unwrap();
    let session = {
        log_in(process).await;
        live_sessions(&installation).await.remove(0)
    };
    let Session { user, username, role: name, id, .. } = session;
    let caller = Caller { user, username, session: id, role: name };
    let change =
        PasswordChange { current: RIGHT.parse().unwrap(), new: "OtherPassword123!".parse().unwrap() };
    Arc::clone(process).change_password(&caller, None, change).await.unwrap();
    let login = Login { username: jane(), password: "OtherPassword123!".parse().unwrap() };
    let grant = Arc::clone(process).log_in(login, Device::default()).await.unwrap();
    assert_eq!(role(&grant), ADMIN);
}

#[tokio::test]
async fn a_login_whose_role_changes_after_its_password_was_looked_at_has_the_new_one() {
    let installation = start().await;
    let process = &installation.processes[0];
    let user = user(process).await;
    for to in [ADMIN, USER, ADMIN] {
        let turn = process.login_queue.turn(&jane(), None).await.unwrap();
        let guess = process.guess(turn, &jane(), &RIGHT.parse().unwrap(), None).await.unwrap().unwrap();
        assert_eq!(process.set_role(user, to).await, Ok(true));
        let grant = process.open_session(&jane(), guess, None, Device::default()).await.unwrap();
        assert_eq!(role(&grant), to);
        assert_eq!(role(&process.refresh(&grant.refresh_token).await.unwrap()), to);
    }
}

#[tokio::test]
async fn a_role_that_was_true_a_moment_ago_opens_nothing_and_is_learned_anew() {
    let installation = start().await;
    let process = &installation.processes[0];
    let user = user(process).await;
    for to in [ADMIN, USER] {
        let turn = process.login_queue.turn(&jane(), None).await.unwrap();
        let guess = process.guess(turn, &jane(), &RIGHT.parse().unwrap(), None).await.unwrap().unwrap();
        let mut attempt = guess.attempt;
        attempt.role = process.store.role(user).await.unwrap();
        assert_eq!(process.set_role(user, to).await, Ok(true));
        let tried = Mutex::new(Vec::new());
        let done = process.give_back_with(&mut attempt, EntryId::generate().to_string(), |write, role| {
            tried.lock().unwrap().push(role.map(|role| role.role.clone()));
            write.same_role(user, role, Race::Role)
        });
        assert_eq!(done.await, Ok(true));
        let tried = tried.into_inner().unwrap();
        assert_eq!((tried.len(), tried[1].as_deref()), (2, Some(to)));
    }
}

#[tokio::test]
async fn a_session_that_is_opened_while_the_role_is_being_taken_is_ended_too() {
    let (dynamo, line) = connect();
    let installation = Installation::on(dynamo, 2, 5, 50).await;
    installation.register("trader_jane").await;
    let [one, other] = [0, 1].map(|at| Arc::clone(&installation.processes[at]));
    one.grant_admin(&jane()).await.unwrap();
    line.restart_counting();
    // Until it is sent once more the role is still there.
    line.fail_at(0, Fault::RequestLost);
    let revoking = tokio::spawn(async move { one.revoke_admin(&jane()).await });
    line.has_sent(1).await;
    // On a slow machine it comes too late, and has the new role.
    let grant = Arc::clone(&other).log_in(login(), Device::default()).await;
    assert_eq!(revoking.await.unwrap(), Ok(true));
    assert!(live_sessions(&installation).await.iter().all(|session| session.role == USER));
    if let Some(grant) = grant.ok().filter(|grant| role(grant) == ADMIN) {
        assert_eq!(other.refresh(&grant.refresh_token).await.err(), Some(UserError::InvalidRefreshToken));
    }
}

#[tokio::test]
async fn no_session_keeps_the_role_however_many_are_opened_and_refreshed_while_it_is_taken() {
    let installation = start().await;
    for _ in 0..3 {
        installation.processes[0].grant_admin(&jane()).await.unwrap();
        let mut busy = JoinSet::new();
        for process in installation.processes.iter().cycle().take(6).map(Arc::clone) {
            busy.spawn(async move {
                let mut newest = Vec::new();
                for _ in 0..4 {
                    // It may come too late, and it may be told to try again.
                    let Ok(mut grant) = Arc::clone(&process).log_in(login(), Device::default()).await else {
                        continue;
                    };
                    while let Ok(next) = process.refresh(&grant.refresh_token).await {
                        let is_user = role(&next) == USER;
                        grant = next;
                        if is_user {
                            break;
                        }
                    }
                    newest.push(grant);
                }
                newest
            });
        }
        while !live_sessions(&installation).await.iter().any(|session| session.role == ADMIN) {
            tokio::task::yield_now().await;
        }
        assert_eq!(installation.processes[1].revoke_admin(&jane()).await, Ok(true));
        let grants: Vec<_> = busy.join_all().await.into_iter().flatten().collect();
        assert!(live_sessions(&installation).await.iter().all(|session| session.role == USER));
        for grant in grants {
            if let Ok(next) = installation.processes[0].refresh(&grant.refresh_token).await {
                assert_eq!(role(&next), USER);
            }
        }
    }
}
