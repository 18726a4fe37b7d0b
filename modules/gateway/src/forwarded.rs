//! Where a request came from, as upstreams are told: `Forwarded` (RFC 7239) and the older `X-Forwarded-*`.

use std::fmt::Write;
use std::net::IpAddr;

use actix_web::http::header::HOST;
use actix_web::{HttpMessage, HttpRequest};
use hyper::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::Authority;
use tradepost_platform::guard::{ClientAddress, PublicOrigin};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What trusted proxies say of how the client asked; nothing where the client is connected to the gateway itself.
fn told(request: &HttpRequest) -> PublicOrigin {
    request.extensions().get::<PublicOrigin>().cloned().unwrap_or_default()
}

/// The host that the request itself asks for.
fn asked(request: &HttpRequest) -> Option<&str> {
    let named = || request.headers().get(HOST)?.to_str().ok();
    request.uri().authority().map(|authority| authority.as_str()).or_else(named)
}

/// Whether a text is a host and nothing besides: it is repeated in other headers, where anything else could pass for
/// more than that.
fn is_host(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte);
    text.bytes().all(is_plain) && text.parse::<Authority>().is_ok()
}

/// Says where a request came from.
pub(crate) fn say(request: &HttpRequest, headers: &mut HeaderMap) {
    let (client, told) = (ClientAddress::of(request), told(request));
    // The gateway itself is reached by plain HTTP.
    let scheme = told.scheme.unwrap_or("http");
    let hosts = [told.host.as_deref(), asked(request)];
    let host = hosts.into_iter().flatten().find(|host| is_host(host));
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
