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

use super::{Claims, SessionCache, Sessions, UNAUTHENTICATED, Verifier};

/// The user whose token came with the request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The immutable id.
    pub user: UserId,
    /// The name, for people.
    pub username: String,
    /// The session the token belongs to.
    pub session: SessionId,
    /// `user`, or `admin`.
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
    match authenticate(&request).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(rejection) => Ok(request.error_response(rejection).map_into_right_body()),
    }
}

async fn authenticate(request: &ServiceRequest) -> Result<Caller, Rejection> {
    let known = request.extensions_mut().remove::<Verified>();
    let claims = match known {
        Some(Verified(claims)) => claims,
        None => verify(request).await?,
    };
    let claims = claims.ok_or_else(unauthenticated)?;
    match is_live(request, &claims).await {
        Ok(true) => {}
        Ok(false) => return Err(unauthenticated()),
        // A read may go on when liveness is unknown; anything that changes something may not.
        Err(_) if request.method().is_safe() => {}
        Err(outage) => return Err(outage.into()),
    }
    Ok(Caller { user: claims.uid, username: claims.sub, session: claims.sid, role: claims.role })
}

/// What was found out about the token of a request, so that its signature is checked once.
struct Verified(Option<Claims>);

/// The user whose valid token came with a request; whether the session lives is not asked. What is found out is kept
/// for [`signed_in`].
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
