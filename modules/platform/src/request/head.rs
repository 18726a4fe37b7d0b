//! `HEAD`: answered as `GET`, less the body (RFC 9110 section 9.3.2).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, HttpRequest};

/// A mark on a request that came as a `HEAD`.
struct AskedByHead;

/// A body that is told of and not sent.
#[derive(Clone, Copy, Debug)]
pub struct Unsent(pub BodySize);

impl MessageBody for Unsent {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

/// Whether a request came as a `HEAD`, which its method says no more after [`head_as_get`].
#[must_use]
pub fn is_head(request: &HttpRequest) -> bool {
    request.method() == Method::HEAD || request.extensions().get::<AskedByHead>().is_some()
}

/// Lets every `GET` route answer a `HEAD`. The server itself would leave the body out of the answer, but have all of
/// it made, and that of an event stream has no end; here it is dropped.
///
/// # Errors
/// Passes on those of the layers below.
pub async fn head_as_get<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Unsent>>, Error> {
    if request.method() != Method::HEAD {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    request.head_mut().method = Method::GET;
    request.extensions_mut().insert(AskedByHead);
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| EitherBody::right(Unsent(body.size()))))
}
