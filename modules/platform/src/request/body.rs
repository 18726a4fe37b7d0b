//! JSON bodies: the media type, then the depth and syntax of the whole, then its shape, then the fields.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tradepost_problem::{FieldError, Rejection, http};

use super::{Fields, FromFields, Input};

/// How deep lists and objects may be nested, the body itself included.
const MAX_DEPTH: usize = 32;

/// How long a client may take to send a body. Give it to the app as `app_data`; without it there is no limit.
#[derive(Clone, Copy, Debug)]
pub struct BodyTimeout(pub Duration);

/// The body of a request, read as a `T`. An empty body counts as `{}`; unknown fields are ignored.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: FromFields + 'static> FromRequest for Body<T> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = json_bytes(request, payload);
        Box::pin(async move { parse(&bytes.await?).map(Self) })
    }
}

/// The raw body of a request, which is empty or says that it is JSON.
pub(crate) fn json_bytes(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes, Rejection>> + use<> {
    let (is_json, bytes) = (is_json(request), bytes(request, payload));
    async move {
        let bytes = bytes.await?;
        if !bytes.is_empty() && !is_json {
            return Err(Rejection::new(
                &http::UNSUPPORTED_MEDIA_TYPE,
                "Send the body with Content-Type: application/json.",
            ));
        }
        Ok(bytes)
    }
}

/// The body of a request, whatever it is.
pub(crate) fn bytes(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes, Rejection>> + use<> {
    let bytes = Bytes::from_request(request, payload);
    let timeout = request.app_data::<BodyTimeout>().map_or(Duration::MAX, |timeout| timeout.0);
    async move {
        let bytes = tokio::time::timeout(timeout, bytes)
            .await
            .map_err(|_| Rejection::new(&http::TIMEOUT, "The body of the request did not arrive in time."))?;
        bytes.map_err(|error| unreadable(&error))
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let essence = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = essence.and_then(|value| value.split(';').next()).unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn unreadable(error: &actix_web::Error) -> Rejection {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => {
            Rejection::new(&http::TOO_LARGE, "The body is larger than the server accepts.")
        }
        _ if error.as_response_error().status_code() == 413 => {
            Rejection::new(&http::TOO_LARGE, "The body is larger than the server accepts.")
        }
        _ => Rejection::new(&http::MALFORMED, "The body of the request could not be read."),
    }
}

/// Reads a raw body as a `T`.
pub(crate) fn parse<T: FromFields>(bytes: &[u8]) -> Result<T, Rejection> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let text = std::str::from_utf8(bytes).map_err(|_| not_json("it is not UTF-8"))?;
    if is_too_deep(bytes) {
        let detail = format!("The body is nested more than {MAX_DEPTH} levels deep.");
        return Err(Rejection::new(&http::MALFORMED, detail));
    }
    // The whole text first: a type error inside a body that is no JSON at all would be misleading.
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| not_json(&error.to_string()))?;
    let inputs: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).map_err(|error| {
        // An object may still have a name that is no text, such as half a surrogate pair.
        if text.trim_start().starts_with('{') {
            return not_json(&error.to_string());
        }
        Rejection::fields(vec![FieldError { field: "body".into(), message: "must be a JSON object".into() }])
    })?;
    Fields::new(inputs.into_iter().map(|(name, raw)| (name, Input::Json(raw))).collect()).read()
}

/// Whether lists and objects are nested deeper than allowed. The parser passes over what nobody asked for without a
/// limit of its own.
fn is_too_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

fn not_json(why: &str) -> Rejection {
    Rejection::new(&http::MALFORMED, format!("The body is not valid JSON: {why}."))
}
