//! The user module in process: what `http` calls, and the [`Accounts`] and [`Sessions`] of everybody else.

mod cash;
#[cfg(test)]
#[path = "../../platform/tests/faults/mod.rs"]
mod faults;
mod hold;
#[cfg(test)]
mod installation;
mod ledger;
mod login;
mod login_queue;
mod outcome;
mod password;
mod profile;
mod queue;
mod registration;
mod roles;
mod session_list;
mod sessions;
mod settlement;
mod throttle;

use std::sync::Arc;

use async_trait::async_trait;
use jsonwebtoken::jwk::JwkSet;
use tradepost_kernel::{Clock, SessionId, UserId};
use tradepost_platform::auth::{SessionCache, Sessions, TokenSettings};
use tradepost_platform::dynamo::Dynamo;
use tradepost_platform::secrets::Secret;
use tradepost_problem::Outage;
use tradepost_user_api::{
    Accounts, AccountsError, Held, Hold, HoldEnd, LedgerPage, LedgerQuery, Position, Positions, Release,
    Settled, Settlement,
};

use crate::passwords::Passwords;
use crate::settings::Settings;
use crate::store::Store;
use crate::tokens::{SigningKey, Tokens};
use login_queue::LoginQueue;
use queue::Queue;

pub use cash::{Cash, CashReceipt};
pub use login::{Device, Login};
pub use password::PasswordChange;
pub use profile::ProfileChanges;
pub use registration::Registration;
pub use sessions::Grant;

/// How often a change that lost a race is tried anew before it gives up.
const MOST_RACES: usize = 50;

/// Accounts, sessions and ledgers, on the `users` table.
pub struct UserService {
    store: Store,
    settings: Settings,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    tokens: Tokens,
    session_cache: Arc<SessionCache>,
    queue: Queue,
    login_queue: LoginQueue,
}

/// A condition on a write failed: somebody was faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stale;

impl UserService {
    /// Joins the module to its store, keys and clock. `session_cache` is the one this process checks tokens with.
    ///
    /// # Errors
    /// [`Outage::Internal`] when the system gives no randomness.
    pub fn new(
        settings: Settings,
        token_settings: TokenSettings,
        signing_key: SigningKey,
        secret: &Secret,
        dynamo: &Dynamo,
        session_cache: Arc<SessionCache>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Outage> {
        let tokens = Tokens::new(signing_key, token_settings, secret, settings.access_token_minutes);
        Ok(Arc::new(Self {
            store: Store::new(dynamo),
            passwords: Passwords::new(settings.concurrent_hashes)?,
            login_queue: LoginQueue::new(&settings),
            tokens,
            settings,
            clock,
            session_cache,
            queue: Queue::new(1),
        }))
    }

    /// The public keys that verify access tokens.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        self.tokens.jwks()
    }
}

#[async_trait]
impl Accounts for UserService {
    async fn positions(&self, user: UserId, which: Positions) -> Result<Vec<Position>, AccountsError> {
        let holdings = match which {
            Positions::All => self.store.holdings(user).await?,
            Positions::Of(assets) => self.store.holdings_of(user, &assets).await?,
        };
        Ok(holdings.into_iter().map(Position::from).collect())
    }

    async fn hold(&self, hold: Hold) -> Result<Held, AccountsError> {
        self.hold_once(&hold).await
    }

    async fn release(&self, release: Release) -> Result<HoldEnd, AccountsError> {
        self.release_once(&release).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, AccountsError> {
        self.settle_once(&settlement).await
    }

    async fn ledger(&self, query: LedgerQuery) -> Result<LedgerPage, AccountsError> {
        self.read_ledger(&query).await
    }
}

#[async_trait]
impl Sessions for UserService {
    async fn is_live(&self, user: UserId, session: SessionId) -> Result<bool, Outage> {
        let session = self.store.session(user, session).await?;
        Ok(session.is_some_and(|session| session.is_live(self.clock.now())))
    }
}
