//! The requests to CoinGecko: what is sent, and what each way of failing means.

use std::error::Error;
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode, Url};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use tradepost_kernel::Timestamp;

use crate::feed::FeedError;
use crate::settings::CoinGeckoSettings;

const USER_AGENT: &str = concat!("tradepost/", env!("CARGO_PKG_VERSION"));
/// The longest silence that is believed.
const LONGEST_SILENCE_S: u64 = 86_400;

/// Asks CoinGecko.
pub struct Client {
    http: reqwest::Client,
    markets: Url,
    currency: String,
    timeout: Duration,
    max_body_bytes: usize,
}

impl Client {
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn new(settings: &CoinGeckoSettings) -> Result<Self, String> {
        let mut markets = settings.url()?;
        if let Ok(mut path) = markets.path_segments_mut() {
            path.pop_if_empty().extend(["coins", "markets"]);
        }
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(key(settings)?)
            .redirect(Policy::none())
            .no_proxy()
            .https_only(markets.scheme() == "https")
            .build();
        Ok(Self {
            http: http.map_err(|error| format!("CoinGecko cannot be asked: {}", cause(&error)))?,
            markets,
            currency: settings.currency.clone(),
            timeout: settings.timeout(),
            max_body_bytes: settings.max_body_bytes,
        })
    }

    /// One page of the largest coins, of all or of one category, as it was written.
    pub async fn markets(
        &self,
        per_page: u32,
        page: u32,
        category: Option<&str>,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Vec<u8>, FeedError> {
        let mut url = self.markets.clone();
        url.query_pairs_mut()
            .append_pair("vs_currency", &self.currency)
            .append_pair("order", "market_cap_desc")
            .append_pair("per_page", &per_page.to_string())
            .append_pair("page", &page.to_string())
            .append_pair("price_change_percentage", "24h,7d,30d")
            .append_pair("locale", "en")
            .extend_pairs(category.map(|category| ("category", category)));
        let rest = self.timeout.min(deadline.saturating_duration_since(Instant::now()));
        if rest.is_zero() {
            return Err(FeedError::Unavailable("no time is left to ask".to_owned()));
        }
        let sent = self.http.get(url).timeout(rest).send().await;
        let response = sent.map_err(|error| unavailable(&error))?;
        match response.status() {
            StatusCode::OK => self.body(response).await,
            StatusCode::TOO_MANY_REQUESTS => {
                Err(FeedError::Limited { retry_after: retry_after(response.headers(), now) })
            }
            status => {
                if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status) {
                    tracing::error!(
                        status = status.as_u16(),
                        "CoinGecko does not accept inventory.coingecko.api_key, or wants one"
                    );
                }
                Err(FeedError::Unavailable(format!("status {}", status.as_u16())))
            }
        }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, FeedError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(&error))? {
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(FeedError::Malformed(format!("it is larger than {} bytes", self.max_body_bytes)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// What is behind an error in the end.
fn cause(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), cause)
}

/// The header with the key, if the plan has one.
fn key(settings: &CoinGeckoSettings) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Some(name) = settings.plan.header() {
        let mut value = HeaderValue::from_str(settings.api_key.expose_secret())
            .map_err(|_| "inventory.coingecko.api_key must be visible ASCII characters".to_owned())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn unavailable(error: &reqwest::Error) -> FeedError {
    FeedError::Unavailable(if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        format!("no connection: {}", cause(error))
    } else {
        format!("the connection broke: {}", cause(error))
    })
}

/// How long not to ask: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse::<u64>().ok().or_else(|| {
        let date = DateTime::parse_from_rfc2822(text).ok()?;
        Some(u64::try_from(date.signed_duration_since(now).num_seconds()).unwrap_or_default())
    })?;
    Some(Duration::from_secs(seconds.min(LONGEST_SILENCE_S)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

    use super::retry_after;

    #[test]
    fn a_pause_is_seconds_or_a_date_and_at_most_a_day() {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 90 ", Some(90)),
            ("86400", Some(86_400)),
            ("86401", Some(86_400)),
            ("18446744073709551615", Some(86_400)),
            ("Sun, 01 Mar 2026 12:02:00 GMT", Some(120)),
            ("Sun, 01 Mar 2026 11:00:00 GMT", Some(0)),
            ("Mon, 01 Mar 2027 12:00:00 GMT", Some(86_400)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
