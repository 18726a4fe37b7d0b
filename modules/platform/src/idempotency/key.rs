//! The request that bears a key: the header, and the fingerprint by which a repetition is told from something else.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tradepost_kernel::RequestId;
use tradepost_problem::Rejection;
use utoipa::IntoParams;

use super::key_use::INVALID_KEY;
use super::{Answer, Once};
use crate::request::{FromFields, bytes, json_bytes, parse};
use crate::secrets::sha256;

/// The header of a request that bears a key.
pub const HEADER: &str = "Idempotency-Key";

/// The longest key.
const MAX_LENGTH: usize = 255;

/// The parameter as the OpenAPI document has it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents the header; KeyedRequest is what it is read into")]
pub struct KeyHeader {
    /// 1 to 255 visible ASCII characters of the client's choice, such as a UUID. For 24 hours the same request
    /// under the same key is carried out once and answered each time as the first time.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<String>,
}

/// A request under a key. It can be stored with work whose answer comes later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedRequest {
    key: String,
    /// The method and the template of the path.
    route: String,
    /// SHA-256 of method, path and raw body.
    fingerprint: String,
    /// What a problem document says of the request.
    instance: String,
    request_id: String,
}

impl KeyedRequest {
    /// Names the key among all keys of its user: the same key on another route is another one.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("{}#{}", self.route, self.key)
    }

    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The answer that refuses this request.
    #[must_use]
    pub fn refusal(&self, refusal: impl Into<Rejection>) -> Answer {
        let rejection = refusal.into();
        let status = rejection.about().kind.status();
        Answer::problem(status, rejection.document(status, &self.instance, &self.request_id))
    }

    fn read(request: &HttpRequest) -> Result<Option<Self>, Rejection> {
        let mut values = request.headers().get_all(HEADER);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Rejection::new(&INVALID_KEY, "Send one Idempotency-Key, not several."));
        }
        let extensions = request.extensions();
        let request_id = extensions.get::<RequestId>().cloned().unwrap_or_else(RequestId::generate);
        let template = request.match_pattern().unwrap_or_else(|| request.path().to_owned());
        Ok(Some(Self {
            key: key(value)?,
            route: format!("{} {template}", request.method()),
            fingerprint: String::new(),
            instance: request.path().to_owned(),
            request_id: request_id.as_str().to_owned(),
        }))
    }

    /// The route begins with the method; neither it nor the path can contain the byte between the parts.
    fn with_body(self, body: &[u8]) -> Self {
        let method = self.route.split(' ').next().unwrap_or_default();
        let hash = sha256(&[method.as_bytes(), b"\0", self.instance.as_bytes(), b"\0", body].concat());
        Self { fingerprint: URL_SAFE_NO_PAD.encode(hash), ..self }
    }
}

fn key(value: &HeaderValue) -> Result<String, Rejection> {
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    if (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(Rejection::new(&INVALID_KEY, "Idempotency-Key must be 1 to 255 visible ASCII characters."))
}

/// The JSON body of a request, read as a `T`, and the key it bears if it bears one; [`NoBody`] where none is read.
#[derive(Debug)]
pub struct Keyed<T> {
    /// What was sent.
    pub body: T,
    /// The request under its key.
    pub request: Option<KeyedRequest>,
}

impl<T> Keyed<T> {
    /// The body, and what makes that it is acted upon once. `tell` is how success is answered.
    pub fn telling<R>(self, tell: fn(&R) -> Answer) -> (T, Once<R>) {
        (self.body, Once::new(self.request, tell))
    }
}

impl<T: FromFields + 'static> FromRequest for Keyed<T> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (keyed, bytes) = (KeyedRequest::read(request), json_bytes(request, payload));
        Box::pin(async move {
            let bytes = bytes.await?;
            let request = keyed?.map(|keyed| keyed.with_body(&bytes));
            Ok(Self { body: parse(&bytes)?, request })
        })
    }
}

/// A body that says nothing: it is told from another one under the same key, and not read otherwise.
#[derive(Clone, Copy, Debug)]
pub struct NoBody;

impl FromRequest for Keyed<NoBody> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (keyed, bytes) = (KeyedRequest::read(request), bytes(request, payload));
        Box::pin(async move {
            let bytes = bytes.await?;
            let request = keyed?.map(|keyed| keyed.with_body(&bytes));
            Ok(Self { body: NoBody, request })
        })
    }
}
