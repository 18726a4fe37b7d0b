//! The head of a request, as an upstream gets it.

use actix_web::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::{HttpMessage, HttpRequest};
use hyper::body::Body;
use hyper::header::{self, HOST, HeaderMap, HeaderName, HeaderValue, VIA};
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper::{Method, Request, Uri, http};
use tradepost_kernel::RequestId;
use tradepost_platform::journey::{Journey, Trace};
use tradepost_platform::request::is_head;

use crate::error::Effect;
use crate::forwarded;
use crate::gateway::TakesKey;
use crate::headers::Nominated;
use crate::upload::Outgoing;
use crate::upstream::Upstream;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Required of a gateway by RFC 9110 section 7.6.3.
const VIA_GATEWAY: HeaderValue = HeaderValue::from_static("1.1 tradepost");
/// The headers that every request gets.
const OWN_HEADERS: usize = 8;

/// The request for an upstream, its target byte for byte that of the client.
pub(crate) fn outgoing(
    request: &HttpRequest,
    upstream: &Upstream,
    body: Outgoing,
) -> Result<Request<Outgoing>, http::Error> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(upstream.authority.clone())
        .path_and_query(PathAndQuery::try_from(target)?)
        .build()?;
    let is_empty = body.is_end_stream();
    let mut outgoing = Request::new(body);
    *outgoing.method_mut() = match is_head(request) {
        true => Method::HEAD,
        false => Method::from_bytes(request.method().as_str().as_bytes())?,
    };
    *outgoing.uri_mut() = uri;
    *outgoing.headers_mut() = headers(request, upstream)?;
    // Where content is to be expected, its absence is said (RFC 9110 section 8.6); hyper says only what there is.
    if is_empty && !is_safe(request) {
        outgoing.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Ok(outgoing)
}

/// The two crates have the same header types in two versions, which share no bytes: each value is copied once.
fn headers(request: &HttpRequest, upstream: &Upstream) -> Result<HeaderMap, http::Error> {
    let nominated = nominated(request);
    let mut headers = HeaderMap::with_capacity(request.headers().len() + OWN_HEADERS);
    for (name, value) in request.headers() {
        if nominated.reaches_upstream(name.as_str()) {
            let name = HeaderName::from_bytes(name.as_str().as_bytes())?;
            headers.append(name, HeaderValue::from_bytes(value.as_bytes())?);
        }
    }
    headers.insert(HOST, upstream.host.clone());
    headers.append(VIA, VIA_GATEWAY);
    let id = match request.extensions().get::<RequestId>() {
        Some(id) => HeaderValue::from_str(id.as_str())?,
        None => HeaderValue::from_str(RequestId::generate().as_str())?,
    };
    headers.insert(X_REQUEST_ID, id);
    trace(request, &mut headers);
    forwarded::say(request, &mut headers);
    Ok(headers)
}

/// The same trace with the gateway as the parent, or one that begins here: then no vendor knows it yet.
fn trace(request: &HttpRequest, headers: &mut HeaderMap) {
    let given = request.headers().get(TRACEPARENT.as_str()).and_then(|value| value.to_str().ok());
    if given.and_then(Trace::accept).is_none() {
        headers.remove(TRACESTATE);
    }
    if let Ok(value) = HeaderValue::try_from(Journey::current().trace.to_string()) {
        headers.insert(TRACEPARENT, value);
    }
}

fn nominated(request: &HttpRequest) -> Nominated<'_> {
    Nominated::new(request.headers().get_all(CONNECTION).map(|value| value.as_bytes()))
}

/// What the request may have done if it was sent and no answer came; the key counts only if it is sent along to a
/// route that takes it.
pub(crate) fn effect(request: &HttpRequest, takes_key: &TakesKey) -> Effect {
    const KEY: &str = "idempotency-key";
    let is_keyed = || request.headers().contains_key(KEY) && nominated(request).reaches_upstream(KEY);
    if is_safe(request) {
        Effect::Harmless
    } else if is_keyed() && takes_key(request.method().as_str(), request.path()) {
        Effect::Keyed
    } else {
        Effect::Unknown
    }
}

fn is_safe(request: &HttpRequest) -> bool {
    matches!(request.method().as_str(), "GET" | "HEAD" | "OPTIONS")
}

/// The length of the body: `Some(0)` without one, `None` where only its end will tell.
pub(crate) fn body_length(request: &HttpRequest) -> Option<u64> {
    if request.headers().contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let Some(length) = request.headers().get(CONTENT_LENGTH) else { return Some(0) };
    length.to_str().ok()?.parse().ok()
}
