//! How many requests there may be a minute, by policies that the composition root makes.

use std::num::NonZeroU32;
use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::RETRY_AFTER;
use governor::Quota;
use governor::clock::Clock as GovernorClock;
use tradepost_kernel::Clock;
use tradepost_problem::{About, Kind, Rejection};

use super::allowance::{Elapsed, Keys, Limiter, limiter};
use super::standing::Standings;

pub(super) const RATE_LIMITED: About = About {
    code: "rate_limited",
    kind: Kind::Limited,
    title: "Too many requests",
    explanation: "More requests than allowed came from this address or this user. Try again after the time in \
                  `Retry-After`. `RateLimit-Policy` names the limits, requests a minute, and `RateLimit` says how much \
                  of each is left.",
};

/// The most addresses, and the most users, that are remembered; either takes some 40 MB at most.
const MAX_KEYS: u64 = 100_000;

/// Whether a request belongs to a class, by its method and its path, percent-decoded as the router sees it.
pub type Class = fn(&Method, &str) -> bool;

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Those from one address, or from one /64 of IPv6.
    Address,
    /// Those with a valid token of one user.
    User,
}

/// One limit: as many requests at once, and as many more each minute, evenly spread.
#[derive(Clone, Copy)]
pub struct Policy {
    /// How it is called in headers and metrics; letters, digits, `-` and `_`.
    pub name: &'static str,
    /// Whose requests are counted together.
    pub each: Each,
    /// Requests a minute; 0 switches the policy off.
    pub per_minute: u32,
    /// Which requests are counted.
    pub counts: Class,
}

/// The policies of a listener and what they have counted.
pub struct RateLimits {
    policies: Vec<Limited>,
    exempt: Class,
    clock: Arc<dyn Clock>,
}

/// A policy that is switched on.
pub(super) struct Limited {
    pub policy: Policy,
    limiter: Limiter,
}

impl RateLimits {
    /// Policies in the order in which they count, those for each address before those for each user. A request that
    /// one refuses is not counted by those after it. What is `exempt` is not limited at all.
    #[must_use]
    pub fn new(policies: &[Policy], exempt: Class, clock: Arc<dyn Clock>) -> Self {
        let time = Elapsed::new(Arc::clone(&clock));
        let (addresses, users) = (Keys::new(MAX_KEYS, policies.len()), Keys::new(MAX_KEYS, policies.len()));
        let limited = policies.iter().enumerate().filter_map(|(index, policy)| {
            let quota = Quota::per_minute(NonZeroU32::new(policy.per_minute)?);
            let keys = if policy.each == Each::Address { &addresses } else { &users };
            Some(Limited { policy: *policy, limiter: limiter(quota, keys, index, &time) })
        });
        Self { policies: limited.collect(), exempt, clock }
    }

    pub(super) fn is_limited(&self, request: &ServiceRequest) -> bool {
        !(self.exempt)(request.method(), request.match_info().as_str())
    }

    pub(super) fn has(&self, each: Each) -> bool {
        self.policies.iter().any(|limited| limited.policy.each == each)
    }

    /// Counts a request under every policy for `each` that it belongs to, and notes where each stands.
    pub(super) fn draw(
        &self,
        each: Each,
        key: u128,
        request: &ServiceRequest,
        standings: &mut Standings,
    ) -> Result<(), Rejection> {
        let (method, path) = (request.method(), request.match_info().as_str());
        standings.now_s = self.clock.now().timestamp();
        for limited in &self.policies {
            if limited.policy.each == each && (limited.policy.counts)(method, path) {
                limited.draw(key, standings)?;
            }
        }
        Ok(())
    }
}

impl Limited {
    fn draw(&self, key: u128, standings: &mut Standings) -> Result<(), Rejection> {
        let refusal = match self.limiter.check_key(&key) {
            Ok(snapshot) => {
                let grows_in_s = 60_u64.div_ceil(self.policy.per_minute.into());
                standings.note(&self.policy, snapshot.remaining_burst_capacity(), grows_in_s);
                return Ok(());
            }
            Err(refusal) => refusal,
        };
        let wait = refusal.wait_time_from(self.limiter.clock().now());
        let wait_s = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
        standings.note(&self.policy, 0, wait_s);
        metrics::counter!("rate_limited_requests_total", "policy" => self.policy.name).increment(1);
        let unit = if wait_s == 1 { "second" } else { "seconds" };
        let detail = format!("There were too many requests. Try again in {wait_s} {unit}.");
        Err(Rejection::new(&RATE_LIMITED, detail).with_header(RETRY_AFTER, wait_s.into()))
    }
}
