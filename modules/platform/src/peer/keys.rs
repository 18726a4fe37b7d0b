//! The public keys that another process publishes.

use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::jwk::JwkSet;
use tradepost_problem::Outage;

use super::call::chain;
use crate::auth::KeySource;

/// The key set at `/.well-known/jwks.json` of one of several addresses.
pub struct PublishedKeys {
    http: reqwest::Client,
    addresses: Vec<String>,
    timeout: Duration,
}

impl PublishedKeys {
    /// The keys that these addresses (`http://host:port`) publish; each has all of them, and may take `timeout` to
    /// tell.
    #[must_use]
    pub const fn new(http: reqwest::Client, addresses: Vec<String>, timeout: Duration) -> Self {
        Self { http, addresses, timeout }
    }

    async fn fetch_from(&self, address: &str) -> Result<JwkSet, String> {
        let url = format!("{}/.well-known/jwks.json", address.trim_end_matches('/'));
        let response =
            self.http.get(url).timeout(self.timeout).send().await.map_err(|error| chain(&error))?;
        let body = response.error_for_status().map_err(|error| chain(&error))?.bytes().await;
        serde_json::from_slice(&body.map_err(|error| chain(&error))?).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl KeySource for PublishedKeys {
    async fn fetch(&self) -> Result<JwkSet, Outage> {
        let mut last = "no address is known".to_owned();
        for address in &self.addresses {
            match self.fetch_from(address).await {
                Ok(keys) => return Ok(keys),
                Err(cause) => last = cause,
            }
        }
        Err(Outage::peer("fetch the public keys", &last))
    }
}
