//! The document itself.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A problem document, `application/problem+json` (RFC 9457): the body of every answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "/problems/validation_failed", "title": "Validation failed", "status": 422,
    "detail": "amount must be greater than 0", "instance": "/api/v1/balance/deposit",
    "code": "validation_failed", "message": "amount must be greater than 0",
    "request_id": "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10",
    "validation_errors": [{ "field": "amount", "message": "must be greater than 0" }]
}))]
pub struct Problem<'a> {
    /// Where this sort of problem is explained, on this server.
    #[serde(rename = "type")]
    pub type_: String,
    /// A few words, the same every time.
    pub title: &'a str,
    /// The status code of the answer.
    pub status: u16,
    /// What went wrong this time; safe to show a person.
    pub detail: &'a str,
    /// The path of the request.
    pub instance: &'a str,
    /// Stable; what clients branch on.
    pub code: &'a str,
    /// The same text as `detail`.
    pub message: &'a str,
    /// Names the request in the server's log.
    pub request_id: &'a str,
    /// With every 422: each field that broke its rule; none when the request was refused for another reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_errors: Option<&'a [FieldError]>,
    /// Between processes of the platform only: the error itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub error: Option<&'a Value>,
}

/// One field that broke its rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The name of the field, parameter or path segment.
    #[schema(value_type = String, example = "amount")]
    pub field: String,
    /// The rule it broke.
    #[schema(example = "must be greater than 0")]
    pub message: String,
}
