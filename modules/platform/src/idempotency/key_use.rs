//! What is stored of a key that was used, and what it means for a request under that key.

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tradepost_kernel::Timestamp;
use tradepost_problem::{About, Failure, Kind};

use super::{Answer, KeyedRequest};
use crate::dynamo::Expect;

/// How long a use counts.
const KEPT: TimeDelta = TimeDelta::hours(24);

pub(super) const INVALID_KEY: About = About {
    code: "invalid_idempotency_key",
    kind: Kind::Invalid,
    title: "Invalid Idempotency-Key",
    explanation: "`Idempotency-Key` must be 1 to 255 visible ASCII characters, and be sent once. A UUID is a good \
                  key.",
};
const KEY_REUSED: About = About {
    code: "idempotency_key_reused",
    kind: Kind::Invalid,
    title: "Idempotency-Key used for something else",
    explanation: "Within the last 24 hours this key came with another request to the same route. Nothing was done \
                  now. Send the first request unchanged to have its answer again, or choose a new key.",
};
const IN_FLIGHT: About = About {
    code: "idempotency_in_flight",
    kind: Kind::Conflict,
    title: "First request still running",
    explanation: "The first request under this `Idempotency-Key` has no answer yet. Nothing was done now; send it \
                  again in a moment to have that answer.",
};

/// The problems of keys.
pub const PROBLEMS: &[&About] = &[&INVALID_KEY, &KEY_REUSED, &IN_FLIGHT];

/// Why a request under a key is not carried out; neither is ever kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefusal {
    /// The key was used for another request.
    Reused,
    /// The first request under the key has no answer yet.
    InFlight,
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reused => "This Idempotency-Key was used for another request.",
            Self::InFlight => "The first request under this Idempotency-Key has no answer yet.",
        })
    }
}

impl std::error::Error for KeyRefusal {}

impl Failure for KeyRefusal {
    fn about(&self) -> &'static About {
        match self {
            Self::Reused => &KEY_REUSED,
            Self::InFlight => &IN_FLIGHT,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        (*self == Self::InFlight).then_some(1)
    }
}

/// What is stored under a key that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    fingerprint: String,
    /// The id of what was done under the key, or of the attempt that was refused; never used for anything else.
    pub work: String,
    /// How it was answered, once it was.
    pub answer: Option<Answer>,
    used_at: Timestamp,
    /// Unix second after which the item is rubbish.
    expires_at: i64,
}

/// What a request under a key is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The work, and to write its [`KeyUse`] under this condition.
    First(Expect),
    /// Nothing but give this answer again.
    Again(Answer),
}

impl KeyUse {
    /// The use of a key by a request, at this moment, for this work.
    #[must_use]
    pub fn new(
        request: &KeyedRequest,
        work: impl ToString,
        answer: Option<Answer>,
        used_at: Timestamp,
    ) -> Self {
        Self {
            fingerprint: request.fingerprint().to_owned(),
            work: work.to_string(),
            answer,
            used_at,
            // The store sweeps by whole seconds, and must not sweep what still counts.
            expires_at: (used_at + KEPT).timestamp() + 1,
        }
    }

    /// The Unix second after which the item is rubbish.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// That the item is still the one of this work: the condition for adding the answer. Where it fails, the work
    /// took longer than a key is kept and somebody used the key anew.
    pub fn of_work(work: impl ToString) -> Expect {
        Expect::text("work", work.to_string())
    }
}

impl KeyedRequest {
    /// What an item that was found under the key means for this request.
    ///
    /// # Errors
    /// [`KeyRefusal`] when the key was used for something else, or has no answer yet.
    pub fn verdict(&self, found: Option<&KeyUse>, now: Timestamp) -> Result<Verdict, KeyRefusal> {
        let Some(found) = found else { return Ok(Verdict::First(Expect::Absent)) };
        if now >= found.used_at + KEPT {
            return Ok(Verdict::First(KeyUse::of_work(&found.work)));
        }
        if found.fingerprint != self.fingerprint() {
            return Err(KeyRefusal::Reused);
        }
        found.answer.clone().map(Verdict::Again).ok_or(KeyRefusal::InFlight)
    }
}
