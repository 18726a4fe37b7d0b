//! The middleware of every protected route, and what it finds out.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use tradepost_kernel::{SessionId, UserId};
use tradepost_problem::{Outage, Rejection};

use super::{ADMIN, Claims, FORBIDDEN, SessionCache, Sessions, UNAUTHENTICATED, Verifier};

/// The user whose token came with the request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The immutable id.
    pub user: UserId,
    /// The name, for people.
    pub username: String,
    /// The session the token belongs to.
    pub session: SessionId,
    /// [`USER`](super::USER), or [`ADMIN`].
    pub role: String,
}

/// Lets a request pass only with a valid token of a live session. It runs before any extractor, so that 401
/// comes before 404, 415 and 422. Wrap a route in it: `#[get("/x", wrap = "from_fn(signed_in)")]`.
///
/// # Errors
/// None of its own: a refusal is an answer.
pub async fn signed_in<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody + 'static>, Error> {
    // A read may go on while it is unknown whether the session lives; anything that changes something may not.
    let caller = authenticate(&request, !request.method().is_safe()).await;
    pass(request, next, caller).await
}

/// Lets a request pass only with a valid token of a live session of an administrator: 401 as [`signed_in`] says it, then
/// 403 for any other role, both before any extractor. While it is unknown whether the session lives, even a read is
/// refused, with 503: what an administrator sees is nobody else's. A role that was taken away is refused as soon as the
/// end of its sessions is known here, within 30 seconds. Wrap a route in it:
/// `#[put("/x", wrap = "from_fn(admin_only)")]`.
///
/// # Errors
/// None of its own: a refusal is an answer.
pub async fn admin_only<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody + 'static>, Error> {
    let caller = authenticate(&request, true).await.and_then(|caller| {
        if caller.role == ADMIN { Ok(caller) } else { Err(Rejection::new(&FORBIDDEN, ADMIN_ONLY)) }
    });
    pass(request, next, caller).await
}

const ADMIN_ONLY: &str = "Only an administrator may do this.";

async fn pass<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    caller: Result<Caller, Rejection>,
) -> Result<ServiceResponse<impl MessageBody + 'static>, Error> {
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(rejection) => Ok(request.error_response(rejection).map_into_right_body()),
    }
}

async fn authenticate(request: &ServiceRequest, must_know_liveness: bool) -> Result<Caller, Rejection> {
    let known = request.extensions_mut().remove::<Verified>();
    let claims = match known {
        Some(Verified(claims)) => claims,
        None => verify(request).await?,
    };
    let claims = claims.ok_or_else(unauthenticated)?;
    match is_live(request, &claims).await {
        Ok(true) => {}
        Ok(false) => return Err(unauthenticated()),
        Err(outage) if must_know_liveness => return Err(outage.into()),
        Err(_) => {}
    }
    Ok(Caller { user: claims.uid, username: claims.sub, session: claims.sid, role: claims.role })
}

/// What was found out about the token of a request, so that its signature is checked once.
struct Verified(Option<Claims>);

/// The user whose valid token came with a request; whether the session lives is not asked. What is found out is kept
/// for [`signed_in`] and [`admin_only`].
pub(crate) async fn user_of_token(request: &ServiceRequest) -> Option<UserId> {
    bearer_token(request)?;
    // Whether an outage matters is for the route to say, which asks again.
    let claims = verify(request).await.ok()?;
    let user = claims.as_ref().map(|claims| claims.uid);
    request.extensions_mut().insert(Verified(claims));
    user
}

async fn verify(request: &ServiceRequest) -> Result<Option<Claims>, Outage> {
    match bearer_token(request).zip(request.app_data::<Data<Verifier>>()) {
        Some((token, verifier)) => verifier.verify(token).await,
        None => Ok(None),
    }
}

async fn is_live(request: &ServiceRequest, claims: &Claims) -> Result<bool, Outage> {
    let (Some(cache), Some(sessions)) =
        (request.app_data::<Data<SessionCache>>(), request.app_data::<Data<Arc<dyn Sessions>>>())
    else {
        return Err(Outage::internal("authentication", &"the app has no session store"));
    };
    cache.is_live(sessions.as_ref().as_ref(), claims.uid, claims.sid).await
}

fn bearer_token(request: &ServiceRequest) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthenticated() -> Rejection {
    Rejection::new(&UNAUTHENTICATED, "A valid access token is required.")
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

impl FromRequest for Caller {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or_else(unauthenticated))
    }
}
