//! An answer of the platform, with assertions that print it when they fail.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub request: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The body as JSON. Its numbers are floats here; compare exact digits with [`Answer::text`].
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Demands this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{} answered {}", self.request, self.text);
        self
    }

    /// Demands a problem document with this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json()["code"], code, "{} answered {}", answer.request, answer.text);
        answer
    }

    /// Demands a 422 that names exactly these fields, in any order.
    #[track_caller]
    pub fn invalid(self, fields: &[&str]) -> Self {
        let answer = self.refused(422, "validation_failed");
        let json = answer.json();
        let errors = json["validation_errors"].as_array().cloned().unwrap_or_default();
        let mut named: Vec<_> = errors.iter().filter_map(|error| error["field"].as_str()).collect();
        let mut expected = fields.to_vec();
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!(named, expected, "{} answered {}", answer.request, answer.text);
        answer
    }

    /// A header as text, or "".
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A field of the body as text: `field("data.order_id")`.
    #[must_use]
    #[track_caller]
    pub fn field(&self, path: &str) -> String {
        let json = self.json();
        let value = path.split('.').fold(&json, |value, name| &value[name]);
        let text = value.as_str().map(str::to_owned);
        text.unwrap_or_else(|| panic!("no text at {path} in the answer to {}: {}", self.request, self.text))
    }

    /// What every refusal must be: a problem document that is complete and says nothing it should not.
    pub(crate) fn check_problem(&self, path: &str) {
        let json = self.json();
        let at = || format!("{} answered {}", self.request, self.text);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", at());
        assert_eq!(json["status"], self.status.as_u16(), "{}", at());
        assert_eq!(json["instance"], path, "{}", at());
        assert_eq!(json["message"], json["detail"], "{}", at());
        // What was answered before names the request it was the answer to.
        let is_replayed = self.header("idempotency-replayed") == "true";
        assert_eq!(json["request_id"] != self.header("x-request-id"), is_replayed, "{}", at());
        assert!(json["request_id"].is_string(), "{}", at());
        assert_eq!(
            json["type"],
            format!("/problems/{}", json["code"].as_str().unwrap_or_default()),
            "{}",
            at()
        );
        assert_eq!(json["validation_errors"].is_array(), self.status == 422, "{}", at());
        assert!(json["title"].is_string() && json["detail"].is_string(), "{}", at());
        for internal in ["panicked", "Dynamo", "serde", "tradepost_", "src/", "pk", "TestPassword"] {
            assert!(!self.text.contains(internal), "{internal:?} is internal: {}", at());
        }
        if self.status == 401
            && !self.request.contains("/auth/login")
            && !self.request.contains("/auth/refresh")
        {
            assert_eq!(self.header("www-authenticate"), "Bearer", "{}", at());
        }
    }
}
