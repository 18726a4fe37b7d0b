//! [`Accounts`] and [`Sessions`] between processes: both halves of `POST /internal/user/{method}`.
//!
//! The form of every request and answer is held by the files in `tests/wire/`. Two versions of the platform may
//! talk to each other, so fields are added and never changed; unknown ones are ignored.

use std::sync::Arc;

use actix_web::Responder;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig, post};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{SessionId, UserId};
use tradepost_platform::auth::Sessions;
use tradepost_platform::peer::{Call, Peer, admit, reply};
use tradepost_problem::{Outage, Rejection};

use crate::{
    Accounts, AccountsError, Held, Hold, HoldEnd, LedgerPage, LedgerQuery, Position, Positions, Release,
    Settled, Settlement,
};

/// The name of this module in addresses and service tokens.
pub const MODULE: &str = "user";
/// Who may trade on behalf of a user.
const TRADERS: &[&str] = &["order"];
/// Who may ask whether a session lives: whoever takes access tokens.
const TOKEN_TAKERS: &[&str] = &["order", "inventory", "gateway"];

/// The argument of [`Accounts::positions`].
#[derive(Debug, Serialize, Deserialize)]
pub struct PositionsQuery {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub which: Positions,
}

/// The argument of [`Sessions::is_live`].
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionQuery {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub session: SessionId,
}

/// [`Accounts`] in another process.
pub struct AccountsClient(Peer);

impl AccountsClient {
    /// The accounts behind this peer.
    #[must_use]
    pub const fn new(peer: Peer) -> Self {
        Self(peer)
    }
}

#[async_trait]
impl Accounts for AccountsClient {
    async fn positions(&self, user: UserId, which: Positions) -> Result<Vec<Position>, AccountsError> {
        self.0.call("positions", Some(user), &PositionsQuery { user, which }).await
    }

    async fn hold(&self, hold: Hold) -> Result<Held, AccountsError> {
        self.0.call("hold", Some(hold.user), &hold).await
    }

    async fn release(&self, release: Release) -> Result<HoldEnd, AccountsError> {
        self.0.call("release", Some(release.user), &release).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, AccountsError> {
        self.0.call("settle", Some(settlement.user), &settlement).await
    }

    async fn ledger(&self, query: LedgerQuery) -> Result<LedgerPage, AccountsError> {
        self.0.call("ledger", Some(query.user), &query).await
    }
}

/// [`Sessions`] in another process.
pub struct SessionsClient(Peer);

impl SessionsClient {
    /// The sessions behind this peer.
    #[must_use]
    pub const fn new(peer: Peer) -> Self {
        Self(peer)
    }
}

#[async_trait]
impl Sessions for SessionsClient {
    async fn is_live(&self, user: UserId, session: SessionId) -> Result<bool, Outage> {
        self.0.call("is_live", Some(user), &SessionQuery { user, session }).await
    }
}

/// The answering half of both, for the internal listener.
pub fn routes(config: &mut ServiceConfig, accounts: Arc<dyn Accounts>, sessions: Arc<dyn Sessions>) {
    let trade = web::scope("")
        .wrap(from_fn(|request, next| admit(MODULE, TRADERS, request, next)))
        .app_data(Data::from(accounts))
        .route("/positions", post().to(positions))
        .route("/hold", post().to(hold))
        .route("/release", post().to(release))
        .route("/settle", post().to(settle))
        .route("/ledger", post().to(ledger));
    let liveness = web::scope("/is_live")
        .wrap(from_fn(|request, next| admit(MODULE, TOKEN_TAKERS, request, next)))
        .app_data(Data::from(sessions))
        .route("", post().to(is_live));
    config.service(web::scope("/internal/user").service(liveness).service(trade));
}

async fn positions(
    call: Call<PositionsQuery>,
    accounts: Data<dyn Accounts>,
) -> Result<impl Responder, Rejection> {
    let query = call.about(|query| query.user)?;
    reply(accounts.positions(query.user, query.which).await)
}

async fn hold(call: Call<Hold>, accounts: Data<dyn Accounts>) -> Result<impl Responder, Rejection> {
    let hold = call.about(|hold| hold.user)?;
    reply(accounts.hold(hold).await)
}

async fn release(call: Call<Release>, accounts: Data<dyn Accounts>) -> Result<impl Responder, Rejection> {
    let release = call.about(|release| release.user)?;
    reply(accounts.release(release).await)
}

async fn settle(call: Call<Settlement>, accounts: Data<dyn Accounts>) -> Result<impl Responder, Rejection> {
    let settlement = call.about(|settlement| settlement.user)?;
    reply(accounts.settle(settlement).await)
}

async fn ledger(call: Call<LedgerQuery>, accounts: Data<dyn Accounts>) -> Result<impl Responder, Rejection> {
    let query = call.about(|query| query.user)?;
    reply(accounts.ledger(query).await)
}

async fn is_live(
    call: Call<SessionQuery>,
    sessions: Data<dyn Sessions>,
) -> Result<impl Responder, Rejection> {
    let query = call.about(|query| query.user)?;
    reply(sessions.is_live(query.user, query.session).await)
}
