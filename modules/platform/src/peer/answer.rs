//! The answering half: who is let in, what they ask, and the form of the answer.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data, Json};
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tradepost_kernel::UserId;
use tradepost_problem::{About, Failure, Kind, Outage, Rejection, http};

use super::token::ServiceClaims;
use super::{DEADLINE, SERVICE_TOKEN, ServiceTokens};
use crate::journey::Journey;

pub(super) const UNTRUSTED: About = About {
    code: "untrusted_caller",
    kind: Kind::Forbidden,
    title: "Untrusted caller",
    explanation: "Internal routes take calls only from the platform's own services, with a signed service token \
                  that names the caller, the module called and the user on whose behalf.",
};

/// Lets a call to the module `callee` pass only with a service token of one of the `callers`, and only while
/// somebody waits for its answer. Wrap the scope of the internal routes in it.
///
/// # Errors
/// None of its own: a refusal is an answer.
pub async fn admit<B: MessageBody + 'static>(
    callee: &'static str,
    callers: &'static [&'static str],
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody + 'static>, Error> {
    let admitted = claims(&request, callee, callers).and_then(|claims| Ok((claims, deadline(&request)?)));
    match admitted {
        Ok((claims, deadline)) => {
            request.extensions_mut().insert(OnBehalf(claims.uid));
            let journey = Journey { deadline, ..Journey::current() };
            journey.carry(next.call(request)).await.map(ServiceResponse::map_into_left_body)
        }
        Err(rejection) => Ok(request.error_response(rejection).map_into_right_body()),
    }
}

fn claims(request: &ServiceRequest, callee: &str, callers: &[&str]) -> Result<ServiceClaims, Rejection> {
    let token = request.headers().get(SERVICE_TOKEN).and_then(|token| token.to_str().ok());
    let tokens = request.app_data::<Data<ServiceTokens>>();
    let claims = token.zip(tokens).and_then(|(token, tokens)| tokens.verify(token, callee));
    let claims = claims.filter(|claims| callers.contains(&claims.iss.as_str()));
    claims.ok_or_else(|| {
        tracing::warn!(callee, "refused a call without a valid service token");
        Rejection::new(&UNTRUSTED, "A valid service token is required.")
    })
}

fn deadline(request: &ServiceRequest) -> Result<Option<Instant>, Rejection> {
    let Some(header) = request.headers().get(DEADLINE) else { return Ok(None) };
    let remaining = header.to_str().ok().and_then(|text| text.parse::<u32>().ok());
    match remaining {
        Some(0) => Err(Outage::busy("a call whose deadline is spent").into()),
        Some(milliseconds) => Ok(Some(Instant::now() + Duration::from_millis(milliseconds.into()))),
        None => Err(Rejection::new(&http::MALFORMED, "X-Deadline-Ms must be whole milliseconds.")),
    }
}

/// The user in the token of the call.
#[derive(Clone, Copy)]
struct OnBehalf(Option<UserId>);

/// The argument of a call.
pub struct Call<T> {
    argument: T,
    user: Option<UserId>,
}

impl<T> Call<T> {
    /// The argument of a method that is about no user.
    pub fn argument(self) -> T {
        self.argument
    }

    /// The argument of a method that is about the user whom `user` finds in it.
    ///
    /// # Errors
    /// When the service token names another user, or none.
    pub fn about(self, user: impl FnOnce(&T) -> UserId) -> Result<T, Rejection> {
        if self.user == Some(user(&self.argument)) {
            return Ok(self.argument);
        }
        tracing::warn!("refused a call about another user than its token names");
        Err(Rejection::new(&UNTRUSTED, "The service token does not name this user."))
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Call<T> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let user = request.extensions().get::<OnBehalf>().copied().and_then(|user| user.0);
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            let unreadable = |why: String| Rejection::new(&http::MALFORMED, why);
            let bytes = bytes.await.map_err(|error| unreadable(error.to_string()))?;
            let argument = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
            Ok(Self { argument, user })
        })
    }
}

/// The answer to a call: the value, or a problem document that carries the error.
///
/// # Errors
/// The error that was given.
pub fn reply<T: Serialize, E: Failure + Serialize>(result: Result<T, E>) -> Result<Json<T>, Rejection> {
    result.map(Json).map_err(|error| {
        let carried = serde_json::to_value(&error).unwrap_or_default();
        Rejection::from(error).carrying(&carried)
    })
}
