//! An answer that can be kept, and given again byte for byte.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::{Deserialize, Serialize};

use super::Once;

/// The header of an answer that was given before.
pub const REPLAYED: &str = "Idempotency-Replayed";

/// The part of an answer that is the same each time it is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The media type of the body.
    pub content_type: String,
    /// The body, which is JSON.
    pub body: String,
}

impl Answer {
    /// A success with this JSON body.
    #[must_use]
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap_or_default();
        Self { status, content_type: "application/json".to_owned(), body }
    }

    /// A refusal with its problem document.
    pub(super) fn problem(status: u16, document: Vec<u8>) -> Self {
        let body = String::from_utf8(document).unwrap_or_default();
        Self { status, content_type: "application/problem+json".to_owned(), body }
    }
}

/// An answer on its way to the client, for the first time or again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What is answered.
    pub answer: Answer,
    /// Whether it was answered before.
    pub replayed: bool,
}

impl Told {
    /// An answer to work that was done, or refused, just now.
    #[must_use]
    pub fn first(answer: Answer) -> Self {
        Self { answer, replayed: false }
    }

    /// An answer that was given before.
    #[must_use]
    pub fn again(answer: Answer) -> Self {
        Self { answer, replayed: true }
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done<R> {
    /// It was carried out now, with this result.
    Now(R),
    /// There is an answer that is kept: a refusal of now, or whatever came of an earlier request under the key.
    Told(Told),
}

impl<R> Done<R> {
    /// What is answered.
    pub fn told(self, once: &Once<R>) -> Told {
        match self {
            Self::Now(result) => Told::first(once.success(&result)),
            Self::Told(told) => told,
        }
    }
}

impl Responder for Told {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let Answer { status, content_type, body } = self.answer;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, content_type));
        if self.replayed {
            response.insert_header((REPLAYED, "true"));
        }
        response.body(body)
    }
}
