//! Opening a session.

use std::net::IpAddr;
use std::sync::Arc;

use tradepost_kernel::SessionId;

use super::UserService;
use super::login_queue::LoginTurn;
use super::sessions::Grant;
use super::throttle::{Race, RightGuess, to_the_end};
use crate::UserError;
use crate::fields::{Password, Username};
use crate::store::{Credentials, Role, Session};
use crate::tokens::RefreshToken;

/// Where a login comes from, as far as can be told.
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
}

/// A name and a password, as somebody claims them.
#[derive(Clone, Debug)]
pub struct Login {
    pub username: Username,
    pub password: Password,
}

impl UserService {
    /// Opens a session. An unknown name and a wrong password are the same refusal, in the same time. It costs one
    /// read and two writes, and one write more for who was given a role; a refusal costs one read and one write, and one
    /// read where the throttle refuses.
    pub async fn log_in(self: Arc<Self>, login: Login, device: Device) -> Result<Grant, UserError> {
        let turn = self.login_queue.turn(&login.username, device.address).await?;
        to_the_end(async move { self.log_in_now(turn, &login, device).await }).await
    }

    async fn log_in_now(&self, turn: LoginTurn, login: &Login, device: Device) -> Result<Grant, UserError> {
        let Login { username, password } = login;
        let Some(guess) = self.guess(turn, username, password, device.address).await? else {
            tracing::info!(target: "audit", "login refused");
            return Err(UserError::InvalidCredentials);
        };
        let renewed =
            if guess.is_outdated { self.rehashed(&guess.credentials, password).await } else { None };
        self.open_session(username, guess, renewed, device).await
    }

    /// The credentials with a hash as it is made today. Where none can be made just now, the next login will.
    async fn rehashed(&self, old: &Credentials, password: &Password) -> Option<Credentials> {
        let password_hash = self.passwords.hash(password).await.ok()?;
        Some(Credentials { password_hash, ..old.clone() })
    }

    pub(super) async fn open_session(
        &self,
        username: &Username,
        guess: RightGuess,
        renewed: Option<Credentials>,
        device: Device,
    ) -> Result<Grant, UserError> {
        let RightGuess { mut attempt, credentials, .. } = guess;
        let (now, user, id) = (self.clock.now(), credentials.user, SessionId::generate());
        let refresh = RefreshToken::first(user, id)?;
        let session = |role: Option<&Role>| Session {
            id,
            user,
            username: username.to_string(),
            role: role.map_or(&credentials.role, |given| &given.role).clone(),
            refresh_hash: refresh.hash(),
            used_hash: None,
            rotated_at: now,
            created_at: now,
            address: device.address.map(|address| address.to_string()),
            device: device.user_agent.clone(),
            revoked: false,
            version: 0,
            expires_at: self.session_end(now),
        };
        let opened = self.give_back_with(&mut attempt, id.to_string(), |write, role| {
            let write = write.same_role(user, role, Race::Role).new_session(&session(role), Race::Other);
            match &renewed {
                Some(renewed) => write.credentials(username, &credentials, renewed, Race::Other),
                None => write.same_password(username, &credentials, Race::Other),
            }
        });
        if !opened.await? {
            // The password was changed since it was checked.
            return Err(UserError::InvalidCredentials);
        }
        metrics::counter!("tradepost_logins_total", "outcome" => "opened").increment(1);
        tracing::info!(target: "audit", %user, session = %id, "logged in");
        self.grant(&session(attempt.role.as_ref()), &refresh, now)
    }
}
