//! What clients are told when no upstream answered.

use std::fmt;

use tradepost_problem::{About, Failure, Kind, Outage};

pub(crate) const BAD_GATEWAY: About = About {
    code: "bad_gateway",
    kind: Kind::Http(502),
    title: "Bad gateway",
    explanation: "The service behind this path broke the connection, or its answer could not be read. A request that \
                  changes something may or may not have taken effect: look before repeating it, or repeat it with \
                  the same Idempotency-Key where the route accepts one.",
};
pub(crate) const GATEWAY_TIMEOUT: About = About {
    code: "gateway_timeout",
    kind: Kind::Http(504),
    title: "Gateway timeout",
    explanation: "The service behind this path did not answer in time. A request that changes something may or may \
                  not have taken effect: look before repeating it, or repeat it with the same Idempotency-Key where \
                  the route accepts one.",
};

/// The problems of the gateway, beside the one that every process has where another cannot be reached.
pub const PROBLEMS: &[&About] = &[&BAD_GATEWAY, &GATEWAY_TIMEOUT];

/// That nobody can be reached: the same problem as where one module cannot reach another.
pub(crate) fn service_unavailable() -> &'static About {
    Outage::Peer.about()
}

/// What a request that got no answer may have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It was not sent.
    None,
    /// It changes nothing.
    Harmless,
    /// Unknown, and repeating it does it once all the same.
    Keyed,
    /// Unknown.
    Unknown,
}

impl Effect {
    const fn sentence(self) -> &'static str {
        match self {
            Self::None => "The request was not carried out. Please try again.",
            Self::Harmless => "Please try again.",
            Self::Keyed => {
                "Whether the request took effect is not known. Repeat it with the same Idempotency-Key."
            }
            Self::Unknown => "Whether the request took effect is not known. Look before repeating it.",
        }
    }
}

/// A request to which no upstream gave an answer that could be passed on.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub about: &'static About,
    pub effect: Effect,
    pub retry_after_s: u64,
}

impl Unanswered {
    pub const fn new(about: &'static About, effect: Effect) -> Self {
        Self { about, effect, retry_after_s: 1 }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.about.kind.status() {
            502 => "The service behind this path gave no readable answer.",
            504 => "The service behind this path did not answer in time.",
            _ => "The service behind this path cannot be reached now.",
        };
        write!(f, "{what} {}", self.effect.sentence())
    }
}

impl std::error::Error for Unanswered {}

impl Failure for Unanswered {
    fn about(&self) -> &'static About {
        self.about
    }

    fn retry_after_s(&self) -> Option<u64> {
        Some(self.retry_after_s)
    }
}
