//! What every answer says of the limits: `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers-11), and the older `X-RateLimit-*` for the limit that is nearest.

use std::fmt::Write;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::Policy;

const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Where a request stands under the policies that counted it.
#[derive(Default)]
pub(super) struct Standings {
    /// The present, in Unix seconds.
    pub now_s: i64,
    policies: String,
    limits: String,
    tightest: Option<Tightest>,
}

struct Tightest {
    limit: u32,
    remaining: u32,
}

impl Standings {
    /// Notes that this much is left under a policy, and that it does not grow for so long.
    pub fn note(&mut self, policy: &Policy, remaining: u32, grows_in_s: u64) {
        let (name, limit) = (policy.name, policy.per_minute);
        let separator = if self.limits.is_empty() { "" } else { ", " };
        // Writing to a text cannot fail.
        let _ = write!(self.policies, "{separator}\"{name}\";q={limit};w=60");
        let _ = write!(self.limits, "{separator}\"{name}\";r={remaining};t={grows_in_s}");
        if self.tightest.as_ref().is_none_or(|tightest| remaining <= tightest.remaining) {
            self.tightest = Some(Tightest { limit, remaining });
        }
    }

    /// Puts the headers on an answer; none where no policy counted the request.
    pub fn write(self, headers: &mut HeaderMap) {
        let Some(Tightest { limit, remaining }) = self.tightest else { return };
        let whole_in_s = (u64::from(limit - remaining.min(limit)) * 60).div_ceil(limit.into());
        headers.insert(X_LIMIT, limit.into());
        headers.insert(X_REMAINING, remaining.into());
        headers.insert(X_RESET, self.now_s.saturating_add_unsigned(whole_in_s).into());
        for (name, text) in [(RATELIMIT_POLICY, self.policies), (RATELIMIT, self.limits)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}
