//! Which headers go through, and what upstreams are told of where a request came from.

use crate::support::{Answer, Edge, Setup, Upstream, header};

/// The head that the upstream got for this head.
async fn received(lines: &str) -> String {
    received_from(lines, &[]).await
}

/// The same, with these proxies trusted.
async fn received_from(lines: &str, trusted: &[&str]) -> String {
    let upstream = Upstream::named("here").await;
    let mut setup = Setup::of(&[&upstream]);
    setup.trusted_proxies = trusted.iter().map(|&proxy| proxy.to_owned()).collect();
    let edge = setup.start();
    let answer =
        edge.raw(&format!("GET /api/v1/orders HTTP/1.1\n{}\nconnection: close\n\n", lines.trim())).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    upstream.calls()[0].clone()
}

/// The answer that the client got for this head of an answer.
async fn answered(head: &'static str) -> Answer {
    let upstream = Upstream::start(move |call| call.answer(head, "{}")).await;
    Edge::start(&[&upstream]).get("/api/v1/orders").await
}

#[tokio::test]
async fn what_is_of_the_connection_to_the_client_stays_there() {
    let head = received(
        "host: example.com\nConnection: x-once, X-Twice\nconnection: keep-alive\nx-once: 1\nx-twice: 2\n\
         keep-alive: timeout=5\nproxy-authorization: Basic x\nproxy-connection: keep-alive\nte: trailers\n\
         trailer: x\nupgrade: websocket\nexpect: nothing\nx-kept: 1",
    )
    .await;
    for name in [
        "connection",
        "x-once",
        "x-twice",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
        "transfer-encoding",
        "content-length",
        "expect",
    ] {
        assert_eq!(header(&head, name), None, "{name}: {head}");
    }
    assert_eq!(header(&head, "x-kept").as_deref(), Some("1"));
}

#[tokio::test]
async fn what_is_of_the_message_arrives_unchanged() {
    let head = received(
        "host: example.com\nauthorization: Bearer x.y.z\naccept: application/json\naccept-encoding: gzip\n\
         user-agent: somebody\ncookie: a=1\ncookie: b=2\nif-none-match: \"1\"\nlast-event-id: 7\n\
         x-odd: \u{e9}",
    )
    .await;
    for (name, value) in [
        ("authorization", "Bearer x.y.z"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
        ("user-agent", "somebody"),
        ("cookie", "a=1 | b=2"),
        ("if-none-match", "\"1\""),
        ("last-event-id", "7"),
        ("x-odd", "\u{e9}"),
        ("via", "1.1 tradepost"),
    ] {
        assert_eq!(header(&head, name).as_deref(), Some(value), "{name}: {head}");
    }
    assert_eq!(header(&received("host: x").await, "accept"), None, "nothing is made up");
}

#[tokio::test]
async fn the_upstream_is_asked_by_its_own_name() {
    let upstream = Upstream::named("here").await;
    let edge = Edge::start(&[&upstream]);
    edge.get("/api/v1/orders").await;
    assert_eq!(header(&upstream.calls()[0], "host"), Some(upstream.address.to_string()));
}

#[tokio::test]
async fn upstreams_are_told_where_a_request_came_from() {
    for (host, x_host, forwarded) in [
        ("example.com", Some("example.com"), "proto=http;host=\"example.com\";for=127.0.0.1"),
        ("example.com:8080", Some("example.com:8080"), "proto=http;host=\"example.com:8080\";for=127.0.0.1"),
        ("[::1]:80", Some("[::1]:80"), "proto=http;host=\"[::1]:80\";for=127.0.0.1"),
        ("a\";for=10.0.0.1;x=\"", None, "proto=http;for=127.0.0.1"),
        ("a,b", None, "proto=http;for=127.0.0.1"),
        ("root@a", None, "proto=http;for=127.0.0.1"),
    ] {
        let head = received(&format!("host: {host}")).await;
        assert_eq!(header(&head, "x-forwarded-for").as_deref(), Some("127.0.0.1"), "{host}");
        assert_eq!(header(&head, "x-forwarded-proto").as_deref(), Some("http"), "{host}");
        assert_eq!(header(&head, "x-forwarded-host").as_deref(), x_host, "{host}");
        assert_eq!(header(&head, "forwarded").as_deref(), Some(forwarded), "{host}");
    }
}

#[tokio::test]
async fn what_a_client_says_of_its_origin_counts_for_nothing() {
    let head = received(
        "host: example.com\nx-forwarded-for: 10.0.0.1\nX-Forwarded-For: 10.0.0.2\nx-forwarded-proto: https\n\
         x-forwarded-host: evil.example\nx-forwarded-port: 443\nx-forwarded-prefix: /x\n\
         forwarded: for=10.0.0.1\nx-real-ip: 10.0.0.1",
    )
    .await;
    assert!(!head.contains("10.0.0.") && !head.contains("evil"), "{head}");
    assert_eq!(header(&head, "x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(header(&head, "x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(header(&head, "forwarded").as_deref(), Some("proto=http;host=\"example.com\";for=127.0.0.1"));
    assert_eq!((header(&head, "x-forwarded-port"), header(&head, "x-forwarded-prefix")), (None, None));
}

#[tokio::test]
async fn what_a_trusted_proxy_says_is_passed_on() {
    for (lines, client, proto, host) in [
        (
            "x-forwarded-for: 198.51.100.1, 203.0.113.9\nx-forwarded-proto: https\nx-forwarded-host: a.example:8443",
            "203.0.113.9",
            "https",
            "a.example:8443",
        ),
        (
            "forwarded: for=198.51.100.1;proto=http, for=\"203.0.113.9:4711\";proto=https;host=a.example",
            "203.0.113.9",
            "https",
            "a.example",
        ),
        ("x-forwarded-for: 203.0.113.9", "203.0.113.9", "http", "inner"),
        ("x-forwarded-proto: https", "127.0.0.1", "https", "inner"),
        ("x-forwarded-proto: gopher\nx-forwarded-host: a\";for=\"b", "127.0.0.1", "http", "inner"),
    ] {
        let head = received_from(&format!("host: inner\n{lines}"), &["127.0.0.0/8"]).await;
        assert_eq!(header(&head, "x-forwarded-for").as_deref(), Some(client), "{lines}");
        assert_eq!(header(&head, "x-forwarded-proto").as_deref(), Some(proto), "{lines}");
        assert_eq!(header(&head, "x-forwarded-host").as_deref(), Some(host), "{lines}");
        let forwarded = format!("proto={proto};host=\"{host}\";for={client}");
        assert_eq!(header(&head, "forwarded"), Some(forwarded), "{lines}");

        let head = received_from(&format!("host: inner\n{lines}"), &["192.0.2.0/24"]).await;
        let seen = "proto=http;host=\"inner\";for=127.0.0.1";
        assert_eq!(header(&head, "forwarded").as_deref(), Some(seen), "{lines}");
        assert_eq!(header(&head, "x-forwarded-proto").as_deref(), Some("http"), "{lines}");
        assert_eq!(header(&head, "x-forwarded-host").as_deref(), Some("inner"), "{lines}");
    }
}

#[tokio::test]
async fn nobody_can_drop_what_the_gateway_says_by_naming_it_in_connection() {
    let head = received("host: x\nconnection: x-forwarded-for, forwarded, host, x-request-id, via").await;
    for name in ["x-forwarded-for", "forwarded", "host", "x-request-id", "via"] {
        assert!(header(&head, name).is_some(), "{name}: {head}");
    }
}

#[tokio::test]
async fn what_services_believe_of_each_other_does_not_come_from_a_client() {
    let head = received(
        "host: x\nx-service-token: t\nX-Service-Token: u\nx-deadline-ms: 1\nx-tradepost-user: root\n\
         X-Tradepost-Anything: y\nx-tradepos: kept",
    )
    .await;
    for name in ["x-service-token", "x-deadline-ms", "x-tradepost-user", "x-tradepost-anything"] {
        assert_eq!(header(&head, name), None, "{head}");
    }
    assert_eq!(header(&head, "x-tradepos").as_deref(), Some("kept"));
}

#[tokio::test]
async fn cors_is_answered_here_and_asked_nowhere_else() {
    let head = received(
        "host: x\norigin: http://localhost:3000\naccess-control-request-method: POST\n\
         access-control-request-headers: x",
    )
    .await;
    assert!(!head.contains("origin:") && !head.contains("access-control-"), "{head}");
}

#[tokio::test]
async fn a_request_has_one_id_on_all_its_ways() {
    let upstream = Upstream::start(|call| call.answer("200 OK\r\nx-request-id: theirs-4711", "{}")).await;
    let edge = Edge::start(&[&upstream]);
    for (sent, is_kept) in [("checkout-4711", true), ("bad id", false)] {
        let before = upstream.count();
        let answer = Answer::of(edge.request("GET", "/api/v1/orders").header("x-request-id", sent)).await;
        let forwarded = header(&upstream.calls()[before], "x-request-id").unwrap();
        assert_eq!(answer.all("x-request-id"), [forwarded.as_str()]);
        assert_eq!(forwarded == sent, is_kept, "{forwarded}");
    }
}

#[tokio::test]
async fn a_trace_goes_on_under_its_id_and_one_that_is_none_begins_here() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    for (sent, state) in [
        (format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01\ntracestate: a=b"), Some("a=b")),
        (format!("traceparent: 00-{TRACE}-0000000000000000-01\ntracestate: a=b"), None),
        (format!("traceparent: {TRACE}\ntracestate: a=b"), None),
        ("tracestate: a=b".to_owned(), None),
        (String::new(), None),
    ] {
        let head = received(&format!("host: x\n{sent}")).await;
        let onward = header(&head, "traceparent").unwrap_or_else(|| panic!("{sent}: {head}"));
        let parts: Vec<_> = onward.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 32, 16, 2], "{onward}");
        assert_eq!(parts[1] == TRACE, state.is_some(), "{sent}");
        assert!(!sent.contains(parts[2]), "the gateway is the parent now: {onward}");
        assert_eq!(header(&head, "tracestate").as_deref(), state, "{sent}");
    }
}

#[tokio::test]
async fn what_is_of_the_connection_to_the_upstream_stays_there() {
    let answer = answered(
        "200 OK\r\nconnection: x-once, keep-alive\r\nx-once: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\n\
         upgrade: h2c\r\ntrailer: x\r\nx-kept: 1",
    )
    .await;
    for name in ["connection", "x-once", "keep-alive", "proxy-authenticate", "upgrade", "trailer"] {
        assert_eq!(answer.header(name), None, "{name}: {answer:?}");
    }
    assert_eq!(answer.header("x-kept"), Some("1"));
}

#[tokio::test]
async fn what_the_gateway_says_itself_is_not_said_twice() {
    let answer = answered(
        "200 OK\r\naccess-control-allow-origin: *\r\naccess-control-expose-headers: x\r\nratelimit: x\r\n\
         ratelimit-policy: x\r\nx-ratelimit-limit: 1\r\nx-ratelimit-remaining: 1\r\n\
         x-service-token: t\r\nx-tradepost-user: u\r\n\
         vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\nvary: Accept, Origin",
    )
    .await;
    for name in [
        "access-control-allow-origin",
        "access-control-expose-headers",
        "ratelimit",
        "ratelimit-policy",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-service-token",
        "x-tradepost-user",
    ] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.all("vary"), ["Accept"]);
}

#[tokio::test]
async fn what_is_of_the_answer_arrives_unchanged() {
    let answer = answered(
        "201 Created\r\nset-cookie: a=1\r\nset-cookie: b=2\r\netag: \"1\"\r\nlocation: /api/v1/orders/7\r\n\
         idempotency-replayed: true\r\nretry-after: 9\r\ncontent-type: application/json\r\n\
         date: Mon, 01 Jan 2024 00:00:00 GMT\r\ncache-control: max-age=1\r\ncontent-encoding: gzip\r\n\
         vary: accept-encoding",
    )
    .await;
    assert_eq!((answer.status, answer.text.as_str()), (201, "{}"));
    assert_eq!(answer.all("set-cookie"), ["a=1", "b=2"]);
    for (name, value) in [
        ("etag", "\"1\""),
        ("location", "/api/v1/orders/7"),
        ("idempotency-replayed", "true"),
        ("retry-after", "9"),
        ("content-type", "application/json"),
        ("content-length", "2"),
        ("date", "Mon, 01 Jan 2024 00:00:00 GMT"),
        ("cache-control", "max-age=1"),
        // Whoever asked for it unpacks it.
        ("content-encoding", "gzip"),
        ("vary", "accept-encoding"),
    ] {
        assert_eq!(answer.all(name), [value], "{name}");
    }
}

#[tokio::test]
async fn problem_documents_of_upstreams_pass_as_they_are() {
    const DOCUMENT: &str = r#"{"status":422,"code":"insufficient_funds","detail":"x"}"#;
    let upstream = Upstream::start(|call| {
        call.answer("422 Unprocessable\r\ncontent-type: application/problem+json\r\nx: 1", DOCUMENT)
    })
    .await;
    let answer = Edge::start(&[&upstream]).send("POST", "/api/v1/orders").await;
    assert_eq!(answer.problem(), (422, "insufficient_funds".to_owned()));
    assert_eq!((answer.text.as_str(), answer.header("x")), (DOCUMENT, Some("1")));
}
