//! Load: clients that send one request after the other, each on a connection that stays open.

use std::fmt;
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::traders::Trader;

/// What is asked for, in the order of the report.
pub const REQUESTS: [Request; 3] = [Request::MarketBuy, Request::Portfolio, Request::Catalog];

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// An order that is settled when it is answered.
    MarketBuy,
    /// What the user has, at the newest prices.
    Portfolio,
    /// The first page of the catalog, for which nobody reads a store.
    Catalog,
}

/// One line of the report.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub request: Request,
    /// How many clients ask at once, each a user of its own.
    pub clients: usize,
}

/// How long a load lasts.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Not counted: connections are opened.
    pub lead: Duration,
    pub counted: Duration,
}

/// What was answered in the time that counts.
pub struct Sample {
    pub latencies: Vec<Duration>,
    pub lasted: Duration,
}

impl Request {
    fn build(self, http: &Client, base: &str, trader: &Trader) -> Outcome<reqwest::Request> {
        let order = json!({ "order_type": "market_buy", "asset_id": "BTC", "quantity": "0.0001" });
        let request = match self {
            Self::MarketBuy => http.post(format!("{base}/api/v1/orders")).json(&order),
            Self::Portfolio => http.get(format!("{base}/api/v1/portfolio")),
            Self::Catalog => http.get(format!("{base}/api/v1/inventory/assets")),
        };
        Ok(request.bearer_auth(&trader.token).build()?)
    }

    /// Whether an answer is the one hoped for.
    fn is_answered_by(self, status: StatusCode, body: &str) -> bool {
        match self {
            Self::MarketBuy => status == StatusCode::CREATED && body.contains(r#""status":"completed""#),
            Self::Portfolio | Self::Catalog => {
                status == StatusCode::OK && body.contains(r#""asset_id":"BTC""#)
            }
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MarketBuy => "`POST /orders`, market buy",
            Self::Portfolio => "`GET /portfolio`",
            Self::Catalog => "`GET /inventory/assets`",
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.clients == 1 { "" } else { "s" };
        write!(f, "{}, {} client{plural}", self.request, self.clients)
    }
}

/// Loads a platform with a case.
///
/// # Errors
/// When any answer is not the one hoped for, or there is none in the time that counts.
pub async fn run(base: &str, traders: &[Trader], case: &Case, timing: Timing) -> Outcome<Sample> {
    let from = Instant::now() + timing.lead;
    let until = from + timing.counted;
    let mut clients = JoinSet::new();
    for trader in traders.iter().take(case.clients) {
        let http = Client::builder().no_proxy().build()?;
        let request = case.request.build(&http, base, trader)?;
        clients.spawn(drive(http, case.request, request, from, until));
    }
    let mut latencies = Vec::new();
    while let Some(own) = clients.join_next().await {
        latencies.extend(own??);
    }
    if latencies.is_empty() {
        return Err(format!("{case}: no answer within {:?}", timing.counted).into());
    }
    Ok(Sample { latencies, lasted: timing.counted })
}

/// One client. What is answered after the end counts for nobody, so the answers counted fit into the time.
async fn drive(
    http: Client,
    kind: Request,
    request: reqwest::Request,
    from: Instant,
    until: Instant,
) -> Outcome<Vec<Duration>> {
    let mut latencies = Vec::new();
    loop {
        let sent = Instant::now();
        if sent >= until {
            return Ok(latencies);
        }
        let copy = request.try_clone().ok_or("the request cannot be sent twice")?;
        let response = http.execute(copy).await?;
        let status = response.status();
        let body = response.text().await?;
        let answered = Instant::now();
        if !kind.is_answered_by(status, &body) {
            return Err(format!("{kind} was answered {status}: {body}").into());
        }
        if (from..until).contains(&answered) {
            latencies.push(answered - sent);
        }
    }
}
