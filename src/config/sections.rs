//! The sections of the settings that belong to the process and to no module, and what is right in them.

use secrecy::SecretString;
use serde::Deserialize;
use tradepost_platform::auth::TokenSettings;

use super::{ConfigError, list};

/// The section `[server]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// The address of the public API.
    pub listen: String,
    /// Where other processes call the modules of this one; empty opens no such listener.
    pub internal_listen: String,
    /// Threads that answer requests; 0 is one per core.
    pub workers: usize,
    /// Larger bodies are refused.
    pub max_body_bytes: usize,
    /// Longer addresses are refused.
    pub max_uri_bytes: usize,
    /// Requests whose header lines are together larger are refused.
    pub max_head_bytes: usize,
    /// How many connections there may be; more wait to be accepted.
    pub max_connections: usize,
    /// How long a connection is kept open without a request, in seconds; 0 closes it after an answer.
    pub keep_alive_s: u64,
    /// How long a client may take to send the head of a request, in milliseconds.
    pub client_timeout_ms: u64,
    /// How long a client may take to send the body of a request, in milliseconds.
    pub body_timeout_ms: u64,
    /// How long the process stays up, not ready, after a stop signal, in milliseconds.
    pub drain_ms: u64,
    /// How long requests may take to finish after that, in seconds.
    pub shutdown_timeout_s: u64,
    /// Addresses and networks of proxies that are believed on whom they pass on, and what was asked for.
    #[serde(deserialize_with = "list")]
    pub trusted_proxies: Vec<String>,
    /// Origins of browser clients.
    #[serde(deserialize_with = "list")]
    pub cors_origins: Vec<String>,
    /// Whether browser clients on this machine are allowed.
    pub allow_localhost: bool,
}

/// The section `[peers]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerSettings {
    /// The internal address of a process that serves `user`; empty where this process does.
    pub user: String,
    /// The internal address of a process that serves `inventory`; empty where this process does.
    pub inventory: String,
    /// How long a call may take, a second try included, in milliseconds.
    pub timeout_ms: u64,
}

/// The section `[auth]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSettings {
    /// The key that signs access tokens; empty is made and kept in the data folder.
    pub signing_key: SecretString,
    /// What other keys are derived from; empty is made and kept in the data folder.
    pub service_secret: SecretString,
    /// `iss` of access tokens.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
}

impl ServerSettings {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |sentence: &str| Err(ConfigError(sentence.to_owned()));
        if !is_address(&self.listen) {
            return refuse("server.listen must be an address and a port, such as 127.0.0.1:8080.");
        }
        if !self.internal_listen.is_empty() && !is_address(&self.internal_listen) {
            return refuse("server.internal_listen must be an address and a port, such as 127.0.0.1:9090.");
        }
        if self.workers > 512 {
            return refuse("server.workers must be at most 512.");
        }
        if self.max_body_bytes < 1024 {
            return refuse("server.max_body_bytes must be at least 1024.");
        }
        // Beyond these the parser refuses before the guard can say why.
        if !(256..=65_534).contains(&self.max_uri_bytes) || !(1024..=131_072).contains(&self.max_head_bytes) {
            return refuse(
                "server.max_uri_bytes must be from 256 to 65534, and server.max_head_bytes from 1024 to 131072.",
            );
        }
        if !(1..=1_000_000).contains(&self.max_connections) || self.keep_alive_s > 3600 {
            return refuse(
                "server.max_connections must be from 1 to 1000000, and server.keep_alive_s at most 3600.",
            );
        }
        self.proxies()?;
        let timeouts = [self.client_timeout_ms, self.body_timeout_ms];
        if !timeouts.iter().all(|timeout| (100..=600_000).contains(timeout)) {
            return refuse("server.client_timeout_ms and server.body_timeout_ms must be from 100 to 600000.");
        }
        Ok(())
    }
}

/// Whether a text is a host and a port.
fn is_address(text: &str) -> bool {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

impl PeerSettings {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, address) in [("user", &self.user), ("inventory", &self.inventory)] {
            let host = address.strip_prefix("http://").map(|host| host.trim_end_matches('/'));
            if !address.is_empty() && !host.is_some_and(|host| !host.contains('/') && is_address(host)) {
                return Err(ConfigError(format!(
                    "peers.{key} must be the internal address of another process, such as http://{key}:9090; \
                     encryption between processes is the network's task."
                )));
            }
        }
        if !(100..=60_000).contains(&self.timeout_ms) {
            return Err(ConfigError("peers.timeout_ms must be from 100 to 60000.".to_owned()));
        }
        Ok(())
    }
}

impl AuthSettings {
    /// What access tokens say of themselves.
    #[must_use]
    pub fn tokens(&self) -> TokenSettings {
        TokenSettings { issuer: self.issuer.clone(), audience: self.audience.clone() }
    }
}
