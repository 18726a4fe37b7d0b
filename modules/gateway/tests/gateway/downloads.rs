//! Answers on their way down: as they arrive, to their end, and not beyond where they break.

use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore, mpsc};

use crate::support::{Answer, Edge, Setup, Upstream, Wire, header, until};

const GET: &str = "GET /api/v1/inventory/prices/stream HTTP/1.1\r\nhost: x\r\n\r\n";

/// Writes what it is sent, and gives a permit once its connection is closed.
async fn telling(head: &'static str) -> (Upstream, mpsc::UnboundedSender<String>, Arc<Semaphore>) {
    let (tell, told) = mpsc::unbounded_channel::<String>();
    let (told, gone) = (Arc::new(Mutex::new(told)), Arc::new(Semaphore::new(0)));
    let noticed = Arc::clone(&gone);
    let upstream = Upstream::start(move |mut call| {
        let (told, noticed) = (Arc::clone(&told), Arc::clone(&noticed));
        async move {
            call.wire.write(head).await;
            let mut told = told.lock().await;
            loop {
                tokio::select! {
                    text = told.recv() => call.wire.write(text?).await,
                    () = call.wire.closed() => {
                        noticed.add_permits(1);
                        return None;
                    }
                }
            }
        }
    })
    .await;
    (upstream, tell, gone)
}

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

async fn opened(edge: &Edge) -> (Wire, String) {
    let mut wire = edge.connect().await;
    wire.write(GET).await;
    let head = wire.head().await.unwrap();
    (wire, head)
}

#[tokio::test]
async fn events_arrive_one_by_one_as_they_happen() {
    let (upstream, tell, _) = telling(EVENTS).await;
    let edge = Edge::start(&[&upstream]);
    let (mut wire, head) = opened(&edge).await;
    assert_eq!(header(&head, "content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(header(&head, "content-length"), None);
    for number in 0..5 {
        let event = format!("event: price\ndata: {number}\n\n");
        tell.send(chunk(&event)).unwrap();
        // The next one is told only after this one has arrived.
        assert_eq!(wire.chunk().await.unwrap(), event.as_bytes());
    }
    tell.send("0\r\n\r\n".to_owned()).unwrap();
    assert_eq!(wire.chunk().await.unwrap(), b"");
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_stream_at_the_upstream() {
    let (upstream, tell, gone) = telling(EVENTS).await;
    let edge = Edge::start(&[&upstream]);
    let (mut wire, _) = opened(&edge).await;
    tell.send(chunk("data: 1\n\n")).unwrap();
    wire.chunk().await.unwrap();
    drop(wire);
    gone.acquire().await.unwrap().forget();
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_answer_ends_the_request_at_the_upstream() {
    let gone = Arc::new(Semaphore::new(0));
    let noticed = Arc::clone(&gone);
    let upstream = Upstream::start(move |mut call| {
        let noticed = Arc::clone(&noticed);
        async move {
            call.wire.closed().await;
            noticed.add_permits(1);
            None
        }
    })
    .await;
    let edge = Edge::start(&[&upstream]);
    let mut wire = edge.connect().await;
    wire.write(GET).await;
    until("the request reaches the upstream", async || upstream.count() == 1).await;
    drop(wire);
    gone.acquire().await.unwrap().forget();
    assert_eq!(upstream.count(), 1, "nobody is left to try again for");
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_the_client_s_off() {
    for (head, part) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", "0123456789"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "a\r\n0123456789\r\n"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "a\r\n0123456789\r\n5\r\n012"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "a\r\n0123456789\r\nno length\r\n"),
    ] {
        let go_on = Arc::new(Semaphore::new(0));
        let wait = Arc::clone(&go_on);
        let upstream = Upstream::start(move |mut call| {
            let wait = Arc::clone(&wait);
            async move {
                call.wire.write(head).await;
                wait.acquire().await.unwrap().forget();
                call.wire.write(part).await;
                None
            }
        })
        .await;
        let edge = Edge::start(&[&upstream]);
        let (mut wire, _) = opened(&edge).await;
        go_on.add_permits(1);
        let rest = wire.rest().await;
        assert!(!rest.ends_with("0\r\n\r\n") && rest.len() < 100, "{part:?}: {rest:?}");
        assert_eq!(upstream.count(), 1, "half an answer is an answer: nothing is repeated");
    }
}

#[tokio::test]
async fn a_length_that_is_known_is_kept_and_one_that_is_not_is_not_made_up() {
    let sized = Upstream::start(async |call| call.answer("200 OK", "hello").await).await;
    let answer = Edge::start(&[&sized]).get("/api/v1/orders").await;
    assert_eq!((answer.header("content-length"), answer.text.as_str()), (Some("5"), "hello"));
    assert_eq!(answer.header("transfer-encoding"), None);

    for head in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n5\r\nhello\r\n0\r\nx: 1\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nhello",
    ] {
        let upstream = Upstream::start(move |mut call| async move {
            call.wire.write(head).await;
            None
        })
        .await;
        let answer = Edge::start(&[&upstream]).get("/api/v1/orders").await;
        assert_eq!((answer.header("content-length"), answer.text.as_str()), (None, "hello"), "{head}");
    }
}

#[tokio::test]
async fn a_large_answer_arrives_complete() {
    let body: String = (0..1_000_000).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let sent = body.clone();
    let upstream = Upstream::start(move |call| {
        let sent = sent.clone();
        call.answer("200 OK", sent)
    })
    .await;
    let answer = Edge::start(&[&upstream]).get("/api/v1/orders").await;
    assert_eq!(answer.header("content-length"), Some("1000000"));
    assert!(answer.text == body);
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    for (head, length) in [
        ("204 No Content", None),
        ("304 Not Modified\r\ncontent-length: 7", Some("7")),
        ("200 OK\r\ncontent-length: 0", Some("0")),
    ] {
        let upstream = Upstream::start(move |mut call| async move {
            call.wire.write(format!("HTTP/1.1 {head}\r\n\r\n")).await;
            Some(call)
        })
        .await;
        let edge = Edge::start(&[&upstream]);
        for _ in 0..2 {
            let answer = edge.get("/api/v1/orders").await;
            assert_eq!((answer.text.as_str(), answer.header("content-length")), ("", length), "{head}");
        }
    }
}

#[tokio::test]
async fn a_head_request_learns_the_length_and_gets_no_body() {
    let upstream = Upstream::start(async |mut call| {
        call.wire.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: 1\r\n\r\n").await;
        Some(call)
    })
    .await;
    let edge = Edge::start(&[&upstream]);
    for _ in 0..2 {
        let answer = Answer::of(edge.request("HEAD", "/api/v1/orders")).await;
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("5")));
        assert_eq!((answer.text.as_str(), answer.header("x")), ("", Some("1")));
    }
    assert!(upstream.calls()[0].starts_with("HEAD "));
}

#[tokio::test]
async fn a_head_request_that_became_a_get_is_one_again_at_the_upstream() {
    let upstream = Upstream::start(async |mut call| {
        if call.head.starts_with("HEAD ") {
            call.wire.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").await;
            return Some(call);
        }
        call.answer("200 OK", "hello").await
    })
    .await;
    let mut setup = Setup::of(&[&upstream]);
    setup.turns_head = true;
    let edge = setup.start();
    let mut wire = edge.connect().await;
    for _ in 0..3 {
        wire.write("HEAD /api/v1/orders HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let head = wire.head().await.unwrap();
        assert_eq!(header(&head, "content-length").as_deref(), Some("5"));
    }
    wire.write("GET /api/v1/orders HTTP/1.1\r\nhost: x\r\n\r\n").await;
    wire.head().await.unwrap();
    assert_eq!(wire.exactly(5).await, b"hello", "nothing came in between");
    let methods: Vec<_> = upstream.calls().iter().map(|head| head[..4].to_owned()).collect();
    assert_eq!(methods, ["HEAD", "HEAD", "HEAD", "GET "]);
}

#[tokio::test]
async fn a_head_request_for_an_event_stream_ends_with_the_head() {
    let upstream = Upstream::start(async |mut call| {
        call.wire.write(EVENTS).await;
        if call.head.starts_with("GET ") {
            call.wire.closed().await;
        }
        Some(call)
    })
    .await;
    for turns_head in [false, true] {
        let mut setup = Setup::of(&[&upstream]);
        setup.turns_head = turns_head;
        let edge = setup.start();
        let mut wire = edge.connect().await;
        for _ in 0..3 {
            wire.write(GET.replacen("GET", "HEAD", 1)).await;
            let head = wire.head().await.unwrap();
            assert_eq!(header(&head, "content-type").as_deref(), Some("text/event-stream"));
        }
    }
    assert_eq!(upstream.count(), 6);
}

#[tokio::test]
async fn redirects_are_the_client_s_to_follow_and_nothing_is_unpacked() {
    let upstream = Upstream::start(|call| {
        call.answer(
            "307 Temporary Redirect\r\nlocation: /api/v1/orders/2\r\ncontent-encoding: gzip",
            "not unpacked",
        )
    })
    .await;
    let edge = Edge::start(&[&upstream]);
    let answer = edge.raw("GET /api/v1/orders HTTP/1.1\nhost: x\nconnection: close\n\n").await;
    assert!(answer.starts_with("HTTP/1.1 307 ") && answer.ends_with("\r\n\r\nnot unpacked"), "{answer}");
    assert_eq!(header(&answer, "location").as_deref(), Some("/api/v1/orders/2"));
    assert_eq!(upstream.count(), 1);
}
