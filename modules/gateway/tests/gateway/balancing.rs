//! Several upstreams share the load.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::support::{Edge, Upstream, until};

/// Answers one request for each permit.
async fn gated(gate: &Arc<Semaphore>) -> Upstream {
    let gate = Arc::clone(gate);
    Upstream::start(move |call| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            call.answer("200 OK", "").await
        }
    })
    .await
}

#[tokio::test]
async fn two_upstreams_share_requests_evenly() {
    let gate = Arc::new(Semaphore::new(0));
    let upstreams = [gated(&gate).await, gated(&gate).await];
    let edge = Edge::start(&[&upstreams[0], &upstreams[1]]);
    let many = join_all((0..20).map(|_| edge.get("/api/v1/orders")));
    let let_go = async {
        until("all requests are there", async || upstreams[0].count() + upstreams[1].count() == 20).await;
        // Of two, both are looked at each time; only requests that come at the very same moment may be uneven.
        assert!(upstreams.iter().all(|upstream| upstream.count() >= 8), "{}", upstreams[0].count());
        gate.add_permits(1000);
    };
    let (answers, ()) = tokio::join!(many, let_go);
    assert!(answers.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn a_busy_upstream_gets_no_more_than_one_that_is_not() {
    let (closed, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(1000)));
    let (stuck, free) = (gated(&closed).await, gated(&open).await);
    let edge = Edge::start(&[&stuck, &free]);
    let mut waiting = Vec::new();
    while stuck.count() == 0 {
        let mut wire = edge.connect().await;
        wire.write("GET /api/v1/orders HTTP/1.1\r\nhost: x\r\n\r\n").await;
        until("it is somewhere", async || stuck.count() + free.count() > waiting.len()).await;
        if stuck.count() == 0 {
            wire.head().await.unwrap();
        }
        waiting.push(wire);
    }
    for _ in 0..50 {
        assert_eq!(edge.get("/api/v1/orders").await.status, 200);
    }
    assert_eq!(stuck.count(), 1, "as long as it is busy with that one");
    closed.add_permits(1000);
    until("it is chosen again", async || {
        edge.get("/api/v1/orders").await;
        stuck.count() > 1
    })
    .await;
}

#[tokio::test]
async fn connections_are_used_again() {
    let connections = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::clone(&connections);
    let serving = tokio::spawn(async move {
        let mut tasks = tokio::task::JoinSet::new();
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            seen.lock().unwrap().insert(peer);
            tasks.spawn(async move {
                let mut wire = crate::support::Wire::new(stream);
                while wire.head().await.is_some() {
                    wire.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                }
            });
        }
    });
    let setup = crate::support::Setup::of(&[]).set(|settings| {
        for list in [&mut settings.user, &mut settings.order, &mut settings.inventory] {
            list.push(base.clone());
        }
    });
    let edge = setup.start();
    for _ in 0..50 {
        assert_eq!(edge.get("/api/v1/orders").await.text, "ok");
    }
    // One after another they need one; the answer may be there before its connection is back.
    assert!(connections.lock().unwrap().len() < 10, "{connections:?}");
    serving.abort();
}
