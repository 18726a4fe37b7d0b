//! One request observed: its id, its log line, its metrics.

use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use tracing::Instrument;
use tradepost_kernel::RequestId;

use super::series::count;
use crate::journey::{Journey, Trace};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The template of the route that takes a request, put into its extensions where the framework does not know it.
#[derive(Clone, Debug)]
pub struct RouteTemplate(pub String);

/// Gives the request its id (the client's own if plausible) and its trace, puts the id on every log line, on the
/// answer and on every onward call, writes one line per request and counts it by route template. The outermost middleware.
///
/// # Errors
/// Passes on those of the layers below.
pub async fn observe<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let id = request_id(&request);
    let method = request.method().clone();
    let path = request.path().to_owned();
    request.extensions_mut().insert(id.clone());

    let trace = trace(&request);
    let span = tracing::info_span!("request", request_id = id.as_str(), trace_id = trace.id());
    let journey = Journey { request: id.clone(), trace, deadline: None };
    let mut response = journey.carry(next.call(request).instrument(span.clone())).await?;

    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    let told = response.request().extensions_mut().remove::<RouteTemplate>().map(|route| route.0);
    let route = told.or_else(|| response.request().match_pattern());
    let elapsed = started.elapsed();
    let ms = milliseconds(elapsed);
    span.in_scope(|| match is_probe(&path) {
        true => tracing::debug!(%method, path, status, ms, "request"),
        false => tracing::info!(%method, path, status, ms, "request"),
    });
    count(method.as_str(), route.as_deref().unwrap_or("unmatched"), status, elapsed);
    Ok(response)
}

fn request_id(request: &ServiceRequest) -> RequestId {
    let given = request.headers().get(&X_REQUEST_ID).and_then(|value| value.to_str().ok());
    given.and_then(RequestId::accept).unwrap_or_else(RequestId::generate)
}

fn trace(request: &ServiceRequest) -> Trace {
    let given = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    given.and_then(Trace::accept).unwrap_or_else(Trace::begin)
}

/// What machines ask every second says nothing about what people do.
fn is_probe(path: &str) -> bool {
    matches!(path, "/health" | "/metrics") || path.starts_with("/health/")
}

fn milliseconds(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
