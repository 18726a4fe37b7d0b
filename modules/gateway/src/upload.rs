//! Bodies on their way to an upstream: whole, so that they can be sent again, or as they arrive.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tradepost_platform::request::BodyTimeout;
use tradepost_problem::{Rejection, http};

use crate::client::Fault;

/// Chunks that wait for the upstream to take them.
const CHUNKS_AHEAD: usize = 2;
/// How long the upstream, given its head, may take to refuse a request whose body is announced as too large. Whoever
/// may not ask at all is to be told that rather.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);

/// Why an exchange stops before there is an answer.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The client broke a rule, or off.
    Client(Rejection),
    /// The upstream failed.
    Upstream(Fault),
}

/// A body as hyper takes it.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Whole(Option<Bytes>),
    /// `None` in the channel is the end; a channel that closes without it is a body that broke off.
    Streamed {
        chunks: mpsc::Receiver<Option<Bytes>>,
        length: Option<u64>,
        has_ended: bool,
    },
}

/// The body broke off: the upstream must not take what it has for all there is.
#[derive(Debug, thiserror::Error)]
#[error("the client broke its request off")]
pub(crate) struct BrokenOff;

impl Outgoing {
    pub const fn empty() -> Self {
        Self::Whole(None)
    }

    pub fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streamed { has_ended: true, .. } => Poll::Ready(None),
            Self::Streamed { chunks, has_ended, .. } => chunks.poll_recv(context).map(|chunk| match chunk {
                Some(Some(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(None) => {
                    *has_ended = true;
                    None
                }
                None => Some(Err(BrokenOff)),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Streamed { has_ended, .. } => *has_ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Streamed { length, .. } => length.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

/// Moves a body from the client to the upstream as it is polled; without it nothing is read.
pub(crate) type Pump = Pin<Box<dyn Future<Output = Result<(), Stop>>>>;

/// Goes on with a pump, for ever if there is none.
pub(crate) async fn pumped(pump: &mut Option<Pump>) -> Result<(), Stop> {
    match pump {
        Some(pump) => pump.as_mut().await,
        None => std::future::pending().await,
    }
}

/// What a client may send, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    bytes: usize,
    time: Duration,
}

impl Allowance {
    pub fn of(request: &HttpRequest, max_bytes: usize) -> Self {
        let time = request.app_data::<BodyTimeout>().map_or(Duration::MAX, |timeout| timeout.0);
        Self { bytes: max_bytes, time }
    }

    /// The same, and not beyond a moment.
    fn until(mut self, until: Instant) -> Self {
        self.time = self.time.min(until.saturating_duration_since(Instant::now()));
        self
    }

    /// The next chunk. Only waiting for the client uses its time up.
    async fn next(&mut self, payload: &mut Payload) -> Result<Option<Bytes>, Rejection> {
        let asked = Instant::now();
        let chunk = timeout(self.time, payload.next()).await.map_err(|_| too_slow())?;
        self.time = self.time.saturating_sub(asked.elapsed());
        let chunk = chunk.transpose().map_err(|error| unreadable(&error))?;
        let length = chunk.as_ref().map_or(0, |chunk| chunk.len());
        self.bytes = self.bytes.checked_sub(length).ok_or_else(too_large)?;
        Ok(chunk)
    }

    /// Whether an announced length is within the limit.
    pub fn covers(&self, length: Option<u64>) -> bool {
        length.is_none_or(|length| usize::try_from(length).is_ok_and(|n| n <= self.bytes))
    }
}

/// Reads a whole body.
pub(crate) async fn collect(mut payload: Payload, mut allowance: Allowance) -> Result<Bytes, Rejection> {
    let Some(first) = allowance.next(&mut payload).await? else { return Ok(Bytes::new()) };
    let Some(second) = allowance.next(&mut payload).await? else { return Ok(first) };
    let mut whole = BytesMut::from(&first[..]);
    whole.extend_from_slice(&second);
    while let Some(chunk) = allowance.next(&mut payload).await? {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// A body that is sent as it arrives; of one that is announced as too large nothing is sent.
pub(crate) struct Streaming {
    pub payload: Payload,
    pub length: Option<u64>,
    pub allowance: Allowance,
    /// How long the upstream may take none of it.
    pub idle: Duration,
}

impl Streaming {
    /// The body for the upstream, and what moves it; that comes to an end at `until` at the latest, with a word on
    /// whose fault it was.
    pub fn start(self, until: Instant) -> (Outgoing, Pump) {
        let (feed, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let length = self.length;
        (Outgoing::Streamed { chunks, length, has_ended: false }, Box::pin(self.pump(feed, until)))
    }

    async fn pump(mut self, feed: mpsc::Sender<Option<Bytes>>, until: Instant) -> Result<(), Stop> {
        if !self.allowance.covers(self.length) {
            sleep(REFUSED_WITHIN).await;
            return Err(Stop::Client(too_large()));
        }
        loop {
            let mut allowance = self.allowance.until(until);
            let chunk = allowance.next(&mut self.payload).await.map_err(Stop::Client)?;
            self.allowance = allowance;
            let is_last = chunk.is_none();
            let limit = until.min(Instant::now() + self.idle);
            let taken =
                timeout_at(limit, feed.send(chunk)).await.map_err(|_| Stop::Upstream(Fault::TimedOut))?;
            // An upstream that wants no more of it has answered already, or is gone; either will show.
            if is_last || taken.is_err() {
                return Ok(());
            }
        }
    }
}

fn too_large() -> Rejection {
    Rejection::new(&http::TOO_LARGE, "The body is larger than the server accepts.")
}

fn too_slow() -> Rejection {
    Rejection::new(&http::TIMEOUT, "The body of the request did not arrive in time.")
}

fn unreadable(error: &PayloadError) -> Rejection {
    match error {
        PayloadError::Overflow => too_large(),
        _ => Rejection::new(&http::MALFORMED, "The body of the request could not be read."),
    }
}
