//! Where a request came from, as upstreams are told: `Forwarded` (RFC 7239) and the older `X-Forwarded-*`.

use std::fmt::Write;
use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use hyper::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::Authority;
use tradepost_platform::guard::ClientAddress;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The scheme the client used.
fn scheme(_: &HttpRequest) -> &'static str {
    "http"
}

/// The host the client asked for, if it is one: it is repeated in other headers, where anything else could pass for
/// more than a host.
fn host(request: &HttpRequest) -> Option<&str> {
    let named = || request.headers().get(HOST)?.to_str().ok();
    let host = request.uri().authority().map(|authority| authority.as_str()).or_else(named)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte);
    (host.bytes().all(is_plain) && host.parse::<Authority>().is_ok()).then_some(host)
}

/// Says where a request came from.
pub(crate) fn say(request: &HttpRequest, headers: &mut HeaderMap) {
    let (client, scheme, host) = (ClientAddress::of(request), scheme(request), host(request));
    let mut forwarded = format!("proto={scheme}");
    if let Some(host) = host {
        // Writing to a text cannot fail.
        let _ = write!(forwarded, ";host=\"{host}\"");
        insert(headers, X_FORWARDED_HOST, HeaderValue::from_str(host).ok());
    }
    match client {
        Some(IpAddr::V6(address)) => drop(write!(forwarded, ";for=\"[{address}]\"")),
        Some(IpAddr::V4(address)) => drop(write!(forwarded, ";for={address}")),
        None => forwarded.push_str(";for=unknown"),
    }
    insert(
        headers,
        X_FORWARDED_FOR,
        client.and_then(|address| HeaderValue::from_str(&address.to_string()).ok()),
    );
    insert(headers, X_FORWARDED_PROTO, Some(HeaderValue::from_static(scheme)));
    insert(headers, FORWARDED, HeaderValue::try_from(forwarded).ok());
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value);
    }
}
