//! Which requests are limited, and how: the classes of the guard's policies and the section `[rate_limits]`.

use std::sync::Arc;

use actix_web::http::Method;
use serde::Deserialize;
use tradepost_kernel::Clock;
use tradepost_platform::guard::{Each, Guard, HeadLimits, Policy, RateLimits, TrustedProxies};

use crate::config::{ConfigError, ServerSettings};

const API: &str = "/api/v1/";
const AUTH: &str = "/api/v1/auth/";

/// The section `[rate_limits]`: requests a minute; 0 switches a limit off.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSettings {
    /// Of every kind, from one address.
    pub per_address: u32,
    /// With a valid token of one user.
    pub per_user: u32,
    /// To sign up, log in and the like, from one address.
    pub auth_per_address: u32,
    /// That change something outside of that, by one user.
    pub money_per_user: u32,
    /// That only read, from one address.
    pub reads_per_address: u32,
}

impl RateLimitSettings {
    const MAX: u32 = 1_000_000_000;

    pub fn check(&self) -> Result<(), ConfigError> {
        for (name, value) in [
            ("per_address", self.per_address),
            ("per_user", self.per_user),
            ("auth_per_address", self.auth_per_address),
            ("money_per_user", self.money_per_user),
            ("reads_per_address", self.reads_per_address),
        ] {
            if value > Self::MAX {
                return Err(ConfigError::new(format!("rate_limits.{name} must be at most {}.", Self::MAX)));
            }
        }
        Ok(())
    }

    /// Each class in the order in which it counts: from what is widest and cheapest to find out.
    fn policies(&self) -> [Policy; 5] {
        let policy = |name, each, per_minute, counts| Policy { name, each, per_minute, counts };
        [
            policy("address", Each::Address, self.per_address, |_, _| true),
            policy("auth", Each::Address, self.auth_per_address, |_, path| path.starts_with(AUTH)),
            policy("reads", Each::Address, self.reads_per_address, is_read),
            policy("user", Each::User, self.per_user, |_, _| true),
            policy("money", Each::User, self.money_per_user, moves_money),
        ]
    }
}

fn is_read(method: &Method, path: &str) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && path.starts_with(API)
}

fn moves_money(method: &Method, path: &str) -> bool {
    !method.is_safe() && !path.starts_with(AUTH)
}

/// What must be able to ask at any time: probes, the collector of metrics, and browsers before they ask.
fn is_exempt(method: &Method, path: &str) -> bool {
    *method == Method::OPTIONS || path == "/metrics" || path == "/health" || path.starts_with("/health/")
}

/// The guard of a public listener.
///
/// # Errors
/// The setting that is wrong.
pub fn guard(
    server: &ServerSettings,
    limits: &RateLimitSettings,
    clock: Arc<dyn Clock>,
) -> Result<Guard, ConfigError> {
    let head = HeadLimits { max_uri_bytes: server.max_uri_bytes, max_head_bytes: server.max_head_bytes };
    let rates = RateLimits::new(&limits.policies(), is_exempt, clock);
    Ok(Guard::new(server.proxies()?, head, rates))
}

impl ServerSettings {
    /// The proxies whose word on the client's address counts.
    ///
    /// # Errors
    /// The entry that is wrong.
    pub fn proxies(&self) -> Result<TrustedProxies, ConfigError> {
        TrustedProxies::parse(&self.trusted_proxies)
            .map_err(|error| ConfigError::new(format!("server.trusted_proxies: {error}.")))
    }
}
