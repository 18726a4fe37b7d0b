//! Circuit breakers: when they open, what they let through, and how they close.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::support::{Answer, Edge, Setup, Upstream, until};

const FAILURES: usize = 5;

fn breaking(upstreams: &[&Upstream]) -> Edge {
    Setup::of(upstreams).set(|settings| settings.breaker_failures = FAILURES as u32).start()
}

async fn post(edge: &Edge) -> Answer {
    edge.send("POST", "/api/v1/orders").await
}

/// Closes connections without an answer until it is told to answer with this.
async fn mending(head: &'static str) -> (Upstream, Arc<AtomicBool>) {
    let works = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&works);
    let upstream = Upstream::start(move |mut call| {
        let told = Arc::clone(&told);
        async move {
            if !told.load(Ordering::SeqCst) {
                call.body().await;
                return None;
            }
            call.answer(head, "works").await
        }
    })
    .await;
    (upstream, works)
}

async fn opened(edge: &Edge, upstream: &Upstream) {
    let before = upstream.count();
    for _ in 0..FAILURES {
        assert_eq!(post(edge).await.status, 502);
    }
    assert_eq!(upstream.count() - before, FAILURES, "all of them were sent");
    let answer = post(edge).await;
    assert_eq!(answer.problem(), (503, "service_unavailable".to_owned()));
    assert!(answer.detail().contains("was not carried out"), "{answer:?}");
    assert_eq!(upstream.count() - before, FAILURES, "and this one was not");
}

#[tokio::test]
async fn it_opens_after_as_many_failures_as_it_may_have_and_tells_when_to_come_back() {
    let (upstream, _) = mending("200 OK").await;
    let edge = breaking(&[&upstream]);
    opened(&edge, &upstream).await;
    for (advanced, wait) in [(0, "5"), (1, "5"), (999, "4"), (3999, "1")] {
        edge.clock.advance(advanced);
        assert_eq!(post(&edge).await.header("retry-after"), Some(wait));
    }
}

#[tokio::test]
async fn every_way_to_give_no_answer_counts() {
    const CUT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789";
    let cutting = Upstream::start(async |mut call| {
        call.body().await;
        call.wire.write(CUT).await;
        None
    })
    .await;
    let standing_in = Upstream::start(|call| call.answer("503 Nobody There", "no backend")).await;
    for (what, upstream) in [
        ("refused", Upstream::refusing()),
        ("closed", Upstream::closing().await),
        ("unreadable", Upstream::babbling().await),
        ("broken off", cutting),
        ("stood in for", standing_in),
    ] {
        let edge = breaking(&[&upstream]);
        for n in 0..=FAILURES {
            let is_refused = wait_told(&edge).await.as_deref() == Some("5");
            assert_eq!(is_refused, n == FAILURES, "{what}: by the breaker, the {n}th");
        }
    }
}

/// Sends a request, reads what there is of an answer, and takes the time to wait from its head.
async fn wait_told(edge: &Edge) -> Option<String> {
    let response = edge.request("POST", "/api/v1/orders").send().await.ok()?;
    let wait = response.headers().get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
    // It may break off, which is what this is about.
    let _ = response.bytes().await;
    wait
}

#[tokio::test]
async fn answers_of_a_module_never_count_whatever_their_status() {
    for status in ["400", "401", "403", "404", "409", "422", "429", "500", "501", "503"] {
        let upstream = Upstream::start(move |call| {
            call.answer(format!("{status} X\r\ncontent-type: application/problem+json"), "{}")
        })
        .await;
        let edge = breaking(&[&upstream]);
        for _ in 0..3 * FAILURES {
            let answer = post(&edge).await;
            assert_eq!((answer.status.to_string().as_str(), answer.text.as_str()), (status, "{}"));
        }
        assert_eq!(upstream.count(), 3 * FAILURES, "{status}");
    }
}

#[tokio::test]
async fn a_client_s_error_never_counts_even_without_a_document() {
    for status in ["400 X", "404 X", "413 X", "429 X"] {
        let upstream = Upstream::start(move |call| call.answer(status, "plain")).await;
        let edge = breaking(&[&upstream]);
        for n in 1..=3 * FAILURES {
            post(&edge).await;
            assert_eq!(upstream.count(), n, "{status}");
        }
    }
}

#[tokio::test]
async fn an_answer_of_something_in_between_becomes_a_document_and_keeps_its_word_on_when_to_try_again() {
    for (status, code, retry_after) in [
        ("502 Bad Gateway", "bad_gateway", "1"),
        ("503 Nobody\r\nretry-after: 17", "service_unavailable", "17"),
        ("504 Late\r\nretry-after: 3\r\ncontent-type: text/html", "gateway_timeout", "3"),
    ] {
        let upstream = Upstream::start(move |call| call.answer(status, "<h1>proxy</h1>")).await;
        let answer = post(&breaking(&[&upstream])).await;
        assert_eq!(answer.problem().1, code);
        assert_eq!(answer.all("retry-after"), [retry_after]);
        assert!(!answer.text.contains("proxy") && answer.detail().contains("not known"), "{answer:?}");
    }
}

#[tokio::test]
async fn one_request_tries_when_it_is_half_open_and_its_answer_closes_it() {
    let (go_on, works) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
    let (wait, told) = (Arc::clone(&go_on), Arc::clone(&works));
    let upstream = Upstream::start(move |mut call| {
        let (wait, told) = (Arc::clone(&wait), Arc::clone(&told));
        async move {
            if !told.load(Ordering::SeqCst) {
                call.body().await;
                return None;
            }
            wait.acquire().await.unwrap().forget();
            call.answer("200 OK", "works").await
        }
    })
    .await;
    let edge = breaking(&[&upstream]);
    opened(&edge, &upstream).await;
    works.store(true, Ordering::SeqCst);
    edge.clock.advance(4999);
    assert_eq!(post(&edge).await.status, 503, "not yet");
    edge.clock.advance(1);

    let many = join_all((0..20).map(|_| post(&edge)));
    let let_go = async {
        // All but one are refused while that one is under way.
        until("the probe is there", async || upstream.count() == FAILURES + 1).await;
        go_on.add_permits(1000);
    };
    let (answers, ()) = tokio::join!(many, let_go);
    let statuses = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(statuses(200) + statuses(503), 20);
    assert!(statuses(200) >= 1, "the probe");
    for _ in 0..3 {
        assert_eq!(post(&edge).await.status, 200, "closed again");
    }
}

#[tokio::test]
async fn no_second_request_goes_through_while_the_probe_is_under_way() {
    let hanging = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&hanging);
    let slow = Upstream::start(move |mut call| {
        let wait = Arc::clone(&wait);
        async move {
            call.body().await;
            if wait.available_permits() > 0 {
                call.wire.closed().await;
            }
            None
        }
    })
    .await;
    let edge = breaking(&[&slow]);
    opened(&edge, &slow).await;
    hanging.add_permits(1);
    edge.clock.advance(5000);
    let mut probe = edge.connect().await;
    probe.write("POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
    until("the probe is there", async || slow.count() == FAILURES + 1).await;
    for answer in join_all((0..50).map(|_| post(&edge))).await {
        assert_eq!(answer.problem(), (503, "service_unavailable".to_owned()));
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    edge.clock.advance(60_000);
    assert_eq!(post(&edge).await.status, 503, "however long it takes");
    assert_eq!(slow.count(), FAILURES + 1, "one probe");

    // A probe whose client goes away proves nothing, and the next request is the probe.
    drop(probe);
    hanging.acquire().await.unwrap().forget();
    until("another probe goes through", async || post(&edge).await.status == 502).await;
    assert_eq!(slow.count(), FAILURES + 2);
    assert_eq!(post(&edge).await.header("retry-after"), Some("5"), "it failed, so all begins anew");
}

#[tokio::test]
async fn a_probe_that_fails_keeps_it_open_and_one_that_is_answered_closes_it() {
    let (upstream, works) = mending("200 OK").await;
    let edge = breaking(&[&upstream]);
    opened(&edge, &upstream).await;
    edge.clock.advance(5000);
    assert_eq!(post(&edge).await.status, 502, "the probe");
    edge.clock.advance(4999);
    assert_eq!(post(&edge).await.status, 503);
    works.store(true, Ordering::SeqCst);
    edge.clock.advance(1);
    assert_eq!(post(&edge).await.text, "works", "the second probe");

    works.store(false, Ordering::SeqCst);
    opened(&edge, &upstream).await;
}

#[tokio::test]
async fn a_refusal_by_a_module_is_proof_enough_that_it_is_back() {
    let (upstream, works) = mending("503 X\r\ncontent-type: application/problem+json").await;
    let edge = breaking(&[&upstream]);
    opened(&edge, &upstream).await;
    works.store(true, Ordering::SeqCst);
    edge.clock.advance(5000);
    for _ in 0..3 * FAILURES {
        assert_eq!(post(&edge).await.text, "works", "its own 503, passed on");
    }
}

#[tokio::test]
async fn failures_are_forgotten_with_time() {
    let (upstream, _) = mending("200 OK").await;
    let edge = breaking(&[&upstream]);
    for _ in 0..FAILURES - 1 {
        assert_eq!(post(&edge).await.status, 502);
    }
    for _ in 0..10 {
        edge.clock.advance(2000);
        assert_eq!(post(&edge).await.status, 502, "one forgotten, one more");
    }
    edge.clock.advance(1999);
    assert_eq!(post(&edge).await.status, 502);
    assert_eq!(post(&edge).await.status, 503, "and one too many");
}

#[tokio::test]
async fn answers_make_up_for_failures() {
    let turn = Arc::new(AtomicUsize::new(0));
    let upstream = Upstream::start(move |mut call| {
        let is_good = turn.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        async move {
            if is_good {
                return call.answer("200 OK", "").await;
            }
            call.body().await;
            None
        }
    })
    .await;
    let edge = breaking(&[&upstream]);
    for _ in 0..4 * FAILURES {
        assert_eq!(post(&edge).await.status, 502);
        assert_eq!(post(&edge).await.status, 200);
    }
}

#[tokio::test]
async fn each_upstream_has_its_own() {
    let (broken, good) = (Upstream::closing().await, Upstream::named("good").await);
    let edge = breaking(&[&broken, &good]);
    let mut failed = 0;
    for _ in 0..100 {
        failed += usize::from(post(&edge).await.status == 502);
    }
    assert_eq!((failed, broken.count()), (FAILURES, FAILURES), "then only the good one is asked");
    for n in 1..=20 {
        assert_eq!(post(&edge).await.text, "good");
        assert_eq!(good.count(), 100 - FAILURES + n);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_is_not_held_against_the_upstream() {
    let upstream = Upstream::silent().await;
    let edge = breaking(&[&upstream]);
    for n in 1..=2 * FAILURES {
        let mut wire = edge.connect().await;
        wire.write("POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
        until("the request is there", async || upstream.count() == n).await;
    }
}
