//! The calling half.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use rand::RngExt;
use reqwest::header::CONTENT_TYPE;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tradepost_kernel::UserId;
use tradepost_problem::Outage;

use super::answer::UNTRUSTED;
use super::{DEADLINE, SERVICE_TOKEN, ServiceTokens};
use crate::journey::Journey;

/// The longest pause before a call without an answer is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// What all peers of a process share: connections and the key of the tokens. Cheap to clone.
#[derive(Clone)]
pub struct PeerClient {
    http: reqwest::Client,
    tokens: Arc<ServiceTokens>,
    timeout: Duration,
}

/// The HTTP client for calls between the processes of a platform.
///
/// # Errors
/// [`Outage::Internal`] when it cannot be made.
pub fn http_client() -> Result<reqwest::Client, Outage> {
    reqwest::Client::builder()
        .no_proxy()
        // Processes talk plain HTTP, also on a machine without certificate authorities.
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(1))
        // Shorter than a listener keeps a connection open, so that none is used as it closes.
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
        .map_err(|error| Outage::internal("HTTP client", &error))
}

impl PeerClient {
    /// A client whose calls take at most `timeout`, their second try included.
    #[must_use]
    pub const fn new(http: reqwest::Client, tokens: Arc<ServiceTokens>, timeout: Duration) -> Self {
        Self { http, tokens, timeout }
    }

    /// The module `callee` at `address` (`http://host:port`), as `caller` calls it.
    #[must_use]
    pub fn peer(&self, caller: &'static str, callee: &'static str, address: &str) -> Peer {
        let base = format!("{}/internal/{callee}", address.trim_end_matches('/'));
        Peer { client: self.clone(), base, caller, callee }
    }
}

/// A module that another process serves.
pub struct Peer {
    client: PeerClient,
    base: String,
    caller: &'static str,
    callee: &'static str,
}

/// The part of a problem document from which an error is rebuilt.
#[derive(Deserialize)]
struct Refusal<E> {
    error: E,
}

/// A problem document of the listener, which carries no error of the method.
#[derive(Deserialize)]
struct Bare {
    code: String,
}

impl Peer {
    /// Calls a method on behalf of `user`, if there is one.
    ///
    /// # Errors
    /// The refusal of the other side, as it made it, or an [`Outage`], after which the outcome is unknown.
    pub async fn call<A, R, E>(&self, method: &str, user: Option<UserId>, argument: &A) -> Result<R, E>
    where
        A: Serialize,
        R: DeserializeOwned,
        E: DeserializeOwned + From<Outage>,
    {
        let started = Instant::now();
        let answer = self.call_in_time(method, user, argument).await;
        let outcome = if answer.is_ok() { "ok" } else { "error" };
        let (peer, method) = (self.callee, method.to_owned());
        metrics::histogram!("tradepost_peer_call_seconds", "peer" => peer, "method" => method, "outcome" => outcome)
            .record(started.elapsed());
        answer
    }

    async fn call_in_time<A, R, E>(&self, method: &str, user: Option<UserId>, argument: &A) -> Result<R, E>
    where
        A: Serialize,
        R: DeserializeOwned,
        E: DeserializeOwned + From<Outage>,
    {
        let journey = Journey::current();
        let remaining = journey.remaining().unwrap_or(Duration::MAX).min(self.client.timeout);
        if remaining.is_zero() {
            // Nothing was sent, so nothing was changed.
            return Err(Outage::busy(method).into());
        }
        let deadline = Instant::now() + remaining;
        let body = serde_json::to_vec(argument).map_err(|error| Outage::internal(method, &error))?;
        let request = Request { method, user, body: Bytes::from(body), journey: &journey };
        // Half of the time for each try, so that the second can still be answered.
        let cause = match self.attempt(&request, remaining / 2).await {
            Ok(answer) => return answer,
            Err(cause) => cause,
        };
        tracing::warn!(peer = self.callee, method, cause, "no answer, trying again");
        let pause = rand::rng().random_range(Duration::ZERO..=PAUSE.min(remaining / 10));
        tokio::time::sleep(pause).await;
        let rest = deadline.saturating_duration_since(Instant::now());
        let second = self.attempt(&request, rest).await;
        second.unwrap_or_else(|cause| Err(Outage::peer(method, &cause).into()))
    }

    /// What the other side answered, or why that cannot be told.
    async fn attempt<R, E>(&self, request: &Request<'_>, timeout: Duration) -> Result<Result<R, E>, String>
    where
        R: DeserializeOwned,
        E: DeserializeOwned + From<Outage>,
    {
        let token = match self.client.tokens.issue(self.caller, self.callee, request.user) {
            Ok(token) => token,
            Err(outage) => return Ok(Err(outage.into())),
        };
        let sent = self
            .client
            .http
            .post(format!("{}/{}", self.base, request.method))
            .timeout(timeout)
            .header(CONTENT_TYPE, "application/json")
            .header(SERVICE_TOKEN, token)
            .header(DEADLINE, timeout.as_millis().to_string())
            .header("x-request-id", request.journey.request.as_str())
            .header("traceparent", request.journey.trace.to_string())
            .body(request.body.clone());
        let response = sent.send().await.map_err(|error| chain(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| chain(&error))?;
        if status == reqwest::StatusCode::OK {
            return serde_json::from_slice(&body).map(Ok).map_err(|error| format!("unreadable: {error}"));
        }
        match serde_json::from_slice::<Refusal<E>>(&body) {
            Ok(refusal) => Ok(Err(refusal.error)),
            Err(error) if serde_json::from_slice::<IgnoredAny>(&body).is_err() => {
                Err(format!("status {status}, unreadable: {error}"))
            }
            Err(_) if is_distrust(&body) => Ok(Err(self.distrusted(request.method).into())),
            Err(_) => Err(format!("status {status}: {}", String::from_utf8_lossy(&body))),
        }
    }

    /// Asking again would change nothing.
    fn distrusted(&self, method: &str) -> Outage {
        let callee = self.callee;
        let cause = format!(
            "{callee} refuses the service token of this process: auth.service_secret must be the same in both, and their \
             clocks less than half a minute apart"
        );
        Outage::peer(method, &cause)
    }
}

fn is_distrust(body: &[u8]) -> bool {
    serde_json::from_slice::<Bare>(body).is_ok_and(|problem| problem.code == UNTRUSTED.code)
}

struct Request<'a> {
    method: &'a str,
    user: Option<UserId>,
    body: Bytes,
    journey: &'a Journey,
}

/// An error with its causes, which the client keeps to itself otherwise.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
