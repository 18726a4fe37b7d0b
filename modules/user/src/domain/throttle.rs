//! The login throttle: after so many failed guesses at passwords within five minutes, an account or a network may
//! not guess for five minutes more. An attempt is taken before the password is looked at and given back if it was
//! right; so guesses made at the same time cannot all slip through.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tradepost_kernel::Timestamp;
use tradepost_kernel::ids::Id;

use crate::fields::Username;

/// For this long an attempt counts, and for this long a block lasts.
const WINDOW: TimeDelta = TimeDelta::seconds(300);

/// Marks [`AttemptId`].
#[derive(Debug)]
pub enum Guess {}
/// Names one attempt, so that it can be given back.
pub type AttemptId = Id<Guess>;

/// What attempts are counted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The name that was given, whether somebody has it or not.
    Account(Username),
    /// Where the attempt came from.
    Network(Network),
}

impl Scope {
    /// For logs, which must not carry names and addresses.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Network(_) => "network",
        }
    }
}

/// Where attempts come from: an IPv4 address, or the /64 of an IPv6 address, all of which one client may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// The attempts of one scope that count: those that failed, and those that are not decided yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    attempts: Vec<Attempt>,
    /// Set by the attempt that used up the last try.
    blocked_until: Option<Timestamp>,
    /// Raised by every change; what a write is conditional on. Zero while nothing is stored.
    pub version: u64,
    /// Unix second after which nothing in it counts any more.
    expires_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    id: AttemptId,
    at: Timestamp,
}

impl Throttle {
    /// Counts one more attempt, or answers how long there may be none. What is refused leaves no trace, so it
    /// does not prolong the block. One that counts already, because it was written although no answer said so,
    /// counts once.
    pub fn take(&self, id: AttemptId, now: Timestamp, limit: usize) -> Result<Self, TimeDelta> {
        if self.attempts.iter().any(|attempt| attempt.id == id) {
            return Ok(Self { version: self.version + 1, ..self.clone() });
        }
        if let Some(until) = self.blocked_until.filter(|until| now < *until) {
            return Err(until - now);
        }
        let counting = self.attempts.iter().filter(|attempt| now - attempt.at < WINDOW);
        let attempts: Vec<_> = counting.cloned().chain([Attempt { id, at: now }]).collect();
        Ok(Self {
            blocked_until: (attempts.len() >= limit).then(|| now + WINDOW),
            attempts,
            version: self.version + 1,
            expires_at: (now + WINDOW).timestamp() + 1,
        })
    }

    /// Takes an attempt out of the count again, because its password was right. A block that this leaves with
    /// fewer failures than it takes ends.
    pub fn give_back(&self, id: AttemptId, limit: usize) -> Self {
        let attempts: Vec<_> = self.attempts.iter().filter(|attempt| attempt.id != id).cloned().collect();
        Self {
            blocked_until: self.blocked_until.filter(|_| attempts.len() >= limit),
            attempts,
            version: self.version + 1,
            expires_at: self.expires_at,
        }
    }

    /// Until when there may be no attempt, as of the last one that was taken.
    pub fn blocked_until(&self) -> Option<Timestamp> {
        self.blocked_until
    }
}

/// A time in seconds, rounded up, so that whoever waits as long is not too early.
pub fn whole_seconds(time: TimeDelta) -> u64 {
    let milliseconds = u64::try_from(time.num_milliseconds()).unwrap_or(0);
    milliseconds.div_ceil(1000)
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
