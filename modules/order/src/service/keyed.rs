//! Requests that may come under a key, and in each other's way.

use std::ops::ControlFlow;

use tradepost_kernel::{Timestamp, UserId};
use tradepost_platform::dynamo::Expect;
use tradepost_platform::idempotency::{Done, Once, Told, Verdict};

use super::OrderService;
use crate::OrderError;
use crate::store::{Inserted, Known};

/// How often a request starts over when somebody else was faster, before it is given up as busy.
pub(super) const MOST_RACES: usize = 8;

/// One attempt at a request.
pub(super) struct Attempt<'a, R> {
    pub user: UserId,
    pub known: Known,
    pub once: &'a Once<R>,
    /// On which condition the key is used.
    pub expect: Expect,
    pub now: Timestamp,
}

/// How an attempt went.
pub(super) enum Attempted<R> {
    Over(Done<R>),
    /// Somebody else was faster, and this is how things stand now.
    Raced(Box<Known>),
}

impl OrderService {
    /// Begins an attempt, unless the request was answered before under its key.
    pub(super) fn begin<'a, R>(
        &self,
        user: UserId,
        known: Known,
        once: &'a Once<R>,
    ) -> Result<ControlFlow<Done<R>, Attempt<'a, R>>, OrderError> {
        let now = self.clock.now();
        Ok(match once.verdict(known.key_use.as_ref(), now)? {
            Verdict::First(expect) => ControlFlow::Continue(Attempt { user, known, once, expect, now }),
            Verdict::Again(answer) => ControlFlow::Break(Done::Told(Told::again(answer))),
        })
    }

    /// Ends a request for which no order has to be written: its answer is kept under its key, if it has one.
    pub(super) async fn conclude<R>(
        &self,
        attempt: Attempt<'_, R>,
        work: impl ToString,
        result: Result<R, OrderError>,
    ) -> Result<Attempted<R>, OrderError> {
        let Attempt { user, known, once, expect, now } = attempt;
        let answer = match &result {
            _ if once.request().is_none() => None,
            Ok(result) => Some(once.success(result)),
            Err(refusal) => once.refusal(refusal),
        };
        if let Some(answer) = answer
            && let Some(key) = once.key_write(expect, work, Some(answer), now)
            && let Inserted::Used(key_use) = self.store.keep(user, &key).await?
        {
            return Ok(Attempted::Raced(Box::new(Known { key_use, ..known })));
        }
        over(result, once)
    }
}

/// What is answered. A refusal is an answer of its own under a key.
pub(super) fn over<R>(result: Result<R, OrderError>, once: &Once<R>) -> Result<Attempted<R>, OrderError> {
    let refusal = match result {
        Ok(result) => return Ok(Attempted::Over(Done::Now(result))),
        Err(refusal) => refusal,
    };
    match once.refusal(&refusal) {
        Some(answer) => Ok(Attempted::Over(Done::Told(Told::first(answer)))),
        None => Err(refusal),
    }
}
