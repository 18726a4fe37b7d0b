//! Something the platform leans on did not answer.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{About, Failure, Kind};

const STORAGE: About = About {
    code: "storage_unavailable",
    kind: Kind::Unavailable,
    title: "Storage unavailable",
    explanation: "The store did not answer in time. The request may or may not have taken effect: look before \
                  repeating it, or repeat it with the same Idempotency-Key where the route accepts one.",
};
const BUSY: About = About {
    code: "too_busy",
    kind: Kind::Unavailable,
    title: "Too busy",
    explanation: "Too many requests want the same thing at once and this one gave up waiting. Nothing was \
                  changed by it; try again.",
};
const PEER: About = About {
    code: "service_unavailable",
    kind: Kind::Unavailable,
    title: "Service unavailable",
    explanation: "A part of the platform that this needs did not answer. Unless `detail` says that the request was \
                  not carried out, it may or may not have taken effect: look before repeating it, or repeat it with \
                  the same Idempotency-Key where the route accepts one.",
};
const INTERNAL: About = About {
    code: "internal_error",
    kind: Kind::Internal,
    title: "Internal error",
    explanation: "A defect of the platform. It has been logged under the request id of the answer; quote that \
                  id when you report it.",
};

/// The problems an [`Outage`] can be.
pub const OUTAGES: &[&About] = &[&STORAGE, &BUSY, &PEER, &INTERNAL];

/// No answer, or none that makes sense, from something needed. It is logged with its cause where it is made,
/// once, and carries only what may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outage")]
pub enum Outage {
    /// The store did not answer; whether a write took effect is unknown.
    Storage,
    /// Contention that retries could not resolve; nothing was written.
    Busy,
    /// Another process did not answer, or not in words that can be read; whether it did what was asked is unknown.
    Peer,
    /// What was stored or computed contradicts itself.
    Internal,
}

impl Outage {
    /// The store did not answer: logs the cause.
    #[must_use]
    pub fn storage(operation: &str, cause: &dyn fmt::Display) -> Self {
        tracing::error!(operation, %cause, "the store did not answer");
        Self::Storage
    }

    /// Lost too many races: logs what for.
    #[must_use]
    pub fn busy(operation: &str) -> Self {
        tracing::warn!(operation, "gave up after losing too many races");
        Self::Busy
    }

    /// Another process did not answer: logs the cause.
    #[must_use]
    pub fn peer(operation: &str, cause: &dyn fmt::Display) -> Self {
        tracing::error!(operation, %cause, "another process did not answer");
        Self::Peer
    }

    /// A defect: logs the cause.
    #[must_use]
    pub fn internal(operation: &str, cause: &dyn fmt::Display) -> Self {
        tracing::error!(operation, %cause, "internal error");
        Self::Internal
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Storage => {
                "The store did not answer in time. Whether the request took effect is not known."
            }
            Self::Busy => "The platform is too busy to do this now. Please try again.",
            Self::Peer => {
                "A part of the platform did not answer in time. Whether the request took effect is not known."
            }
            Self::Internal => "Something went wrong on our side. It has been logged under this request id.",
        })
    }
}

impl std::error::Error for Outage {}

impl Failure for Outage {
    fn about(&self) -> &'static About {
        match self {
            Self::Storage => &STORAGE,
            Self::Busy => &BUSY,
            Self::Peer => &PEER,
            Self::Internal => &INTERNAL,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        (!matches!(self, Self::Internal)).then_some(1)
    }
}
