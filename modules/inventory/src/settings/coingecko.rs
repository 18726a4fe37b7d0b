//! The section `[inventory.coingecko]`.

use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use tradepost_platform::settings::one_of;

const PRO_HOST: &str = "pro-api.coingecko.com";
const PUBLIC_HOST: &str = "api.coingecko.com";

/// How CoinGecko is asked, as `config/default.toml` explains.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoinGeckoSettings {
    pub base_url: String,
    #[serde(deserialize_with = "one_of")]
    pub plan: Plan,
    pub api_key: SecretString,
    /// Prices are dollars throughout the platform.
    pub currency: String,
    pub per_page: u32,
    pub pages: u32,
    pub interval_s: u64,
    pub timeout_ms: u64,
    pub max_body_bytes: usize,
    pub categories_refresh_h: u32,
    /// `their category=our word`, the first that fits counts.
    #[serde(deserialize_with = "list")]
    pub categories: Vec<String>,
}

/// What was agreed with CoinGecko, which decides the header that carries the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    Public,
    Demo,
    Pro,
}

impl Plan {
    /// The header that carries the key, where there is one.
    pub const fn header(self) -> Option<&'static str> {
        match self {
            Self::Public => None,
            Self::Demo => Some("x-cg-demo-api-key"),
            Self::Pro => Some("x-cg-pro-api-key"),
        }
    }
}

impl CoinGeckoSettings {
    pub(super) fn check(&self) -> Result<(), String> {
        for (key, value, min, max) in [
            ("per_page", self.per_page.into(), 1, 250),
            ("pages", self.pages.into(), 1, 20),
            ("interval_s", self.interval_s, 10, 3_600),
            ("timeout_ms", self.timeout_ms, 100, 60_000),
            ("max_body_bytes", u64::try_from(self.max_body_bytes).unwrap_or(u64::MAX), 1_024, 67_108_864),
            ("categories_refresh_h", self.categories_refresh_h.into(), 1, 8_760),
        ] {
            if !(min..=max).contains(&value) {
                return Err(format!("inventory.coingecko.{key} must be from {min} to {max}, not {value}"));
            }
        }
        if self.currency != "usd" {
            return Err(
                "inventory.coingecko.currency must be \"usd\": prices are dollars throughout".to_owned()
            );
        }
        let host_and_scheme = self.url().and_then(|url| self.check_key(&url));
        host_and_scheme.and_then(|()| self.mapping().map(drop))
    }

    fn check_key(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        let key = self.api_key.expose_secret();
        let refuse = |sentence: &str| Err(format!("inventory.coingecko.{sentence}"));
        match self.plan {
            Plan::Public if !key.is_empty() => {
                return refuse("api_key is set, but plan = \"public\" has none: say \"demo\" or \"pro\"");
            }
            Plan::Demo | Plan::Pro if key.is_empty() => {
                return refuse("api_key must be set: plan = \"demo\" and plan = \"pro\" need one");
            }
            Plan::Pro if host == PUBLIC_HOST => {
                return refuse(
                    "base_url is that of the public API: plan = \"pro\" has https://pro-api.coingecko.com/api/v3",
                );
            }
            Plan::Public | Plan::Demo if host == PRO_HOST => {
                return refuse(
                    "base_url is that of plan = \"pro\": the others have https://api.coingecko.com/api/v3",
                );
            }
            _ => {}
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse("api_key must be visible ASCII characters");
        }
        let is_here = ["127.0.0.1", "[::1]", "localhost"].contains(&host);
        if url.scheme() == "http" && !key.is_empty() && !is_here {
            return refuse("base_url must be https: a key does not leave this machine unencrypted");
        }
        Ok(())
    }

    /// The address below which the API is.
    pub(crate) fn url(&self) -> Result<Url, String> {
        let url = Url::parse(&self.base_url).ok().filter(|url| {
            let is_plain = url.query().is_none() && url.fragment().is_none();
            let is_anonymous = url.username().is_empty() && url.password().is_none();
            ["http", "https"].contains(&url.scheme()) && url.has_host() && is_plain && is_anonymous
        });
        url.ok_or_else(|| {
            "inventory.coingecko.base_url must be an address like https://api.coingecko.com/api/v3".to_owned()
        })
    }

    /// Each category of theirs with our word for it.
    pub(crate) fn mapping(&self) -> Result<Vec<(String, String)>, String> {
        let is_word = |text: &str| {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=64).contains(&text.len()) && text.bytes().all(fits)
        };
        let pair = |entry: &String| {
            let pair = entry.split_once('=').map(|(theirs, ours)| (theirs.trim(), ours.trim()));
            let pair = pair.filter(|(theirs, ours)| is_word(theirs) && is_word(ours));
            pair.map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned())).ok_or_else(|| {
                format!(
                    "inventory.coingecko.categories must be like \"layer-1=smart-contracts\", not {entry:?}"
                )
            })
        };
        self.categories.iter().map(pair).collect()
    }

    pub(crate) const fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_s)
    }

    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// The 250 largest coins, without a key.
    #[must_use]
    pub fn public() -> Self {
        Self {
            base_url: format!("https://{PUBLIC_HOST}/api/v3"),
            plan: Plan::Public,
            api_key: SecretString::default(),
            currency: "usd".to_owned(),
            per_page: 250,
            pages: 1,
            interval_s: 60,
            timeout_ms: 5_000,
            max_body_bytes: 4_194_304,
            categories_refresh_h: 24,
            categories: Vec::new(),
        }
    }
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
#[path = "coingecko_tests.rs"]
mod tests;
