//! The guard: who is counted together, what is counted, what every answer says of it, and how large a head may be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::App;
use actix_web::http::Method;
use actix_web::middleware::{NormalizePath, TrailingSlash, from_fn};
use actix_web::test::TestRequest;
use actix_web::web::{Data, get, route};
use actix_web::{HttpRequest, HttpResponse};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;
use tradepost_kernel::{Clock, SessionId, Timestamp, UserId};
use tradepost_platform::auth::{KeyRing, TokenSettings, Verifier, signed_in};
use tradepost_platform::guard::{
    ClientAddress, Each, Guard, HeadLimits, Policy, RateLimits, TrustedProxies, guard,
};
use tradepost_problem::finish;

use crate::signed_in::{KID, NOW_S, header, new_key, sign};
use crate::support::{Answer, Client};

/// A clock that is moved by hand and counts how often it is asked.
#[derive(Default)]
struct Hand {
    moved_ms: AtomicI64,
    asked: AtomicI64,
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Timestamp::from_timestamp_millis(NOW_S * 1000 + self.moved_ms.load(Ordering::SeqCst)).unwrap()
    }
}

struct World {
    client: Client,
    clock: Arc<Hand>,
    /// Asked once by each check of a signature.
    token_clock: Arc<Hand>,
    key: EncodingKey,
}

async fn address(request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().body(ClientAddress::of(&request).unwrap().to_string())
}

/// Everything by address, `/door/` by address, and everything by user.
fn policies(numbers: [u32; 3]) -> [Policy; 3] {
    let policy = |name, each, per_minute, counts| Policy { name, each, per_minute, counts };
    [
        policy("all", Each::Address, numbers[0], |_, _| true),
        policy("door", Each::Address, numbers[1], |_, path| path.starts_with("/door/")),
        policy("user", Each::User, numbers[2], |_, _| true),
    ]
}

fn is_exempt(method: &Method, path: &str) -> bool {
    *method == Method::OPTIONS || path == "/free"
}

impl World {
    async fn new(numbers: [u32; 3]) -> Self {
        Self::with(numbers, &[], HeadLimits { max_uri_bytes: 100, max_head_bytes: 500 }).await
    }

    async fn with(numbers: [u32; 3], trusted: &[&str], head: HeadLimits) -> Self {
        let (clock, token_clock) = (Arc::new(Hand::default()), Arc::new(Hand::default()));
        let key = new_key();
        let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
        public.common.key_id = Some(KID.to_owned());
        let settings = TokenSettings { issuer: "tradepost".to_owned(), audience: "api".to_owned() };
        let verifier = Verifier::new(
            Arc::new(KeyRing::fixed(&JwkSet { keys: vec![public] })),
            &settings,
            token_clock.clone(),
        );
        let trusted: Vec<_> = trusted.iter().map(|&entry| entry.to_owned()).collect();
        let proxies = TrustedProxies::parse(&trusted).unwrap();
        let rates = RateLimits::new(&policies(numbers), is_exempt, clock.clone());
        let app = App::new()
            .wrap(from_fn(guard))
            .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
            .wrap(from_fn(finish))
            .app_data(Data::new(Guard::new(proxies, head, rates)))
            .app_data(Data::new(verifier))
            .route("/mine", get().to(address).wrap(from_fn(signed_in)))
            .route("/{tail:.*}", route().to(address));
        Self { client: Client::of(app).await, clock, token_clock, key }
    }

    async fn send(&self, request: TestRequest, peer: &str) -> Answer {
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        self.client.send(request.peer_addr(peer)).await
    }

    async fn get(&self, path: &str, peer: &str) -> Answer {
        self.send(TestRequest::get().uri(path), peer).await
    }

    /// How many requests pass until one is refused.
    async fn allowed(&self, path: &str, peer: &str) -> u32 {
        for passed in 0..1000 {
            let answer = self.get(path, peer).await;
            if answer.status != 200 {
                assert_eq!(answer.problem(), (429, "rate_limited"));
                return passed;
            }
        }
        panic!("there is no limit");
    }

    fn token(&self, user: UserId, expires_s: i64) -> String {
        let claims = json!({
            "sub": "alice_1", "uid": user, "role": "user", "sid": SessionId::generate(), "typ": "access",
            "iss": "tradepost", "aud": "api", "iat": NOW_S - 60, "exp": NOW_S + expires_s, "jti": "1",
        });
        sign(&self.key, &header(Algorithm::EdDSA, Some(KID)), &claims)
    }

    async fn get_as(&self, token: &str, path: &str, peer: &str) -> Answer {
        let request = TestRequest::get().uri(path);
        self.send(request.insert_header(("authorization", format!("Bearer {token}"))), peer).await
    }
}

const LARGE: HeadLimits = HeadLimits { max_uri_bytes: 10_000, max_head_bytes: 10_000 };

#[actix_web::test]
async fn an_address_has_so_many_requests_and_another_has_its_own() {
    let world = World::new([3, 0, 0]).await;
    assert_eq!(world.allowed("/a", "192.0.2.1").await, 3);
    assert_eq!(world.allowed("/b", "192.0.2.1").await, 0);
    assert_eq!(world.allowed("/a", "192.0.2.2").await, 3);
    world.clock.moved_ms.store(20_000, Ordering::SeqCst);
    assert_eq!(world.allowed("/a", "192.0.2.1").await, 1);
}

#[actix_web::test]
async fn ipv6_is_counted_by_its_64_and_ipv4_written_as_ipv6_as_ipv4() {
    let world = World::new([3, 0, 0]).await;
    assert_eq!(world.allowed("/", "2001:db8::1").await, 3);
    assert_eq!(world.allowed("/", "2001:db8::ffff:1").await, 0);
    assert_eq!(world.allowed("/", "2001:db8:0:1::1").await, 3);
    assert_eq!(world.allowed("/", "::ffff:192.0.2.1").await, 3);
    assert_eq!(world.allowed("/", "192.0.2.1").await, 0);
}

#[actix_web::test]
async fn no_way_of_writing_a_path_escapes_its_class() {
    let world = World::new([0, 3, 0]).await;
    assert_eq!(world.allowed("/door/in", "192.0.2.1").await, 3);
    for path in ["/door/", "//door//in", "/%64oor/in", "/d%6For/in?x=1", "///%64%6f%6f%72/in", "/door/%20"] {
        assert_eq!(world.get(path, "192.0.2.1").await.problem(), (429, "rate_limited"), "{path}");
    }
    for path in ["/door", "/doors/in", "/Door/in", "/x/door/in", "/x?y=/door/"] {
        assert_eq!(world.get(path, "192.0.2.1").await.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn what_is_exempt_is_not_limited_and_what_counts_nothing_says_nothing() {
    let world = World::new([1, 1, 1]).await;
    assert_eq!(world.allowed("/a", "192.0.2.1").await, 1);
    let options = TestRequest::default().method(Method::OPTIONS).uri("/a");
    for answer in [world.get("/free", "192.0.2.1").await, world.send(options, "192.0.2.1").await] {
        assert_eq!(answer.status, 200);
        assert_eq!((answer.header("ratelimit"), answer.header("x-ratelimit-limit")), (None, None));
    }
    let off = World::new([0, 0, 0]).await;
    for _ in 0..50 {
        let answer = off.get("/door/in", "192.0.2.1").await;
        assert_eq!((answer.status, answer.header("ratelimit-policy")), (200, None));
    }
}

#[actix_web::test]
async fn every_answer_says_where_each_limit_stands() {
    let world = World::new([100_000, 10, 30]).await;
    let token = world.token(UserId::generate(), 60);
    let answer = world.get_as(&token, "/door/in", "192.0.2.1").await;
    for (name, value) in [
        ("ratelimit-policy", r#""all";q=100000;w=60, "door";q=10;w=60, "user";q=30;w=60"#),
        ("ratelimit", r#""all";r=99999;t=1, "door";r=9;t=6, "user";r=29;t=2"#),
        ("x-ratelimit-limit", "10"),
        ("x-ratelimit-remaining", "9"),
        ("x-ratelimit-reset", &(NOW_S + 6).to_string()),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let answer = world.get("/a", "192.0.2.1").await;
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""all";q=100000;w=60"#));
    assert_eq!(answer.header("ratelimit"), Some(r#""all";r=99998;t=1"#));
    assert_eq!(answer.header("retry-after"), None);
}

#[actix_web::test]
async fn a_refusal_says_so_too_and_when_to_come_back() {
    let world = World::new([100, 4, 0]).await;
    assert_eq!(world.allowed("/door/in", "192.0.2.1").await, 4);
    world.clock.moved_ms.store(3_500, Ordering::SeqCst);
    let answer = world.get("/door/in", "192.0.2.1").await;
    assert_eq!(answer.problem(), (429, "rate_limited"));
    assert_eq!(answer.body["detail"], "There were too many requests. Try again in 12 seconds.");
    for (name, value) in [
        ("retry-after", "12"),
        ("ratelimit-policy", r#""all";q=100;w=60, "door";q=4;w=60"#),
        ("x-ratelimit-limit", "4"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", &(NOW_S + 63).to_string()),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.header("ratelimit").unwrap().ends_with(r#", "door";r=0;t=12"#), "{answer:?}");
    world.clock.moved_ms.store(14_999, Ordering::SeqCst);
    assert_eq!(world.get("/door/in", "192.0.2.1").await.header("retry-after"), Some("1"));
    world.clock.moved_ms.store(15_000, Ordering::SeqCst);
    assert_eq!(world.allowed("/door/in", "192.0.2.1").await, 1);
}

#[actix_web::test]
async fn a_refused_request_uses_up_nothing_of_the_limits_after_the_one_that_refused_it() {
    let world = World::new([100, 2, 5]).await;
    let token = world.token(UserId::generate(), 60);
    for _ in 0..2 {
        assert_eq!(world.get_as(&token, "/door/in", "192.0.2.1").await.status, 200);
    }
    for _ in 0..10 {
        assert_eq!(world.get_as(&token, "/door/in", "192.0.2.1").await.status, 429);
    }
    assert_eq!(world.token_clock.asked.load(Ordering::SeqCst), 2, "a refusal by address checks no signature");
    let answer = world.get_as(&token, "/a", "192.0.2.1").await;
    assert_eq!(answer.header("ratelimit"), Some(r#""all";r=87;t=1, "user";r=2;t=12"#));
}

#[actix_web::test]
async fn a_user_is_counted_wherever_they_come_from_and_only_with_a_valid_token() {
    let world = World::new([0, 0, 3]).await;
    let (alice, bob) = (world.token(UserId::generate(), 60), world.token(UserId::generate(), 60));
    for peer in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        assert_eq!(world.get_as(&alice, "/a", peer).await.status, 200);
    }
    assert_eq!(world.get_as(&alice, "/a", "192.0.2.9").await.problem(), (429, "rate_limited"));
    assert_eq!(world.get_as(&bob, "/a", "192.0.2.1").await.status, 200);
    let expired = world.token(UserId::generate(), 0);
    for token in [&expired, "nonsense", ""] {
        for _ in 0..5 {
            let answer = world.get_as(token, "/a", "192.0.2.1").await;
            assert_eq!((answer.status, answer.header("ratelimit")), (200, None), "{token}");
        }
    }
}

#[actix_web::test]
async fn a_signature_is_checked_once_however_many_ask() {
    let world = World::new([0, 0, 100]).await;
    for (expires_s, status) in [(60, 200), (0, 401)] {
        let before = world.token_clock.asked.load(Ordering::SeqCst);
        let answer = world.get_as(&world.token(UserId::generate(), expires_s), "/mine", "192.0.2.1").await;
        assert_eq!((answer.status, answer.header("ratelimit").is_some()), (status, status == 200));
        assert_eq!(world.token_clock.asked.load(Ordering::SeqCst), before + 1, "{status}");
    }
    let off = World::new([100, 0, 0]).await;
    assert_eq!(off.get_as(&off.token(UserId::generate(), 60), "/a", "192.0.2.1").await.status, 200);
    assert_eq!(off.token_clock.asked.load(Ordering::SeqCst), 0, "nobody asked who it is");
}

#[actix_web::test]
async fn forwarded_addresses_count_only_from_a_trusted_peer() {
    let world = World::with([2, 0, 0], &["192.0.2.0/24"], LARGE).await;
    let send = |peer: &'static str, forwarded: &'static str| {
        let request = TestRequest::get().uri("/").insert_header(("x-forwarded-for", forwarded));
        world.send(request, peer)
    };
    for spoofed in ["203.0.113.1", "203.0.113.2"] {
        let answer = send("198.51.100.1", spoofed).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "198.51.100.1"));
    }
    assert_eq!(send("198.51.100.1", "203.0.113.3").await.status, 429);
    for (peer, forwarded, client) in [
        ("192.0.2.1", "203.0.113.1", "203.0.113.1"),
        ("192.0.2.2", "9.9.9.9, 203.0.113.1, 192.0.2.1", "203.0.113.1"),
        ("192.0.2.1", "203.0.113.2", "203.0.113.2"),
    ] {
        assert_eq!(send(peer, forwarded).await.text, client);
    }
    assert_eq!(send("192.0.2.1", "8.8.8.8, 203.0.113.1").await.status, 429);
}

#[actix_web::test]
async fn an_address_of_the_limit_passes_and_one_byte_more_is_414() {
    let world = World::new([50, 0, 0]).await;
    for (uri, status) in [
        (format!("/{}", "x".repeat(99)), 200),
        (format!("/{}", "x".repeat(100)), 414),
        (format!("/?{}", "x".repeat(98)), 200),
        (format!("/?{}", "x".repeat(99)), 414),
        (format!("/free?{}", "x".repeat(95)), 414),
    ] {
        let answer = world.get(&uri, "192.0.2.1").await;
        assert_eq!(answer.status, status, "{} bytes", uri.len());
        assert_eq!(answer.header("ratelimit").is_some(), !uri.starts_with("/free"));
        if status == 414 {
            assert_eq!(answer.problem(), (414, "uri_too_long"));
        }
    }
}

#[actix_web::test]
async fn header_lines_of_the_limit_pass_and_one_byte_more_is_431() {
    let world = World::new([50, 0, 0]).await;
    // A name of three bytes, and four for the separators; each line counts, also of the same name.
    for (lengths, status) in [(&[493][..], 200), (&[494], 431), (&[243, 243], 200), (&[243, 244], 431)] {
        let request = lengths.iter().fold(TestRequest::get().uri("/free"), |request, length| {
            request.append_header(("x-y", "v".repeat(*length)))
        });
        let answer = world.send(request, "192.0.2.1").await;
        assert_eq!(answer.status, status, "{lengths:?}");
        if status == 431 {
            assert_eq!(answer.problem(), (431, "headers_too_large"));
        }
    }
}
