//! Health checks: each upstream is asked, every so often, whether it is ready.

use std::sync::Arc;

use futures_util::future::join_all;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{Request, Uri};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::Gateway;
use crate::client::next_frame;
use crate::upload::Outgoing;
use crate::upstream::Upstream;

const PATH: &str = "/health/ready";
/// More than any answer about health; whoever sends more does not get its connection back.
const MAX_ANSWER_BYTES: usize = 65_536;

impl Gateway {
    /// Checks the health of every upstream until `stop` turns true. Without it all upstreams count as healthy.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            _ = join_all(self.upstreams().map(|upstream| self.check(upstream))) => {}
        }
    }

    async fn check(&self, upstream: &Upstream) {
        let mut checks = interval(self.settings.health_interval());
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            checks.tick().await;
            let answer = timeout(self.settings.health_timeout(), self.is_ready(upstream)).await;
            upstream.checked(answer.ok().flatten().unwrap_or(false));
        }
    }

    async fn is_ready(&self, upstream: &Upstream) -> Option<bool> {
        let uri = Uri::builder().scheme("http").authority(upstream.authority.clone()).path_and_query(PATH);
        let request = Request::get(uri.build().ok()?).header(HOST, &upstream.host).body(Outgoing::empty());
        let answer = self.connections.request(request.ok()?).await.ok()?;
        let is_ready = answer.status().is_success();
        read(answer.into_body()).await;
        Some(is_ready)
    }
}

/// Reads to the end, so that the connection can be used again.
async fn read(mut body: Incoming) {
    let mut total = 0;
    while let Some(Ok(frame)) = next_frame(&mut body).await {
        total += frame.data_ref().map_or(0, |data| data.len());
        if total > MAX_ANSWER_BYTES {
            return;
        }
    }
}
