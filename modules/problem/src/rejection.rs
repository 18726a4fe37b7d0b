//! The error type of every handler.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::Value;

use crate::http::VALIDATION;
use crate::{About, Failure, FieldError, Kind, Problem};

/// A request refused or failed: all that [`finish`](crate::finish) needs to write the problem document.
#[derive(Clone, Debug)]
pub struct Rejection(pub(crate) Box<Refusal>);

#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub about: &'static About,
    pub detail: String,
    pub fields: Vec<FieldError>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub error: Option<Value>,
}

impl Rejection {
    /// A problem of this sort, with what went wrong this time (safe to show a person).
    #[must_use]
    pub fn new(about: &'static About, detail: impl Into<String>) -> Self {
        Self(Box::new(Refusal {
            about,
            detail: detail.into(),
            fields: Vec::new(),
            headers: Vec::new(),
            error: None,
        }))
    }

    /// Fields that broke their rules, all of them.
    #[must_use]
    pub fn fields(fields: Vec<FieldError>) -> Self {
        let sentences: Vec<_> = fields.iter().map(|e| format!("{} {}", e.field, e.message)).collect();
        let mut rejection = Self::new(&VALIDATION, sentences.join("; "));
        rejection.0.fields = fields;
        rejection
    }

    /// The same with a header on the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The same with the error itself in the member `error`, from which another process of the platform rebuilds
    /// it. Only for answers that stay inside the platform.
    #[must_use]
    pub fn carrying(mut self, error: &impl Serialize) -> Self {
        self.0.error = serde_json::to_value(error).ok();
        self
    }

    /// Which sort of problem it is.
    #[must_use]
    pub fn about(&self) -> &'static About {
        self.0.about
    }

    /// The problem document with which a request for `instance` is answered under this status, usually that of
    /// the [`Kind`](crate::Kind).
    #[must_use]
    pub fn document(&self, status: u16, instance: &str, request_id: &str) -> Vec<u8> {
        let Refusal { about, detail, fields, error, .. } = &*self.0;
        let problem = Problem {
            type_: format!("/problems/{}", about.code),
            title: about.title,
            status,
            detail,
            instance,
            code: about.code,
            message: detail,
            request_id,
            validation_errors: (status == Kind::Invalid.status()).then_some(fields),
            error: error.as_ref(),
        };
        serde_json::to_vec(&problem).unwrap_or_default()
    }
}

impl<F: Failure> From<F> for Rejection {
    fn from(failure: F) -> Self {
        let mut rejection = Self::new(failure.about(), failure.to_string());
        rejection.0.fields = failure.fields();
        match failure.retry_after_s() {
            Some(seconds) => rejection.with_header(RETRY_AFTER, HeaderValue::from(seconds)),
            None => rejection,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.about.code, self.0.detail)
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.about.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// An answer without its body: [`finish`](crate::finish) writes it, because only there are the path and the
    /// request id at hand.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        for (name, value) in &self.0.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self.clone());
        response
    }
}
