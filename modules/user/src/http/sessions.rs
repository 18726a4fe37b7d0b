//! Sessions: logging out, seeing where one is logged in, and logging out elsewhere.

use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use actix_web::{delete, get, post};
use serde::{Deserialize, Serialize};
use tradepost_kernel::{PageLimit, SessionId, Timestamp};
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::cursor::Cursors;
use tradepost_platform::request::{Fields, FromFields, Paging, Path, Query, integer, text};
use tradepost_problem::Rejection;
use utoipa::{IntoParams, ToSchema};

use super::auth::Message;
use crate::UserService;
use crate::store::Session;

/// A login that is still good.
#[derive(Serialize, ToSchema)]
struct SessionResponse {
    /// Also the claim `sid` of its access tokens.
    #[schema(value_type = String, example = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10")]
    session_id: SessionId,
    /// What the client called itself at the login (`User-Agent`).
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")]
    device: Option<String>,
    /// The address the login came from.
    #[schema(example = "192.0.2.7")]
    ip: Option<String>,
    /// When the login was.
    #[schema(value_type = String, example = "2026-01-31T09:30:00.125Z", format = DateTime)]
    created_at: Timestamp,
    /// The login, or the last time its tokens were refreshed; single requests in between are not recorded.
    #[schema(value_type = String, example = "2026-01-31T10:29:41.007Z", format = DateTime)]
    last_seen_at: Timestamp,
    /// When it ends unless it is refreshed before.
    #[schema(value_type = String, example = "2026-03-02T10:29:41Z", format = DateTime)]
    expires_at: Timestamp,
    /// Whether this request was made with it.
    #[schema(example = true)]
    current: bool,
}

impl SessionResponse {
    fn new(session: Session, caller: &Caller) -> Self {
        Self {
            session_id: session.id,
            device: session.device,
            ip: session.address,
            created_at: session.created_at,
            last_seen_at: session.rotated_at,
            expires_at: Timestamp::from_timestamp(session.expires_at, 0).unwrap_or_default(),
            current: session.id == caller.session,
        }
    }
}

/// A page of sessions.
#[derive(Serialize, ToSchema)]
struct SessionList {
    data: Vec<SessionResponse>,
    #[schema(example = false)]
    has_more: bool,
    /// Gives the next page as `cursor`.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// Which page of the sessions.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the query; ListSessions is what it is read into")]
struct SessionParams {
    /// How many sessions to answer at most.
    #[param(minimum = 1, maximum = 100, default = 50, example = 50)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

struct ListSessions(Paging);

impl FromFields for ListSessions {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let limit = fields.optional("limit", integer(1, 100));
        let cursor = fields.optional("cursor", text(|cursor| Ok::<_, String>(cursor.to_owned())));
        let limit = limit?.and_then(PageLimit::new).unwrap_or_default();
        Some(Self(Paging { limit, cursor: cursor?, offset: None }))
    }
}

/// Sessions are not filtered.
#[derive(Serialize, Deserialize)]
struct NoFilter {}

/// The session a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
struct SessionPath {
    /// As the list of sessions gives it.
    #[param(value_type = String, example = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10")]
    session_id: SessionId,
}

impl FromFields for SessionPath {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { session_id: fields.required("session_id", text(str::parse))? })
    }
}

/// End the session this token belongs to.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), responses(
    (status = 200, description = "The session is over; its tokens are refused.", body = Message,
     example = json!({ "message": "Logged out successfully" })),
))]
#[post("/auth/logout", wrap = "from_fn(signed_in)")]
pub async fn logout(service: Data<UserService>, caller: Caller) -> Result<Json<impl Serialize>, Rejection> {
    service.log_out(&caller).await?;
    Ok(Json(Message { message: "Logged out successfully" }))
}

/// Where the caller is logged in, newest login first.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), params(SessionParams), responses(
    (status = 200, description = "A page of the live sessions.", body = SessionList),
    (status = 400, description = "`malformed_request`: the cursor was altered."),
    (status = 422, description = "`validation_failed`"),
))]
#[get("/auth/sessions", wrap = "from_fn(signed_in)")]
pub async fn list_sessions(
    service: Data<UserService>,
    cursors: Data<Cursors>,
    caller: Caller,
    Query(ListSessions(paging)): Query<ListSessions>,
) -> Result<Json<impl Serialize>, Rejection> {
    let (scope, limit) = (format!("auth/sessions/{}", caller.user), paging.limit);
    let (filter, before) = paging.start(&cursors, &scope, NoFilter {}, |_| None)?;
    let page = service.live_sessions(caller.user, before, limit).await?;
    let next_cursor = page.next.map(|last| cursors.encode(&scope, &filter, &Some(last)));
    let data = page.items.into_iter().map(|session| SessionResponse::new(session, &caller)).collect();
    Ok(Json(SessionList { data, has_more: next_cursor.is_some(), next_cursor }))
}

/// End one session. Its tokens are refused; it may be the one of this request.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), params(SessionPath), responses(
    (status = 200, description = "The session is over; its tokens are refused.", body = Message,
     example = json!({ "message": "Session ended successfully" })),
    (status = 404, description = "`session_not_found`: unknown, over already, or somebody else's."),
    (status = 422, description = "`validation_failed`: the id is no UUID."),
))]
#[delete("/auth/sessions/{session_id}", wrap = "from_fn(signed_in)")]
pub async fn end_session(
    service: Data<UserService>,
    caller: Caller,
    Path(path): Path<SessionPath>,
) -> Result<Json<impl Serialize>, Rejection> {
    service.end_session(&caller, path.session_id).await?;
    Ok(Json(Message { message: "Session ended successfully" }))
}

/// End every session but the one of this request.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), responses(
    (status = 200, description = "The others are over; their tokens are refused.", body = Message,
     example = json!({ "message": "All other sessions ended successfully" })),
))]
#[delete("/auth/sessions", wrap = "from_fn(signed_in)")]
pub async fn end_other_sessions(
    service: Data<UserService>,
    caller: Caller,
) -> Result<Json<impl Serialize>, Rejection> {
    service.end_other_sessions(&caller).await?;
    Ok(Json(Message { message: "All other sessions ended successfully" }))
}
