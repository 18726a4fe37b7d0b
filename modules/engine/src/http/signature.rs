//! Whether a request was signed with our secret: AWS Signature Version 4, worked out again from what arrived.

use std::sync::Arc;
use std::time::SystemTime;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use aws_credential_types::Credentials;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningParams, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use chrono::{NaiveDateTime, TimeDelta};
use secrecy::{ExposeSecret, SecretString};
use tradepost_kernel::{Clock, Timestamp};

use super::refusal::Refusal;

/// The one access key id there is.
pub(super) const ACCESS_KEY_ID: &str = "tradepost";
/// How far the date of a signature may be from our clock.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// What must be signed: the two that the algorithm demands, and the one that names the operation.
const REQUIRED: [&str; 3] = ["host", "x-amz-date", "x-amz-target"];

/// Checks signatures.
pub(super) struct Signatures {
    identity: Identity,
    clock: Arc<dyn Clock>,
}

/// What a request says of its signature. Everything but the signature itself is checked.
pub(super) struct Claim<'a> {
    authorization: Authorization<'a>,
    headers: Vec<(&'a str, &'a str)>,
    time: Timestamp,
}

impl Signatures {
    pub(super) fn new(secret: &SecretString, clock: Arc<dyn Clock>) -> Self {
        let secret = secret.expose_secret();
        Self { identity: Credentials::new(ACCESS_KEY_ID, secret, None, None, "settings").into(), clock }
    }

    /// Checks what can be checked without the body, so that a stranger's body is not even read.
    pub(super) fn claim<'a>(&self, request: &'a HttpRequest) -> Result<Claim<'a>, Refusal> {
        let headers = request.headers();
        if !headers.contains_key("authorization") {
            return Err(Refusal::Unsigned);
        }
        let text = single(headers, "authorization").ok_or(Refusal::Incomplete)?;
        let authorization = Authorization::parse(text).ok_or(Refusal::Incomplete)?;
        if authorization.key_id != ACCESS_KEY_ID {
            return Err(Refusal::UnknownKey);
        }
        let names = authorization.signed_headers.split(';');
        let signed = names.map(|name| Some((name, single(headers, name)?))).collect::<Option<Vec<_>>>();
        let signed = signed.ok_or(Refusal::Incomplete)?;
        if !REQUIRED.iter().all(|required| signed.iter().any(|(name, _)| name == required)) {
            return Err(Refusal::Incomplete);
        }
        let time = single(headers, "x-amz-date").and_then(time_of).ok_or(Refusal::Incomplete)?;
        if time.format("%Y%m%d").to_string() != authorization.date {
            return Err(Refusal::Incomplete);
        }
        if (self.clock.now() - time).abs() > TOLERANCE {
            return Err(Refusal::Expired);
        }
        Ok(Claim { authorization, headers: signed, time })
    }

    /// Signs the request as its caller should have and compares. The body is hashed here, whatever the request
    /// says of its hash.
    pub(super) fn verify(&self, claim: Claim<'_>, request: &HttpRequest, body: &[u8]) -> Result<(), Refusal> {
        let Claim { authorization, headers, time } = claim;
        let mut settings = SigningSettings::default();
        settings.excluded_headers = None;
        let parameters = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(authorization.region)
            .name(SERVICE)
            .time(SystemTime::from(time))
            .settings(settings)
            .build();
        let parameters = SigningParams::from(parameters.map_err(|_| Refusal::Incomplete)?);
        // The host that is signed comes from the headers.
        let uri =
            format!("http://engine{}", request.uri().path_and_query().map_or("/", |path| path.as_str()));
        let signable = SignableRequest::new("POST", uri, headers.into_iter(), SignableBody::Bytes(body));
        let signed = signable.and_then(|signable| sign(signable, &parameters));
        let signed = signed.map_err(|_| Refusal::Incomplete)?;
        verify_slices_are_equal(signed.signature().as_bytes(), authorization.signature.as_bytes())
            .map_err(|_| Refusal::Mismatch)
    }
}

/// The service that signatures are made for.
const SERVICE: &str = "dynamodb";

/// The parts of an `Authorization` header.
struct Authorization<'a> {
    key_id: &'a str,
    date: &'a str,
    region: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let fields = text.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let field =
            |name| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        let scope: Vec<&str> = field("Credential")?.split('/').collect();
        let [key_id, date, region, SERVICE, "aws4_request"] = scope[..] else { return None };
        let (signed_headers, signature) = (field("SignedHeaders")?, field("Signature")?);
        Some(Self { key_id, date, region, signed_headers, signature })
    }
}

/// The value of a header that must not be repeated: of two values, one could be signed and the other used.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

fn time_of(date: &str) -> Option<Timestamp> {
    NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").ok().map(|time| time.and_utc())
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
