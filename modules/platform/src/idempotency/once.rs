//! Work that is done once, with or without a key.

use tradepost_kernel::Timestamp;
use tradepost_problem::http::VALIDATION;
use tradepost_problem::{Failure, Kind, Rejection};

use super::{Answer, KeyRefusal, KeyUse, KeyedRequest, Verdict};
use crate::dynamo::Expect;

/// A request to do something whose result is an `R`, and how that result is answered.
#[derive(Clone, Debug)]
pub struct Once<R> {
    request: Option<KeyedRequest>,
    tell: fn(&R) -> Answer,
}

/// The item to be written in the same transaction as the work.
#[derive(Clone, Debug)]
pub struct KeyWrite {
    /// Where, among the items of the user: [`KeyedRequest::scope`].
    pub scope: String,
    /// What.
    pub item: KeyUse,
    /// On which condition.
    pub expect: Expect,
}

impl<R> Once<R> {
    /// Without a key the work is done each time.
    pub fn new(request: Option<KeyedRequest>, tell: fn(&R) -> Answer) -> Self {
        Self { request, tell }
    }

    /// The request, if it came under a key.
    #[must_use]
    pub fn request(&self) -> Option<&KeyedRequest> {
        self.request.as_ref()
    }

    /// What is to be done, seeing what was found under the key. Without a key it is always the first time.
    ///
    /// # Errors
    /// [`KeyRefusal`] when the key was used for something else, or has no answer yet.
    pub fn verdict(&self, found: Option<&KeyUse>, now: Timestamp) -> Result<Verdict, KeyRefusal> {
        self.request
            .as_ref()
            .map_or(Ok(Verdict::First(Expect::Absent)), |request| request.verdict(found, now))
    }

    /// How a result is answered.
    #[must_use]
    pub fn success(&self, result: &R) -> Answer {
        (self.tell)(result)
    }

    /// How a refusal is answered, if it is one that is kept: what the state of things made of a request that is
    /// in order. `None` without a key.
    pub fn refusal<F: Failure + Clone>(&self, refusal: &F) -> Option<Answer> {
        let is_of_business =
            matches!(refusal.about().kind, Kind::Invalid | Kind::Forbidden | Kind::NotFound | Kind::Conflict);
        let is_kept = is_of_business && *refusal.about() != VALIDATION;
        let request = self.request.as_ref().filter(|_| is_kept)?;
        Some(request.refusal(Rejection::from(refusal.clone())))
    }

    /// The item that says what was done, `None` without a key.
    pub fn key_write(
        &self,
        expect: Expect,
        work: impl ToString,
        answer: Option<Answer>,
        at: Timestamp,
    ) -> Option<KeyWrite> {
        let request = self.request.as_ref()?;
        Some(KeyWrite { scope: request.scope(), item: KeyUse::new(request, work, answer, at), expect })
    }
}
