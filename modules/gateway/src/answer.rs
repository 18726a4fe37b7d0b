//! An answer on its way back: its head copied without what concerns one connection, its body as it arrives.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody, SizedStream};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use hyper::Response;
use hyper::body::{Body, Incoming};
use hyper::header::{self, CONNECTION, CONTENT_TYPE};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tradepost_platform::request::Unsent;

use crate::client::next_frame;
use crate::headers::{Nominated, vary};
use crate::upload::{Pump, Stop, pumped};
use crate::upstream::{Outcome, Permit};

/// What goes on while an answer is passed on.
pub(crate) struct Relay {
    body: Incoming,
    /// What is left of the request.
    pump: Option<Pump>,
    permit: Permit,
    /// How long the upstream may send nothing.
    idle: Duration,
    end: End,
    began: Instant,
    /// How much of the time since was spent on waiting for the upstream.
    waited: Duration,
}

/// When an exchange must be over.
pub(crate) enum End {
    /// Then, or it breaks off.
    At(Instant),
    /// An event stream has no such moment. It ends when the gateway does.
    Told(watch::Receiver<bool>),
}

impl End {
    fn is_past(&self, now: Instant) -> bool {
        matches!(self, Self::At(until) if now >= *until)
    }

    /// Waits until there is nothing more to be passed on.
    async fn told(&mut self) {
        match self {
            Self::At(_) => std::future::pending().await,
            // An error means that the gateway is gone.
            Self::Told(ends) => drop(ends.wait_for(|ends| *ends).await),
        }
    }
}

/// The answer broke off, so the connection to the client must, too: ended properly, half an answer would pass for a
/// whole one.
#[derive(Debug, thiserror::Error)]
#[error("the answer of the upstream broke off: {0}")]
struct BrokenOff(&'static str);

/// Whether a status says that there was nobody to answer, and not in the words of a module: that came from
/// something in between. A module's own 503 is an answer like any other.
pub(crate) fn is_stand_in<B>(answer: &Response<B>) -> bool {
    let is_document = || answer.headers().get(CONTENT_TYPE).is_some_and(|v| v == "application/problem+json");
    matches!(answer.status().as_u16(), 502..=504) && !is_document()
}

/// Whether events come as they happen, for as long as somebody listens.
pub(crate) fn is_event_stream<B>(answer: &Response<B>) -> bool {
    let media_type = answer.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
    let essence = media_type.and_then(|value| value.split(|byte| *byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}

/// The answer for the client. `is_head` says that the request was a HEAD, whose answers tell of a length and have no
/// body.
pub(crate) fn relayed(
    answer: Response<Incoming>,
    status: StatusCode,
    is_head: bool,
    relay: impl FnOnce(Incoming) -> Relay,
) -> HttpResponse {
    let (head, body) = answer.into_parts();
    let told = head.headers.get(header::CONTENT_LENGTH);
    let length = if is_head {
        told.and_then(|length| length.to_str().ok()?.parse().ok())
    } else {
        body.size_hint().exact()
    };
    let mut response = HttpResponse::new(status);
    copy(&head.headers, response.headers_mut());
    if let (StatusCode::NOT_MODIFIED, Some(told)) = (status, told) {
        append(response.headers_mut(), CONTENT_LENGTH, told.as_bytes());
    }
    let relay = relay(body);
    if is_head {
        relay.permit.settle(Outcome::Answered);
        return response
            .set_body(Unsent(length.map_or(BodySize::Stream, BodySize::Sized)))
            .map_into_boxed_body();
    }
    let body = match length {
        Some(0) => {
            relay.permit.settle(Outcome::Answered);
            BoxBody::new(())
        }
        Some(length) => SizedStream::new(length, relay.into_stream()).boxed(),
        None => BodyStream::new(relay.into_stream()).boxed(),
    };
    response.set_body(body)
}

fn copy(from: &header::HeaderMap, to: &mut HeaderMap) {
    let nominated = Nominated::new(from.get_all(CONNECTION).iter().map(|value| value.as_bytes()));
    for (name, value) in from {
        if !nominated.reaches_client(name.as_str()) {
            continue;
        }
        let Ok(copied) = HeaderName::from_bytes(name.as_str().as_bytes()) else { continue };
        if *name != header::VARY {
            append(to, copied, value.as_bytes());
            continue;
        }
        let vary = vary(value.to_str().unwrap_or("*"));
        if !vary.is_empty() {
            append(to, copied, vary.as_bytes());
        }
    }
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    // What one version of the library took for a value, the other does.
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.append(name, value);
    }
}

impl Relay {
    pub fn new(body: Incoming, pump: Option<Pump>, permit: Permit, idle: Duration, end: End) -> Self {
        Self { body, pump, permit, idle, end, began: Instant::now(), waited: Duration::ZERO }
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, BrokenOff>> {
        stream::unfold(Some(self), async |relay| relay?.next().await)
    }

    /// The next chunk, and what is left to pass on after it. Nothing is waited for before the client has room for
    /// more.
    async fn next(mut self) -> Option<(Result<Bytes, BrokenOff>, Option<Self>)> {
        let asked = Instant::now();
        if self.end.is_past(asked) {
            let outcome = self.late(asked);
            return self.broken_off(outcome, "it took too long");
        }
        let silence = asked + self.idle;
        let limit = match &self.end {
            End::At(until) => silence.min(*until),
            End::Told(_) => silence,
        };
        loop {
            tokio::select! {
                biased;
                // Whoever reads events can tell a whole one from half a one, and connects again.
                () = self.end.told() => {
                    self.permit.settle(Outcome::Answered);
                    return None;
                }
                frame = next_frame(&mut self.body) => match frame {
                    None => {
                        self.permit.settle(Outcome::Answered);
                        return None;
                    }
                    Some(Err(_)) => return self.broken_off(Outcome::Broken, "the connection broke"),
                    // Trailers have no way on: what they would be announced by is of one connection.
                    Some(Ok(frame)) => if let Ok(bytes) = frame.into_data() {
                        self.waited += asked.elapsed();
                        return Some((Ok(bytes), Some(self)));
                    },
                },
                end = pumped(&mut self.pump) => match end {
                    Ok(()) => self.pump = None,
                    Err(Stop::Client(_)) => return self.broken_off(Outcome::Abandoned, "the request did"),
                    Err(Stop::Upstream(_)) => return self.broken_off(Outcome::TimedOut, "it took no more"),
                },
                () = sleep_until(limit) => {
                    let outcome = self.late(asked);
                    return self.broken_off(outcome, "it took too long");
                }
            }
        }
    }

    /// A client that takes its time to read uses up the time of the exchange, and that is not to be held against
    /// the upstream.
    fn late(&self, asked: Instant) -> Outcome {
        let waited = self.waited + asked.elapsed();
        let is_upstream_s_fault = asked.elapsed() >= self.idle || waited * 2 >= self.began.elapsed();
        if is_upstream_s_fault { Outcome::TimedOut } else { Outcome::Abandoned }
    }

    fn broken_off(
        self,
        outcome: Outcome,
        why: &'static str,
    ) -> Option<(Result<Bytes, BrokenOff>, Option<Self>)> {
        self.permit.settle(outcome);
        Some((Err(BrokenOff(why)), None))
    }
}
