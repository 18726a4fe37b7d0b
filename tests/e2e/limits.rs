//! Limits on how often and how large clients may ask.

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tradepost_testkit::{Setup, ShiftedClock, User, World};

crate::tests![
    an_address_may_ask_so_often_whatever_it_asks,
    sign_up_and_login_are_limited_by_address,
    no_way_of_writing_a_path_gets_around_its_limit,
    reads_are_limited_by_address,
    a_user_may_ask_so_often_beside_others_behind_the_same_address,
    what_a_user_changes_is_limited_and_reading_goes_on,
    an_allowance_comes_back_as_the_time_passes,
    probes_metrics_and_options_are_never_limited,
    every_answer_of_a_limited_route_says_how_much_is_left,
    a_refusal_has_cors_and_security_headers,
    a_forwarded_address_is_not_believed_from_just_anybody,
    a_forwarded_address_of_a_trusted_proxy_is_the_client,
    refusals_are_counted_by_policy,
    an_address_of_8192_bytes_is_read_and_one_more_is_414,
    header_lines_of_16_kib_are_read_and_one_byte_more_is_431,
    json_of_32_levels_is_read_and_of_33_is_400,
];

/// A platform with these limits, whose clock stands still.
async fn limited(world: &World, limits: &[(&str, u32)]) -> (World, Arc<ShiftedClock>) {
    let clock = Arc::new(ShiftedClock::stopped());
    let setup = limits.iter().fold(Setup::default().clock(&clock), |setup, (name, limit)| {
        setup.set(&format!("rate_limits.{name}"), &limit.to_string())
    });
    (world.own(setup).await, clock)
}

const BTC: &str = "/api/v1/inventory/assets/BTC";

/// An answer that was not followed by a look at the page of its problem, which would count as well.
struct Plain {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Plain {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn refused(&self) -> &Self {
        assert_eq!(
            (self.status.as_u16(), &self.body["code"]),
            (429, &json!("rate_limited")),
            "{}",
            self.body
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        self
    }
}

async fn send(request: RequestBuilder) -> Plain {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Plain { status, headers, body: response.json().await.unwrap_or_default() }
}

async fn get(world: &World, path: &str) -> Plain {
    send(world.request(Method::GET, path)).await
}

async fn get_from(world: &World, forwarded: &str, path: &str) -> Plain {
    send(world.request(Method::GET, path).header("x-forwarded-for", forwarded)).await
}

async fn an_address_may_ask_so_often_whatever_it_asks(world: World) {
    let (own, _) = limited(&world, &[("per_address", 6)]).await;
    let paths = [BTC, "/api/v1/balance", "/nothing", "/problems", "/api-docs/openapi.json", "/api/v1/orders"];
    for path in paths {
        assert_ne!(get(&own, path).await.status, 429, "{path}");
    }
    for path in paths {
        get(&own, path).await.refused();
    }
    let login = own.request(Method::POST, "/api/v1/auth/login").json(&json!({}));
    assert_eq!(send(login).await.refused().header("retry-after"), "10");
}

async fn sign_up_and_login_are_limited_by_address(world: World) {
    let (own, _) = limited(&world, &[("auth_per_address", 3)]).await;
    let user = own.new_user().await;
    user.get("/api/v1/auth/profile").await.expect(200);
    let answer = own.post("/api/v1/auth/login", &json!({})).await.refused(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), "20");
    assert!(answer.header("ratelimit").contains("\"auth\";r=0;t=20"), "{answer:?}");
    user.get("/api/v1/auth/profile").await.refused(429, "rate_limited");
    user.get("/api/v1/balance").await.expect(200);
}

async fn no_way_of_writing_a_path_gets_around_its_limit(world: World) {
    let (own, _) = limited(&world, &[("auth_per_address", 1)]).await;
    own.post("/api/v1/auth/login", &json!({})).await.invalid(&["username", "password"]);
    for path in
        ["/api/v1//auth/login", "//api/v1/auth///login", "/api/v1/%61uth/login", "/%61pi/v1/aut%68/login"]
    {
        own.post(path, &json!({})).await.refused(429, "rate_limited");
    }
}

async fn reads_are_limited_by_address(world: World) {
    let (own, _) = limited(&world, &[("reads_per_address", 3)]).await;
    let user = own.new_user().await;
    own.get(BTC).await.expect(200);
    own.send(own.request(Method::HEAD, BTC)).await.expect(200);
    user.get("/api/v1/balance").await.expect(200);
    user.get("/api/v1/balance").await.refused(429, "rate_limited");
    own.get(BTC).await.refused(429, "rate_limited");
    own.send(own.request(Method::HEAD, BTC)).await.expect(429);
    user.deposit("1.00").await;
}

/// Asks until refused, and answers how often that was.
async fn allowed(user: &User, path: &str) -> usize {
    let mut passed = 0;
    while send(user.request(Method::GET, path)).await.status == 200 {
        passed += 1;
        assert!(passed < 100, "there is no limit");
    }
    passed
}

async fn a_user_may_ask_so_often_beside_others_behind_the_same_address(world: World) {
    let (own, _) = limited(&world, &[("per_user", 4)]).await;
    let (alice, bob) = (own.new_user().await, own.new_user().await);
    assert_eq!(allowed(&alice, "/api/v1/balance").await, 4);
    alice.get(BTC).await.refused(429, "rate_limited");
    alice.post("/api/v1/balance/deposit", &json!({ "amount": "1.00" })).await.refused(429, "rate_limited");
    assert_eq!(allowed(&bob, "/api/v1/balance").await, 4);
    let again = own.log_in(&alice.username, tradepost_testkit::PASSWORD).await;
    again.get("/api/v1/balance").await.refused(429, "rate_limited");
    own.get(BTC).await.expect(200);
    let nobody = own.request(Method::GET, "/api/v1/balance").bearer_auth("nonsense");
    own.send(nobody).await.refused(401, "unauthenticated");
}

async fn what_a_user_changes_is_limited_and_reading_goes_on(world: World) {
    let (own, clock) = limited(&world, &[("money_per_user", 2)]).await;
    let (alice, bob) = (own.new_user().await, own.new_user().await);
    alice.deposit("100.00").await;
    alice.order("market_buy", "BTC", "0.001").await.expect(201);
    let answer = alice.order("market_buy", "BTC", "0.001").await.refused(429, "rate_limited");
    assert!(answer.header("ratelimit").ends_with("\"money\";r=0;t=30"), "{answer:?}");
    alice.put("/api/v1/auth/profile", &json!({ "first_name": "Janet" })).await.expect(200);
    alice.get("/api/v1/balance").await.expect(200);
    bob.deposit("1.00").await;
    clock.advance(TimeDelta::seconds(30));
    alice.deposit("1.00").await;
    own.reconcile().await;
}

async fn an_allowance_comes_back_as_the_time_passes(world: World) {
    let (own, clock) = limited(&world, &[("reads_per_address", 6)]).await;
    for (advance_ms, passes) in [(0, 6), (9_999, 0), (1, 1), (20_000, 2), (3_600_000, 6)] {
        clock.advance(TimeDelta::milliseconds(advance_ms));
        for _ in 0..passes {
            assert_eq!(get(&own, BTC).await.status, 200, "after {advance_ms} ms");
        }
        get(&own, BTC).await.refused();
    }
}

async fn probes_metrics_and_options_are_never_limited(world: World) {
    let (own, _) = limited(&world, &[("per_address", 1)]).await;
    get(&own, BTC).await;
    get(&own, BTC).await.refused();
    for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
        for _ in 0..5 {
            let answer = own.get(path).await.expect(200);
            assert_eq!((answer.header("ratelimit"), answer.header("x-ratelimit-limit")), ("", ""));
        }
    }
    own.send(own.request(Method::OPTIONS, BTC)).await.expect(204);
    for path in ["/healthy", "/metrics/x", "/health%2Flive"] {
        get(&own, path).await.refused();
    }
}

async fn every_answer_of_a_limited_route_says_how_much_is_left(world: World) {
    let limits = [("per_address", 1000), ("auth_per_address", 100), ("reads_per_address", 50)];
    let users = [("per_user", 30), ("money_per_user", 20)];
    let (own, _) = limited(&world, &[&limits[..], &users[..]].concat()).await;
    let user = own.new_user().await;
    for (method, path, policies, limit) in [
        (Method::GET, BTC, &["address", "reads", "user"][..], "30"),
        (Method::GET, "/api/v1/auth/profile", &["address", "auth", "reads", "user"], "30"),
        (Method::POST, "/api/v1/auth/logout/nothing", &["address", "auth", "user"], "30"),
        (Method::DELETE, "/api/v1/balance", &["address", "user", "money"], "20"),
        (Method::POST, "/api/v1/orders", &["address", "user", "money"], "20"),
        (Method::GET, "/nothing", &["address", "user"], "30"),
    ] {
        let answer = own.send(user.request(method, path)).await;
        for (header, parameters) in [("ratelimit-policy", ["q", "w"]), ("ratelimit", ["r", "t"])] {
            let items: Vec<_> = answer.header(header).split(", ").collect();
            let names: Vec<_> = items.iter().map(|item| item.split('"').nth(1).unwrap()).collect();
            assert_eq!(names, policies, "{answer:?}");
            for item in items {
                let given: Vec<_> =
                    item.split(';').skip(1).map(|part| part.split_once('=').unwrap()).collect();
                assert_eq!([given[0].0, given[1].0], parameters);
                assert!(given.iter().all(|(_, number)| number.parse::<u64>().is_ok()), "{item}");
            }
        }
        assert_eq!(answer.header("x-ratelimit-limit"), limit, "{answer:?}");
        let remaining: u32 = answer.header("x-ratelimit-remaining").parse().unwrap();
        assert!(remaining < limit.parse().unwrap());
        assert!(answer.header("ratelimit").contains(&format!(";r={remaining};")), "{answer:?}");
        assert_eq!(answer.header("retry-after"), "");
    }
    let anonymous = own.get(BTC).await;
    assert_eq!(anonymous.header("ratelimit-policy"), r#""address";q=1000;w=60, "reads";q=50;w=60"#);
}

async fn a_refusal_has_cors_and_security_headers(world: World) {
    let (own, _) = limited(&world, &[("reads_per_address", 1)]).await;
    own.get(BTC).await.expect(200);
    let request = own.request(Method::GET, BTC).header("origin", "http://localhost:3000");
    let answer = own.send(request).await.refused(429, "rate_limited");
    assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:3000");
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    for header in ["retry-after", "ratelimit", "ratelimit-policy", "x-ratelimit-reset"] {
        assert!(exposed.split(", ").any(|name| name == header), "{header} is missing in {exposed}");
        assert_ne!(answer.header(header), "", "{header}");
    }
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.json()["detail"].as_str().unwrap().ends_with("Try again in 60 seconds."));
}

async fn a_forwarded_address_is_not_believed_from_just_anybody(world: World) {
    let (own, _) = limited(&world, &[("per_address", 2)]).await;
    assert_eq!(get_from(&own, "203.0.113.1", BTC).await.status, 200);
    assert_eq!(get_from(&own, "203.0.113.2", BTC).await.status, 200);
    get_from(&own, "203.0.113.3", BTC).await.refused();
    get(&own, BTC).await.refused();
}

async fn a_forwarded_address_of_a_trusted_proxy_is_the_client(world: World) {
    let clock = Arc::new(ShiftedClock::stopped());
    let setup = Setup::default().clock(&clock).set("rate_limits.per_address", "2");
    let own = world.own(setup.set("server.trusted_proxies", "127.0.0.1, 10.0.0.0/8")).await;
    for client in ["203.0.113.1", "203.0.113.2"] {
        assert_eq!(get_from(&own, client, BTC).await.status, 200);
        // What the client wrote itself stands before what the proxies saw.
        assert_eq!(get_from(&own, &format!("8.8.8.8, {client}, 10.0.0.7"), BTC).await.status, 200);
        get_from(&own, &format!("9.9.9.9, {client}"), BTC).await.refused();
    }
    assert_eq!(get(&own, BTC).await.status, 200, "the proxy itself has an allowance of its own");
}

async fn refusals_are_counted_by_policy(world: World) {
    let (own, _) = limited(&world, &[("reads_per_address", 1)]).await;
    let count = || async {
        let metrics = own.get("/metrics").await.expect(200).text;
        let line =
            metrics.lines().find(|line| line.starts_with("rate_limited_requests_total{policy=\"reads\"}"));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
    };
    let before = count().await;
    own.get(BTC).await.expect(200);
    own.get(BTC).await.refused(429, "rate_limited");
    // Tests in the same process may add to it.
    assert!(count().await > before);
}

async fn an_address_of_8192_bytes_is_read_and_one_more_is_414(world: World) {
    let of_length = |length: usize| format!("{BTC}?{}", "x".repeat(length - BTC.len() - 1));
    world.get(&of_length(8192)).await.expect(200);
    for length in [8193, 60_000] {
        let answer = world.get(&of_length(length)).await.refused(414, "uri_too_long");
        assert_ne!(answer.header("ratelimit"), "");
    }
    world.send(world.request(Method::POST, &of_length(8193))).await.refused(414, "uri_too_long");
}

async fn header_lines_of_16_kib_are_read_and_one_byte_more_is_431(world: World) {
    // Beside it there are `host: 127.0.0.1:12345` and `accept: */*`, each with four bytes for its separators.
    let host = world.base().trim_start_matches("http://").len() + "host".len() + 4;
    let others = host + "accept".len() + "*/*".len() + 4 + "x-padding".len() + 4;
    let with = |length: usize| {
        let padding = "x".repeat(length - others);
        world.send(world.request(Method::GET, BTC).header("x-padding", padding))
    };
    with(16_384).await.expect(200);
    for length in [16_385, 120_000] {
        with(length).await.refused(431, "headers_too_large");
    }
}

async fn json_of_32_levels_is_read_and_of_33_is_400(world: World) {
    let body = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    world.post_text("/api/v1/auth/login", body(32)).await.invalid(&["username", "password"]);
    let answer = world.post_text("/api/v1/auth/login", body(33)).await.refused(400, "malformed_request");
    assert!(answer.json()["detail"].as_str().unwrap().contains("32 levels"));
    world.post_text("/api/v1/auth/login", "[".repeat(60_000)).await.refused(400, "malformed_request");
}
