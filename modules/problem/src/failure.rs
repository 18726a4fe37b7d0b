//! What a failure is, before HTTP: its kind, its stable code, and what there is to say about it.

use crate::FieldError;

/// The kinds of failure; each has one status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is understood and cannot be done as asked: 422.
    Invalid,
    /// Nobody, or nobody known, is asking: 401.
    Unauthenticated,
    /// Known, and not allowed: 403.
    Forbidden,
    /// There is no such thing, or not for this caller: 404.
    NotFound,
    /// It contradicts the present state: 409.
    Conflict,
    /// Too much, too often: 429.
    Limited,
    /// Something needed does not answer now: 503. The outcome may be unknown.
    Unavailable,
    /// A defect of the platform: 500.
    Internal,
    /// A refusal of HTTP itself, with its status code.
    Http(u16),
}

impl Kind {
    /// The status code of this kind (RFC 9110 section 15).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 422,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Limited => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
            Self::Http(status) => status,
        }
    }
}

/// One sort of problem: what stays the same each time it occurs. Its page is `/problems/{code}`.
#[derive(Debug, PartialEq, Eq)]
pub struct About {
    /// Stable, snake_case; what clients branch on.
    pub code: &'static str,
    /// Decides the status.
    pub kind: Kind,
    /// A few words, the same every time (RFC 9457 section 3.1.3).
    pub title: &'static str,
    /// For a person: when it happens and what to do.
    pub explanation: &'static str,
}

/// An error that can be told to a client. `Display` must be safe to show a person.
pub trait Failure: std::error::Error {
    /// Which sort of problem this is.
    fn about(&self) -> &'static About;

    /// The fields that broke a rule, where it is about fields.
    fn fields(&self) -> Vec<FieldError> {
        Vec::new()
    }

    /// After how many seconds it is worth trying again, where that is known.
    fn retry_after_s(&self) -> Option<u64> {
        None
    }
}
