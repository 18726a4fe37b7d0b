//! The section `[gateway]`.

use std::time::Duration;

use chrono::TimeDelta;
use hyper::Uri;
use hyper::http::uri::{Authority, Scheme};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Module;
use crate::breaker::Limits;

/// Where the upstreams are, how long they may take, and when one is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The public listeners that serve the user module, each as `http://host:port`.
    #[serde(deserialize_with = "list")]
    pub user: Vec<String>,
    /// The same of the order module.
    #[serde(deserialize_with = "list")]
    pub order: Vec<String>,
    /// The same of the inventory module.
    #[serde(deserialize_with = "list")]
    pub inventory: Vec<String>,
    /// How long making a connection may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long an upstream may send no byte, in milliseconds.
    pub idle_timeout_ms: u64,
    /// How long an exchange may take, event streams excepted, in milliseconds.
    pub total_timeout_ms: u64,
    /// How long an unused connection is kept, in milliseconds.
    pub keep_alive_ms: u64,
    /// The pause between two health checks of an upstream, in milliseconds.
    pub health_interval_ms: u64,
    /// How long a health check may take, in milliseconds.
    pub health_timeout_ms: u64,
    /// How many failures more than successes open the breaker of an upstream.
    pub breaker_failures: u32,
    /// How long it takes until one failure is forgotten, in milliseconds.
    pub breaker_forget_ms: u64,
    /// How long a breaker stays open until one request tries again, in milliseconds.
    pub breaker_open_ms: u64,
}

impl Settings {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        for module in Module::ALL {
            self.upstreams(module)?;
        }
        for (key, milliseconds) in [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("total_timeout_ms", self.total_timeout_ms),
            ("keep_alive_ms", self.keep_alive_ms),
            ("health_interval_ms", self.health_interval_ms),
            ("health_timeout_ms", self.health_timeout_ms),
            ("breaker_forget_ms", self.breaker_forget_ms),
            ("breaker_open_ms", self.breaker_open_ms),
        ] {
            if !(10..=600_000).contains(&milliseconds) {
                return Err(format!("gateway.{key} must be from 10 to 600000, not {milliseconds}"));
            }
        }
        if !(1..=1000).contains(&self.breaker_failures) {
            return Err(format!(
                "gateway.breaker_failures must be from 1 to 1000, not {}",
                self.breaker_failures
            ));
        }
        Ok(())
    }

    /// Where the upstreams of a module listen.
    pub(crate) fn upstreams(&self, module: Module) -> Result<Vec<Authority>, String> {
        let texts = match module {
            Module::User => &self.user,
            Module::Order => &self.order,
            Module::Inventory => &self.inventory,
        };
        if texts.is_empty() {
            return Err(format!(
                "gateway.{module} must name the public listener of each process that serves the module, such as \
                 http://127.0.0.1:8081"
            ));
        }
        let mut found: Vec<Authority> = Vec::with_capacity(texts.len());
        for text in texts {
            let authority = authority(text).map_err(|rule| format!("gateway.{module}: {text} {rule}"))?;
            if found.contains(&authority) {
                return Err(format!("gateway.{module}: {text} stands there twice"));
            }
            found.push(authority);
        }
        Ok(found)
    }

    pub(crate) fn breaker(&self) -> Limits {
        let span = |ms: u64| TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX / 1_000_000));
        Limits {
            failures: self.breaker_failures,
            forget: span(self.breaker_forget_ms),
            open: span(self.breaker_open_ms),
        }
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(crate) fn total_timeout(&self) -> Duration {
        Duration::from_millis(self.total_timeout_ms)
    }

    pub(crate) fn keep_alive(&self) -> Duration {
        Duration::from_millis(self.keep_alive_ms)
    }

    pub(crate) fn health_interval(&self) -> Duration {
        Duration::from_millis(self.health_interval_ms)
    }

    pub(crate) fn health_timeout(&self) -> Duration {
        Duration::from_millis(self.health_timeout_ms)
    }
}

/// The host and port of a base address, or the rule that it breaks.
fn authority(text: &str) -> Result<Authority, &'static str> {
    const FORM: &str = "must be a base address such as http://127.0.0.1:8081, without a path";
    let uri: Uri = text.parse().map_err(|_| FORM)?;
    if uri.scheme() == Some(&Scheme::HTTPS) {
        return Err(
            "must begin with http://: TLS between processes belongs to the service mesh or the load \
                    balancer, which the gateway reaches by plain HTTP",
        );
    }
    let Some(authority) = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTP)) else {
        return Err(FORM);
    };
    let host = authority.host();
    let is_plain = match authority.port_u16() {
        Some(0) => false,
        Some(port) => authority.as_str() == format!("{host}:{port}"),
        None => authority.as_str() == host,
    };
    if host.is_empty() || !is_plain || uri.path() != "/" || uri.query().is_some() {
        return Err(FORM);
    }
    Ok(authority.clone())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ListOrText {
    List(Vec<String>),
    Text(String),
}

/// A list, or a text with commas between its entries, as variables and the command line have it.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match ListOrText::deserialize(deserializer)? {
        ListOrText::List(list) => list,
        ListOrText::Text(text) => {
            text.split(',').map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect()
        }
    })
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
