//! Health checks: who is avoided, and taken back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::support::{Edge, Setup, Upstream, until};

/// Answers health checks with a status that can be changed, and all else with 200.
async fn with_health(name: &'static str) -> (Upstream, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let told = Arc::clone(&status);
    let upstream = Upstream::start(move |call| {
        let status = told.load(Ordering::SeqCst);
        async move {
            if call.head.starts_with("GET /health/ready ") {
                return call.answer(format!("{status} X"), "{}").await;
            }
            call.answer("200 OK", name).await
        }
    })
    .await;
    (upstream, status)
}

/// A gateway that checks these upstreams once per round, for one module only.
fn setup(upstreams: &[&Upstream]) -> Setup {
    let mut setup = Setup::of(upstreams).set(|settings| {
        settings.user = vec!["http://127.0.0.1:1".to_owned()];
        settings.inventory = settings.user.clone();
    });
    setup.checks_health = true;
    setup
}

fn checked(upstreams: &[&Upstream]) -> Edge {
    setup(upstreams).start()
}

/// Waits until what an upstream answers now was heard: once a third check begins, a second is over that began
/// after now.
async fn heard(upstream: &Upstream) {
    let before = upstream.checks();
    until("its health is checked", async || upstream.checks() >= before + 3).await;
}

async fn names(edge: &Edge, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(edge.get("/api/v1/orders").await.text);
    }
    names
}

#[tokio::test]
async fn an_upstream_that_is_not_ready_is_avoided_and_taken_back() {
    let (one, health) = with_health("one").await;
    let (two, _) = with_health("two").await;
    let edge = checked(&[&one, &two]);
    assert!(names(&edge, 60).await.contains(&"one".to_owned()));

    health.store(503, Ordering::SeqCst);
    heard(&one).await;
    let before = one.count();
    assert!(names(&edge, 60).await.iter().all(|name| name == "two"));
    assert_eq!(one.count(), before);

    health.store(204, Ordering::SeqCst);
    until("it is asked again", async || edge.get("/api/v1/orders").await.text == "one").await;
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_avoided_before_a_request_is_lost_on_it() {
    let (one, _) = with_health("one").await;
    let gone = Upstream::refusing();
    let edge = checked(&[&one, &gone]);
    heard(&one).await;
    until("nothing fails any more", async || edge.send("POST", "/api/v1/orders").await.status == 200).await;
    for _ in 0..60 {
        assert_eq!(edge.send("POST", "/api/v1/orders").await.status, 200);
    }
}

#[tokio::test]
async fn a_sole_upstream_is_asked_even_if_it_is_not_ready() {
    let (one, health) = with_health("one").await;
    health.store(503, Ordering::SeqCst);
    let edge = checked(&[&one]);
    heard(&one).await;
    assert_eq!(edge.get("/api/v1/orders").await.text, "one");
}

#[tokio::test]
async fn if_nobody_is_ready_everybody_is_asked() {
    let (one, first) = with_health("one").await;
    let (two, second) = with_health("two").await;
    let edge = checked(&[&one, &two]);
    first.store(500, Ordering::SeqCst);
    second.store(404, Ordering::SeqCst);
    heard(&one).await;
    heard(&two).await;
    let names = names(&edge, 60).await;
    assert!(names.contains(&"one".to_owned()) && names.contains(&"two".to_owned()), "{names:?}");
}

#[tokio::test]
async fn a_check_that_gets_no_answer_in_time_counts_as_failed_and_checks_go_on() {
    let (one, _) = with_health("one").await;
    let late = Upstream::start(async |mut call| {
        if call.head.starts_with("GET /health/ready ") {
            call.wire.closed().await;
            return None;
        }
        call.answer("200 OK", "late").await
    })
    .await;
    let edge = setup(&[&one, &late]).set(|settings| settings.health_timeout_ms = 400).start();
    heard(&late).await;
    let before = late.count();
    let names = names(&edge, 60).await;
    assert!(names.iter().all(|name| name == "one"), "{names:?}");
    assert_eq!(late.count(), before);
}

#[tokio::test]
async fn checks_end_when_they_are_told_to() {
    let (one, _) = with_health("one").await;
    let edge = checked(&[&one]);
    heard(&one).await;
    edge.stop.send(true).unwrap();
    // Whoever listens to the signal has gone once nobody receives it any more.
    until("the checks are over", async || edge.stop.is_closed()).await;
}
