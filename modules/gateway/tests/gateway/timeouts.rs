//! How long an upstream may take.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;

use crate::support::{Answer, Edge, Setup, Upstream, header};

const SHORT: u64 = 100;

fn idle(upstreams: &[&Upstream]) -> Edge {
    Setup::of(upstreams).set(|settings| settings.idle_timeout_ms = SHORT).start()
}

fn total(upstreams: &[&Upstream]) -> Edge {
    Setup::of(upstreams).set(|settings| settings.total_timeout_ms = SHORT).start()
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_in_time_is_a_504() {
    let upstream = Upstream::silent().await;
    for edge in [idle(&[&upstream]), total(&[&upstream])] {
        let answer = edge.send("POST", "/api/v1/orders").await;
        assert_eq!(answer.problem(), (504, "gateway_timeout".to_owned()));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.detail().contains("Whether the request took effect is not known"), "{answer:?}");

        let answer = edge.get("/api/v1/orders").await;
        assert_eq!(answer.problem(), (504, "gateway_timeout".to_owned()));
        assert!(!answer.detail().contains("took effect"), "{answer:?}");
    }
}

#[tokio::test]
async fn after_silence_another_upstream_is_tried_while_there_is_time() {
    let (silent, good) = (Upstream::silent().await, Upstream::named("good").await);
    let edge = idle(&[&silent, &good]);
    while silent.count() == 0 {
        assert_eq!(edge.get("/api/v1/orders").await.text, "good");
    }

    let (silent, good) = (Upstream::silent().await, Upstream::named("good").await);
    let edge = total(&[&silent, &good]);
    let mut statuses = Vec::new();
    while silent.count() == 0 {
        statuses.push(edge.get("/api/v1/orders").await.status);
    }
    assert_eq!(statuses.pop(), Some(504), "all the time there was is spent");
    assert_eq!(good.count(), statuses.len());
}

#[tokio::test]
async fn a_request_whose_client_was_slow_leaves_the_upstream_its_time() {
    let upstream = Upstream::named("here").await;
    let edge = idle(&[&upstream]);
    let mut wire = edge.connect().await;
    wire.write("POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n").await;
    for byte in ["a", "b", "c"] {
        tokio::time::sleep(Duration::from_millis(SHORT)).await;
        wire.write(byte).await;
    }
    assert!(wire.head().await.unwrap().starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn an_upstream_that_takes_no_more_of_a_body_is_a_504() {
    let upstream = Upstream::start(async |call| {
        // The connection is kept and never read from.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Some(call)
    })
    .await;
    let mut setup = Setup::of(&[&upstream]).set(|settings| settings.idle_timeout_ms = SHORT);
    setup.max_body_bytes = 64 << 20;
    let edge = setup.start();
    let answer = Answer::of(edge.request("POST", "/api/v1/orders").body("x".repeat(32 << 20))).await;
    assert_eq!(answer.problem(), (504, "gateway_timeout".to_owned()));
}

#[tokio::test]
async fn a_client_that_is_too_slow_for_all_the_time_there_is_gets_408_and_is_not_held_against_the_upstream() {
    let upstream = Upstream::named("here").await;
    let setup = Setup::of(&[&upstream]).set(|settings| {
        settings.total_timeout_ms = SHORT;
        settings.breaker_failures = 1;
    });
    let edge = setup.start();
    let mut wire = edge.connect().await;
    wire.write("POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\na").await;
    assert!(wire.head().await.unwrap().starts_with("HTTP/1.1 408 "));
    assert_eq!(edge.send("POST", "/api/v1/orders").await.text, "here");
}

#[tokio::test]
async fn a_client_that_is_slow_to_read_is_not_held_against_the_upstream() {
    // More than all buffers between the two hold.
    let body = "x".repeat(16 << 20);
    let upstream = Upstream::start(move |call| {
        let body =
            if call.head.contains("/api/v1/orders/large ") { body.clone() } else { "small".to_owned() };
        call.answer("200 OK", body)
    })
    .await;
    let setup = Setup::of(&[&upstream]).set(|settings| {
        settings.total_timeout_ms = 1500;
        settings.breaker_failures = 1;
    });
    let edge = setup.start();
    let mut wire = edge.connect().await;
    wire.write("GET /api/v1/orders/large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    wire.head().await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(wire.rest().await.len() < 16 << 20, "all the time there was is spent");
    assert_eq!(edge.send("POST", "/api/v1/orders").await.text, "small");
}

/// Sends a piece for each permit.
async fn dripping(head: &'static str, piece: &'static str) -> (Upstream, Arc<Semaphore>) {
    let drops = Arc::new(Semaphore::new(0));
    let more = Arc::clone(&drops);
    let upstream = Upstream::start(move |mut call| {
        let more = Arc::clone(&more);
        async move {
            call.wire.write(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n{head}\r\n")).await;
            loop {
                more.acquire().await.unwrap().forget();
                call.wire.try_write(format!("{:x}\r\n{piece}\r\n", piece.len())).await.ok()?;
            }
        }
    })
    .await;
    (upstream, drops)
}

const GET: &str = "GET /api/v1/inventory/prices/stream HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn silence_in_the_middle_of_an_answer_breaks_it_off() {
    for head in ["", "content-type: text/event-stream\r\n"] {
        let (upstream, drops) = dripping(head, "abc").await;
        let edge = idle(&[&upstream]);
        let mut wire = edge.connect().await;
        wire.write(GET).await;
        wire.head().await.unwrap();
        drops.add_permits(1);
        assert_eq!(wire.chunk().await.unwrap(), b"abc");
        assert_eq!(wire.chunk().await, None, "no proper end");
    }
}

#[tokio::test]
async fn an_answer_that_goes_on_for_too_long_breaks_off_and_an_event_stream_does_not() {
    for (head, breaks_off) in [("", true), ("content-type: Text/Event-Stream; charset=utf-8\r\n", false)] {
        let (upstream, drops) = dripping(head, "abc").await;
        let edge = total(&[&upstream]);
        let mut wire = edge.connect().await;
        wire.write(GET).await;
        let answer = wire.head().await.unwrap();
        assert!(header(&answer, "transfer-encoding").is_some());
        let mut received = 0;
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(SHORT / 2)).await;
            drops.add_permits(1);
            received += usize::from(wire.chunk().await.is_some());
        }
        assert_eq!(received < 5, breaks_off, "{head}");
    }
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_no_upstream() {
    // A queue of one that is full: whoever connects next waits in vain.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        waiting.push(stream.unwrap());
    }
    let setup = Setup::of(&[]).set(|settings| {
        settings.connect_timeout_ms = SHORT;
        for list in [&mut settings.user, &mut settings.order, &mut settings.inventory] {
            list.push(format!("http://{address}"));
        }
    });
    let answer = setup.start().send("POST", "/api/v1/orders").await;
    assert_eq!(answer.problem(), (503, "service_unavailable".to_owned()));
    assert!(answer.detail().contains("was not carried out"), "{answer:?}");
}
