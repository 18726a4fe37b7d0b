//! The middleware through which every answer leaves: what is not a success leaves as a problem document.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, ORIGIN};
use actix_web::middleware::Next;
use actix_web::test::TestRequest;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use futures_util::FutureExt;
use tradepost_kernel::RequestId;

use crate::{Outage, Rejection, http};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Turns every refusal, framework error and panic below it into a problem document. Wrap it inside the
/// middleware that puts the [`RequestId`] into the request's extensions.
///
/// # Errors
/// None of its own: errors of the layers below become documents too.
pub async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let instance = request.path().to_owned();
    let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(RequestId::generate);
    let origin = request.headers().get(ORIGIN).cloned();

    let outcome = AssertUnwindSafe(async { next.call(request).await }).catch_unwind().await;
    let response = match outcome {
        Ok(Ok(response)) => response.map_into_boxed_body(),
        Ok(Err(error)) => stand_in(&instance, origin, error.error_response()),
        Err(panic) => {
            let cause = panic_text(panic.as_ref());
            stand_in(&instance, origin, Rejection::from(Outage::internal("handler", &cause)).error_response())
        }
    };
    if response.status().is_client_error() || response.status().is_server_error() {
        return Ok(document(response, &instance, &request_id));
    }
    Ok(response)
}

/// The request is gone with the future that failed, and the router forbids keeping a second handle on it; the
/// layers above still want one to read the path and the origin from.
fn stand_in(path: &str, origin: Option<HeaderValue>, response: HttpResponse) -> ServiceResponse {
    // The target of CONNECT is an address and has no path.
    let mut request = TestRequest::with_uri(if path.is_empty() { "/" } else { path });
    if let Some(origin) = origin {
        request = request.insert_header((ORIGIN, origin));
    }
    ServiceResponse::new(request.to_http_request(), response)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic").to_owned()
}

fn document(mut response: ServiceResponse, instance: &str, request_id: &RequestId) -> ServiceResponse {
    if response.headers().get(CONTENT_TYPE) == Some(&PROBLEM_JSON) {
        return response;
    }
    let status = response.status();
    let rejection = response.response_mut().extensions_mut().remove::<Rejection>();
    let body =
        rejection.unwrap_or_else(|| bare(status)).document(status.as_u16(), instance, request_id.as_str());
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
    response.map_body(|_, _| BoxBody::new(body))
}

/// The framework's own errors carry only a status.
fn bare(status: StatusCode) -> Rejection {
    let about = http::about(status);
    Rejection::new(about, format!("{}.", about.title))
}
