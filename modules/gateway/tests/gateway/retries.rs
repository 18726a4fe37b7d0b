//! What is sent a second time: only what may be, only without an answer, only once.

use crate::support::{Answer, Edge, Setup, Upstream};

const KEY: (&str, &str) = ("idempotency-key", "4711");

async fn send(edge: &Edge, method: &str, keyed: bool) -> Answer {
    let request = edge.request(method, "/api/v1/orders");
    Answer::of(if keyed { request.header(KEY.0, KEY.1).body("{}") } else { request }).await
}

const MAY_REPEAT: [(&str, bool); 6] =
    [("GET", false), ("HEAD", false), ("OPTIONS", false), ("POST", true), ("DELETE", true), ("PUT", true)];
const MAY_NOT: [(&str, bool); 4] = [("POST", false), ("PUT", false), ("DELETE", false), ("PATCH", false)];

#[tokio::test]
async fn what_may_be_repeated_is_tried_once_more_on_another_upstream() {
    for (method, keyed) in MAY_REPEAT {
        let (broken, good) = (Upstream::closing().await, Upstream::named("good").await);
        let edge = Edge::start(&[&broken, &good]);
        // Each request begins with one of the two, at random.
        for n in 1..=20 {
            assert_eq!(send(&edge, method, keyed).await.status, 200, "{method}");
            assert_eq!(good.count(), n, "{method}: once each");
        }
        assert!((1..=20).contains(&broken.count()), "{method}: {}", broken.count());
    }
}

#[tokio::test]
async fn what_may_not_be_repeated_is_not() {
    for (method, keyed) in MAY_NOT {
        let (broken, good) = (Upstream::closing().await, Upstream::named("good").await);
        let edge = Edge::start(&[&broken, &good]);
        let mut failed = 0;
        for _ in 0..20 {
            let answer = send(&edge, method, keyed).await;
            if answer.status != 200 {
                failed += 1;
                assert_eq!(answer.problem(), (502, "bad_gateway".to_owned()), "{method}");
                assert!(
                    answer.detail().contains("Whether the request took effect is not known"),
                    "{answer:?}"
                );
                assert_eq!(answer.header("retry-after"), Some("1"));
            }
        }
        assert_eq!((failed, good.count()), (broken.count(), 20 - broken.count()), "{method}");
    }
}

#[tokio::test]
async fn there_is_one_more_try_and_no_third() {
    let upstreams = [Upstream::closing().await, Upstream::closing().await, Upstream::closing().await];
    let edge = Edge::start(&upstreams.iter().collect::<Vec<_>>());
    let answer = edge.get("/api/v1/orders").await;
    assert_eq!(answer.problem(), (502, "bad_gateway".to_owned()));
    assert!(!answer.detail().contains("took effect"), "a GET has none: {answer:?}");
    let counts: Vec<_> = upstreams.iter().map(Upstream::count).collect();
    assert_eq!(counts.iter().sum::<usize>(), 2);
    assert_eq!(counts.iter().max(), Some(&1), "the second try is elsewhere");
}

#[tokio::test]
async fn a_sole_upstream_gets_both_tries() {
    let upstream = Upstream::closing().await;
    let edge = Edge::start(&[&upstream]);
    let answer = send(&edge, "POST", true).await;
    assert_eq!(answer.problem(), (502, "bad_gateway".to_owned()));
    assert!(answer.detail().contains("same Idempotency-Key"), "{answer:?}");
    assert_eq!(upstream.count(), 2);
    assert_eq!(send(&edge, "POST", false).await.status, 502);
    assert_eq!(upstream.count(), 3);
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_says_that_nothing_was_done() {
    let refusing = Upstream::refusing();
    let edge = Edge::start(&[&refusing]);
    for (method, keyed) in MAY_REPEAT.into_iter().chain(MAY_NOT).filter(|(method, _)| *method != "HEAD") {
        let answer = send(&edge, method, keyed).await;
        assert_eq!(answer.problem(), (503, "service_unavailable".to_owned()), "{method}");
        assert!(answer.detail().contains("was not carried out"), "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_elsewhere_too() {
    let (refusing, good) = (Upstream::refusing(), Upstream::named("good").await);
    let edge = Edge::start(&[&refusing, &good]);
    for n in 1..=20 {
        assert_eq!(send(&edge, "GET", false).await.status, 200);
        assert_eq!(good.count(), n);
    }
    let statuses: Vec<_> = {
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(send(&edge, "POST", false).await.status);
        }
        statuses
    };
    assert!(statuses.contains(&503) && statuses.contains(&200), "{statuses:?}");
}

#[tokio::test]
async fn a_second_try_that_finds_nobody_does_not_hide_what_the_first_may_have_done() {
    // One connection is taken and closed, all further ones are refused.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let once = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        crate::support::Wire::new(stream).head().await.unwrap();
    });
    let setup = Setup::of(&[]).set(|settings| {
        settings.user = vec![base.clone()];
        settings.order = vec![base.clone()];
        settings.inventory = vec![base];
    });
    let edge = setup.start();
    let answer = send(&edge, "POST", true).await;
    once.await.unwrap();
    assert_eq!(answer.problem(), (503, "service_unavailable".to_owned()));
    assert!(answer.detail().contains("Whether the request took effect is not known"), "{answer:?}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_asked_for_again() {
    let upstream = Upstream::babbling().await;
    let edge = Edge::start(&[&upstream]);
    for (n, (method, keyed)) in MAY_REPEAT.into_iter().chain(MAY_NOT).enumerate() {
        let answer = send(&edge, method, keyed).await;
        assert_eq!(answer.status, 502, "{method}");
        assert_eq!(upstream.count(), n + 1, "{method}");
    }
    assert_eq!(edge.get("/api/v1/orders").await.problem(), (502, "bad_gateway".to_owned()));
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_as_good_as_unreadable() {
    let upstream = Upstream::start(async |mut call| {
        call.wire
            .write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
            .await;
        call.wire.closed().await;
        None
    })
    .await;
    let edge = Edge::start(&[&upstream]);
    assert_eq!(edge.get("/api/v1/orders").await.problem(), (502, "bad_gateway".to_owned()));
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn no_status_is_asked_for_again() {
    for status in
        ["400 Bad", "404 Not Found", "409 Conflict", "429 Too Many", "500 Broken", "503 Unavailable"]
    {
        let upstream = Upstream::start(move |call| {
            call.answer(format!("{status}\r\ncontent-type: application/problem+json"), "{}")
        })
        .await;
        let edge = Edge::start(&[&upstream]);
        assert_eq!(edge.get("/api/v1/orders").await.text, "{}", "{status}");
        assert_eq!(upstream.count(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_sent_along_allows_nothing() {
    let upstream = Upstream::closing().await;
    let edge = Edge::start(&[&upstream]);
    let answer = edge
        .raw(
            "POST /api/v1/orders HTTP/1.1\nhost: x\nidempotency-key: 4711\nconnection: close, Idempotency-Key\n\
             content-length: 0\n\n",
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn a_key_that_the_route_does_not_take_allows_nothing() {
    let upstream = Upstream::closing().await;
    let edge = Edge::start(&[&upstream]);
    for (path, tries, sentence) in
        [("/api/v1/orders", 2, "same Idempotency-Key"), ("/api/v1/auth/login", 1, "Look before repeating it")]
    {
        let before = upstream.count();
        let answer = Answer::of(edge.request("POST", path).header(KEY.0, KEY.1).body("{}")).await;
        assert_eq!(answer.problem(), (502, "bad_gateway".to_owned()), "{path}");
        assert!(answer.detail().contains(sentence), "{answer:?}");
        assert_eq!(upstream.count() - before, tries, "{path}");
    }
}

#[tokio::test]
async fn the_second_try_has_the_same_head_and_body() {
    let (upstream, bodies) = {
        let bodies = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = bodies.clone();
        let upstream = Upstream::start(move |mut call| {
            let seen = seen.clone();
            async move {
                let body = call.body().await?;
                seen.lock().unwrap().push(String::from_utf8(body).unwrap());
                None
            }
        })
        .await;
        (upstream, bodies)
    };
    let edge = Edge::start(&[&upstream]);
    let request = edge.request("POST", "/api/v1/orders?x=1").header(KEY.0, KEY.1).body("{\"amount\":1}");
    assert_eq!(Answer::of(request).await.status, 502);
    assert_eq!(*bodies.lock().unwrap(), ["{\"amount\":1}", "{\"amount\":1}"]);
    let [first, second] = &upstream.calls()[..] else { panic!("two calls") };
    let without_parent = |head: &str| {
        head.lines().filter(|line| !line.starts_with("traceparent")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_parent(first), without_parent(second));
}
