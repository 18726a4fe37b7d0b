//! The connections to the upstreams, and what can go wrong on them.

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tradepost_problem::About;

use crate::Settings;
use crate::error::{BAD_GATEWAY, GATEWAY_TIMEOUT, service_unavailable};
use crate::upload::Outgoing;
use crate::upstream::Outcome;

pub(crate) type Connections = Client<HttpConnector, Outgoing>;

/// A client that keeps connections. It sends a request a second time by itself only when the kept connection was
/// closed before any of the request was written.
pub(crate) fn connections(settings: &Settings) -> Connections {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(settings.connect_timeout()));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(settings.keep_alive())
        .build(connector)
}

/// The next piece of an answer's body; `None` is its proper end.
pub(crate) async fn next_frame(body: &mut Incoming) -> Option<hyper::Result<Frame<Bytes>>> {
    poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Unreachable,
    Broken,
    Unreadable,
    TimedOut,
}

impl Fault {
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Unreachable => Outcome::Unreachable,
            Self::Broken => Outcome::Broken,
            Self::Unreadable => Outcome::Unreadable,
            Self::TimedOut => Outcome::TimedOut,
        }
    }

    pub fn about(self) -> &'static About {
        match self {
            Self::Unreachable => service_unavailable(),
            Self::Broken | Self::Unreadable => &BAD_GATEWAY,
            Self::TimedOut => &GATEWAY_TIMEOUT,
        }
    }
}

impl From<legacy::Error> for Fault {
    fn from(error: legacy::Error) -> Self {
        let is_unreadable = || error.source()?.downcast_ref::<hyper::Error>().map(hyper::Error::is_parse);
        if error.is_connect() {
            Self::Unreachable
        } else if is_unreadable() == Some(true) {
            Self::Unreadable
        } else {
            Self::Broken
        }
    }
}
