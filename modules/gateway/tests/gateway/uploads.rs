//! Bodies on their way up: their limits, as they arrive and whole.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use crate::support::{Answer, Edge, Setup, Upstream, Wire, header, until};

const LIMIT: usize = 1024;

/// Answers with the number of bytes it got.
async fn counting() -> Upstream {
    Upstream::start(async |mut call| {
        let count = call.body().await?.len();
        call.answer("200 OK", count).await
    })
    .await
}

/// Gives its semaphore a permit for each body that breaks off, and forgets the others.
async fn watching() -> (Upstream, Arc<Semaphore>) {
    let broken = Arc::new(Semaphore::new(0));
    let seen = Arc::clone(&broken);
    let upstream = Upstream::start(move |mut call| {
        let seen = Arc::clone(&seen);
        async move {
            match call.body().await {
                Some(_) => call.answer("200 OK", "complete").await,
                None => {
                    seen.add_permits(1);
                    None
                }
            }
        }
    })
    .await;
    (upstream, broken)
}

/// The head of a request that takes its body with `Idempotency-Key` or without.
fn head(keyed: bool, framing: &str) -> String {
    let key = if keyed { "idempotency-key: k\r\n" } else { "" };
    format!("POST /api/v1/orders HTTP/1.1\r\nhost: x\r\n{key}{framing}\r\n\r\n")
}

async fn status(wire: &mut Wire) -> u16 {
    wire.head().await.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_body_of_the_limit_arrives_and_one_byte_more_is_refused() {
    let upstream = counting().await;
    let edge = Edge::start(&[&upstream]);
    for keyed in [false, true] {
        for (length, expected) in [(0, 200), (1, 200), (LIMIT, 200), (LIMIT + 1, 413), (100 * LIMIT, 413)] {
            let mut request = edge.request("POST", "/api/v1/orders").body("x".repeat(length));
            if keyed {
                request = request.header("idempotency-key", "k");
            }
            let answer = Answer::of(request).await;
            if expected == 200 {
                assert_eq!((answer.status, answer.text), (200, length.to_string()), "{keyed}");
                let head = upstream.calls().pop().unwrap();
                assert_eq!(header(&head, "content-length"), Some(length.to_string()), "{keyed}");
            } else {
                assert_eq!(answer.problem(), (413, "body_too_large".to_owned()), "{keyed} {length}");
            }
        }
    }
}

#[tokio::test]
async fn who_may_not_ask_is_told_so_however_large_the_body() {
    let upstream = Upstream::start(|mut call| async move {
        call.wire.write("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        // Nothing comes after the head.
        assert!(call.wire.chunk().await.is_none_or(|chunk| chunk.is_empty()));
        None
    })
    .await;
    let edge = Edge::start(&[&upstream]);
    for keyed in [false, true] {
        let mut request = edge.request("POST", "/api/v1/orders").body("x".repeat(100 * LIMIT));
        if keyed {
            request = request.header("idempotency-key", "k");
        }
        assert_eq!(Answer::of(request).await.status, 401, "{keyed}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_has_the_same_limit_and_is_never_passed_on_as_complete() {
    let (upstream, _) = watching().await;
    let edge = Edge::start(&[&upstream]);
    for keyed in [false, true] {
        for (last, expected) in [(24, 200), (25, 413)] {
            let mut wire = edge.connect().await;
            wire.write(head(keyed, "transfer-encoding: chunked")).await;
            for length in [500, 500, last] {
                wire.write(format!("{length:x}\r\n{}\r\n", "x".repeat(length))).await;
            }
            // The server may have closed the connection already.
            let _ = wire.try_write("0\r\n\r\n").await;
            assert_eq!(status(&mut wire).await, expected, "{keyed} {last}");
        }
    }
}

#[tokio::test]
async fn a_body_reaches_the_upstream_as_it_arrives() {
    let (arrived, upstream) = {
        let arrived = Arc::new(Semaphore::new(0));
        let seen = Arc::clone(&arrived);
        let upstream = Upstream::start(move |mut call| {
            let seen = Arc::clone(&seen);
            async move {
                while !call.wire.chunk().await?.is_empty() {
                    seen.add_permits(1);
                }
                call.is_read = true;
                call.answer("200 OK", "done").await
            }
        })
        .await;
        (arrived, upstream)
    };
    let edge = Edge::start(&[&upstream]);
    let mut wire = edge.connect().await;
    wire.write(head(false, "transfer-encoding: chunked")).await;
    for _ in 0..3 {
        wire.write("3\r\nabc\r\n").await;
        // The next piece is sent only after this one is there.
        arrived.acquire().await.unwrap().forget();
    }
    wire.write("0\r\n\r\n").await;
    assert_eq!(status(&mut wire).await, 200);
}

#[tokio::test]
async fn a_body_that_can_be_repeated_is_sent_when_it_is_complete() {
    let upstream = counting().await;
    let edge = Edge::start(&[&upstream]);
    let mut wire = edge.connect().await;
    wire.write(head(true, "transfer-encoding: chunked")).await;
    for _ in 0..4 {
        wire.write("3\r\nabc\r\n").await;
    }
    let mut other = edge.connect().await;
    other.write(head(true, "content-length: 0")).await;
    assert_eq!(status(&mut other).await, 200);
    assert_eq!(upstream.count(), 1, "the first is not complete");
    wire.write("0\r\n\r\n").await;
    assert_eq!(status(&mut wire).await, 200);
    assert_eq!(wire.exactly(2).await, b"12");
    assert_eq!(header(&upstream.calls()[1], "content-length").as_deref(), Some("12"));
}

#[tokio::test]
async fn a_client_that_is_too_slow_with_its_body_gets_408() {
    let (upstream, broken) = watching().await;
    let mut setup = Setup::of(&[&upstream]);
    setup.body_timeout = Duration::from_millis(50);
    let edge = setup.start();
    for (keyed, framing) in [
        (false, "content-length: 10"),
        (true, "content-length: 10"),
        (false, "transfer-encoding: chunked"),
        (true, "transfer-encoding: chunked"),
    ] {
        let mut wire = edge.connect().await;
        wire.write(head(keyed, framing)).await;
        wire.write("1\r\nx\r\n").await;
        assert_eq!(status(&mut wire).await, 408, "{keyed} {framing}");
    }
    // Those that were sent as they arrived broke off; the others were never sent.
    broken.acquire_many(2).await.unwrap().forget();
    assert_eq!(upstream.count(), 2);
}

#[tokio::test]
async fn a_client_that_drips_its_body_gets_no_more_time_than_one_that_stops() {
    let upstream = counting().await;
    let mut setup = Setup::of(&[&upstream]);
    setup.body_timeout = Duration::from_millis(200);
    let edge = setup.start();
    for keyed in [false, true] {
        let mut wire = edge.connect().await;
        wire.write(head(keyed, "content-length: 100")).await;
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if wire.try_write("x").await.is_err() {
                break;
            }
        }
        assert_eq!(status(&mut wire).await, 408, "{keyed}");
    }
}

#[tokio::test]
async fn an_upstream_that_is_slow_is_not_held_against_the_client() {
    let upstream = Upstream::start(async |mut call| {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let count = call.body().await?.len();
        call.answer("200 OK", count).await
    })
    .await;
    let mut setup = Setup::of(&[&upstream]);
    (setup.body_timeout, setup.max_body_bytes) = (Duration::from_millis(1500), 64 << 20);
    let edge = setup.start();
    // More than all buffers between the two hold.
    let request = edge.request("POST", "/api/v1/orders").body("x".repeat(32 << 20));
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, answer.text), (200, (32 << 20).to_string()));
}

#[tokio::test]
async fn a_client_that_breaks_off_breaks_the_upstream_s_request_off() {
    let (upstream, broken) = watching().await;
    let edge = Edge::start(&[&upstream]);
    for (framing, part) in [("content-length: 10", "abc"), ("transfer-encoding: chunked", "3\r\nabc\r\n")] {
        let mut wire = edge.connect().await;
        let before = upstream.count();
        wire.write(head(false, framing)).await;
        wire.write(part).await;
        until("the request reaches the upstream", async || upstream.count() > before).await;
        drop(wire);
        broken.acquire().await.unwrap().forget();
    }
}

#[tokio::test]
async fn a_client_that_breaks_off_after_the_answer_began_leaves_no_complete_request_behind() {
    let (tell, mut ends) = mpsc::unbounded_channel();
    let upstream = Upstream::start(move |mut call| {
        let tell = tell.clone();
        async move {
            call.wire.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n").await;
            tell.send(call.body().await).unwrap();
            None
        }
    })
    .await;
    let edge = Edge::start(&[&upstream]);
    for _ in 0..5 {
        let mut wire = edge.connect().await;
        wire.write(head(false, "transfer-encoding: chunked")).await;
        wire.write("3\r\nabc\r\n").await;
        assert_eq!(status(&mut wire).await, 200);
        assert_eq!(wire.chunk().await.unwrap(), b"x");
        drop(wire);
        assert_eq!(ends.recv().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_body_whose_framing_breaks_is_never_passed_on_as_complete() {
    let (upstream, broken) = watching().await;
    let edge = Edge::start(&[&upstream]);
    for keyed in [false, true] {
        let mut wire = edge.connect().await;
        wire.write(head(keyed, "transfer-encoding: chunked")).await;
        wire.write("3\r\nabc\r\nxyz\r\n").await;
        assert_eq!(status(&mut wire).await, 400, "{keyed}");
    }
    if upstream.count() > 0 {
        broken.acquire().await.unwrap().forget();
    }
    assert!(upstream.count() <= 1, "one that is to be repeatable is not sent before it is complete");
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_is_complete_is_passed_on() {
    let upstream = Upstream::start(async |mut call| {
        let answer =
            "HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\ncontent-length: 2\r\n\r\n{}";
        call.wire.write(answer).await;
        call.wire.closed().await;
        None
    })
    .await;
    let edge = Edge::start(&[&upstream]);
    let mut wire = edge.connect().await;
    wire.write(head(false, "content-length: 1000")).await;
    wire.write("abc").await;
    assert_eq!(status(&mut wire).await, 403);
    assert_eq!(wire.exactly(2).await, b"{}");
}

#[tokio::test]
async fn both_directions_stream_at_once() {
    let upstream = Upstream::start(async |mut call| {
        call.wire.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        loop {
            let chunk = call.wire.chunk().await?;
            let mut echo = format!("{:x}\r\n", chunk.len()).into_bytes();
            echo.extend(&chunk);
            echo.extend(b"\r\n");
            call.wire.write(echo).await;
            if chunk.is_empty() {
                return Some(call);
            }
        }
    })
    .await;
    let edge = Edge::start(&[&upstream]);
    let mut wire = edge.connect().await;
    wire.write(head(false, "transfer-encoding: chunked")).await;
    assert_eq!(status(&mut wire).await, 200);
    for said in ["abc", "de", "f"] {
        wire.write(format!("{:x}\r\n{said}\r\n", said.len())).await;
        assert_eq!(wire.chunk().await.unwrap(), said.as_bytes());
    }
    wire.write("0\r\n\r\n").await;
    assert_eq!(wire.chunk().await.unwrap(), b"");
}
