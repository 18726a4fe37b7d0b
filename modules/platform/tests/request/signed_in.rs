//! Authentication: which tokens pass, that it comes first, and what liveness costs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::App;
use actix_web::middleware::from_fn;
use actix_web::test::TestRequest;
use actix_web::web::{Data, Json, resource};
use async_trait::async_trait;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::Ed25519KeyPair;
use futures_util::future::join_all;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tradepost_kernel::{Clock, SessionId, Timestamp, UserId};
use tradepost_platform::auth::{
    Caller, KeyRing, SessionCache, Sessions, TokenSettings, Verifier, admin_only, signed_in,
};
use tradepost_platform::request::{Body, Path};
use tradepost_problem::Outage;

use crate::support::{Answer, Client, Form, Transfer};

pub const NOW_S: i64 = 1_767_225_600;
pub const KID: &str = "key-1";

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp_millis(NOW_S * 1000).unwrap()
    }
}

/// Sessions that answer what they are told, and count how often.
struct Register {
    answer: Mutex<Result<bool, Outage>>,
    asked: AtomicUsize,
    /// Whoever asks waits here until the gate is opened.
    gate: Semaphore,
}

#[async_trait]
impl Sessions for Register {
    async fn is_live(&self, _: UserId, _: SessionId) -> Result<bool, Outage> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = *self.answer.lock().unwrap();
        let _passed = self.gate.acquire().await.unwrap();
        answer
    }
}

pub struct World {
    pub client: Client,
    key: EncodingKey,
    public: Jwk,
    sessions: Arc<Register>,
    pub cache: Data<SessionCache>,
    user: UserId,
    pub session: SessionId,
}

async fn whoami(caller: Caller) -> Json<Value> {
    let Caller { user, username, session, role } = caller;
    Json(json!({"uid": user, "sub": username, "sid": session, "role": role}))
}

async fn everything(_: Caller, path: Path<Form>, body: Body<Transfer>) -> Json<(Form, Transfer)> {
    Json((path.0, body.0))
}

impl World {
    pub async fn new() -> Self {
        let key = new_key();
        let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
        public.common.key_id = Some(KID.to_owned());
        let settings = TokenSettings { issuer: "tradepost".to_owned(), audience: "api".to_owned() };
        let keys = JwkSet { keys: vec![public.clone()] };
        let verifier =
            Data::new(Verifier::new(Arc::new(KeyRing::fixed(&keys)), &settings, Arc::new(StandingClock)));
        let sessions = Arc::new(Register {
            answer: Mutex::new(Ok(true)),
            asked: AtomicUsize::new(0),
            gate: Semaphore::new(100),
        });
        let cache = Data::new(SessionCache::new());
        let app = App::new()
            .wrap(from_fn(tradepost_problem::finish))
            .app_data(verifier)
            .app_data(cache.clone())
            .app_data(Data::new(Arc::clone(&sessions) as Arc<dyn Sessions>))
            .service(resource("/me").wrap(from_fn(signed_in)).to(whoami))
            .service(resource("/all/{count}").wrap(from_fn(signed_in)).to(everything))
            .service(resource("/open").to(whoami))
            .service(resource("/admin").wrap(from_fn(admin_only)).to(whoami))
            .service(resource("/admin/all/{count}").wrap(from_fn(admin_only)).to(everything));
        let client = Client::of(app).await;
        Self {
            client,
            key,
            public,
            sessions,
            cache,
            user: UserId::generate(),
            session: SessionId::generate(),
        }
    }

    fn claims(&self) -> Value {
        json!({
            "sub": "alice_1", "uid": self.user, "role": "user", "sid": self.session, "typ": "access",
            "iss": "tradepost", "aud": "api", "iat": NOW_S - 60, "exp": NOW_S + 60, "jti": "1",
        })
    }

    /// The claims with one of them replaced, or left out for `null`.
    pub fn claims_but(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        claims
    }

    pub fn sign(&self, claims: &Value) -> String {
        sign(&self.key, &header(Algorithm::EdDSA, Some(KID)), claims)
    }

    pub async fn with_token(&self, request: TestRequest, token: &str) -> Answer {
        let request = request.insert_header(("authorization", format!("Bearer {token}")));
        self.client.send(request).await
    }

    async fn get_me(&self) -> Answer {
        self.with_token(TestRequest::get().uri("/me"), &self.sign(&self.claims())).await
    }

    async fn post_me(&self) -> Answer {
        self.with_token(TestRequest::post().uri("/me"), &self.sign(&self.claims())).await
    }

    /// Sends requests, and does something else after the sessions were asked and before they answer.
    async fn during_a_liveness_read<T>(
        &self,
        requests: impl Future<Output = T>,
        meanwhile: impl Future,
    ) -> T {
        let gate = &self.sessions.gate;
        let closed = gate.acquire_many(100).await.unwrap();
        let meanwhile = async {
            while self.asked() == 0 {
                yield_now().await;
            }
            meanwhile.await;
            drop(closed);
        };
        tokio::join!(requests, meanwhile).0
    }

    pub fn answer(&self, answer: Result<bool, Outage>) {
        *self.sessions.answer.lock().unwrap() = answer;
    }

    pub fn asked(&self) -> usize {
        self.sessions.asked.load(Ordering::SeqCst)
    }
}

pub fn new_key() -> EncodingKey {
    let pair = Ed25519KeyPair::generate().unwrap();
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    EncodingKey::from_ed_der(der.as_ref())
}

pub fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
    Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) }
}

pub fn sign(key: &EncodingKey, header: &Header, claims: &impl Serialize) -> String {
    encode(header, claims, key).unwrap()
}

pub fn assert_unauthenticated(answer: &Answer, case: &str) {
    assert_eq!(answer.problem(), (401, "unauthenticated"), "{case}");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{case}");
}

#[actix_web::test]
async fn the_caller_is_who_the_token_names() {
    let world = World::new().await;
    let answer = world.get_me().await;
    let expected = json!({"uid": world.user, "sub": "alice_1", "sid": world.session, "role": "user"});
    assert_eq!((answer.status, answer.body), (200, expected));
}

#[actix_web::test]
async fn the_scheme_may_be_written_in_any_case() {
    let world = World::new().await;
    let token = world.sign(&world.claims());
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let request = TestRequest::get().uri("/me");
        let request = request.insert_header(("authorization", format!("{scheme} {token}")));
        assert_eq!(world.client.send(request).await.status, 200, "{scheme}");
    }
}

#[actix_web::test]
async fn a_missing_or_malformed_header_is_refused() {
    let world = World::new().await;
    let token = world.sign(&world.claims());
    assert_unauthenticated(&world.client.get("/me").await, "none");
    for value in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer x.y.z".to_owned(),
        format!("Basic {token}"),
        format!("Bearer{token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer \"{token}\""),
        token.clone(),
    ] {
        let request = TestRequest::get().uri("/me").insert_header(("authorization", value.as_str()));
        assert_unauthenticated(&world.client.send(request).await, &value);
    }
    let uri = format!("/me?access_token={token}");
    assert_unauthenticated(&world.client.get(&uri).await, "in the query");
    assert_eq!(world.asked(), 0);
}

#[actix_web::test]
async fn a_token_with_wrong_claims_is_refused_and_costs_no_look_at_the_sessions() {
    let world = World::new().await;
    for (name, value) in [
        ("exp", json!(NOW_S)),
        ("exp", json!(NOW_S - 1)),
        ("exp", json!(0)),
        ("exp", json!("never")),
        ("exp", json!(null)),
        ("aud", json!("another")),
        ("aud", json!(null)),
        ("iss", json!("another")),
        ("iss", json!(null)),
        ("typ", json!("refresh")),
        ("typ", json!(null)),
        ("sub", json!(null)),
        ("uid", json!("nobody")),
        ("uid", json!(null)),
        ("sid", json!(7)),
        ("sid", json!(null)),
    ] {
        let token = world.sign(&world.claims_but(name, value.clone()));
        let answer = world.with_token(TestRequest::get().uri("/me"), &token).await;
        assert_unauthenticated(&answer, &format!("{name} {value}"));
    }
    assert_eq!(world.asked(), 0);
    let last_second = world.sign(&world.claims_but("exp", json!(NOW_S + 1)));
    assert_eq!(world.with_token(TestRequest::get().uri("/me"), &last_second).await.status, 200);
}

#[actix_web::test]
async fn a_token_that_the_published_key_did_not_sign_is_refused() {
    let world = World::new().await;
    let claims = world.claims();
    let ed = |kid| header(Algorithm::EdDSA, kid);
    let public = serde_json::to_value(&world.public).unwrap()["x"].as_str().unwrap().to_owned();
    let shared = EncodingKey::from_secret(public.as_bytes());
    let good = world.sign(&claims);
    let (head, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let other_claims = world.sign(&world.claims_but("role", json!("admin")));
    let other_claims = other_claims.split('.').nth(1).unwrap();
    for (case, token) in [
        ("another key under the same id", sign(&new_key(), &ed(Some(KID)), &claims)),
        ("an unknown id", sign(&world.key, &ed(Some("key-2")), &claims)),
        ("no id", sign(&world.key, &ed(None), &claims)),
        ("the public key as a shared secret", sign(&shared, &header(Algorithm::HS256, Some(KID)), &claims)),
        ("other claims under the signature", format!("{head}.{other_claims}.{signature}")),
        ("no signature", format!("{head}.{}.", rest.split('.').next().unwrap())),
        // {"alg":"none","kid":"key-1"}
        ("no algorithm", format!("eyJhbGciOiJub25lIiwia2lkIjoia2V5LTEifQ.{rest}")),
    ] {
        let answer = world.with_token(TestRequest::get().uri("/me"), &token).await;
        assert_unauthenticated(&answer, case);
    }
    assert_eq!(world.asked(), 0);
}

#[actix_web::test]
async fn a_caller_is_authenticated_before_path_media_type_and_body_are_looked_at() {
    let world = World::new().await;
    let token = world.sign(&world.claims());
    let request = |uri: &str, media_type: &'static str, body: &'static str| {
        TestRequest::post().uri(uri).insert_header(("content-type", media_type)).set_payload(body)
    };
    let json = "application/json";
    for (uri, media_type, body, status) in [
        ("/all/7", json, "{}", 422),
        ("/all/7", json, "{", 400),
        ("/all/7", "text/plain", "{}", 415),
        ("/all/0", json, r#"{"amount":1,"to":"bob"}"#, 422),
        ("/all/7", json, r#"{"amount":1,"to":"bob"}"#, 200),
    ] {
        let anonymous = world.client.send(request(uri, media_type, body)).await;
        assert_unauthenticated(&anonymous, body);
        let known = world.with_token(request(uri, media_type, body), &token).await;
        assert_eq!(known.status, status, "{uri} {media_type} {body}");
    }
}

#[actix_web::test]
async fn a_route_without_authentication_knows_no_caller() {
    let world = World::new().await;
    let answer = world.with_token(TestRequest::get().uri("/open"), &world.sign(&world.claims())).await;
    assert_unauthenticated(&answer, "the token of a public route is ignored");
}

#[actix_web::test]
async fn a_revoked_session_is_refused_whatever_the_method() {
    let world = World::new().await;
    world.answer(Ok(false));
    for request in [TestRequest::get(), TestRequest::post(), TestRequest::delete()] {
        let answer = world.with_token(request.uri("/me"), &world.sign(&world.claims())).await;
        assert_unauthenticated(&answer, "revoked");
    }
}

#[actix_web::test]
async fn a_session_that_this_process_ended_is_refused_at_once() {
    let world = World::new().await;
    assert_eq!(world.get_me().await.status, 200);
    world.cache.revoked(world.session).await;
    assert_unauthenticated(&world.get_me().await, "revoked");
    assert_eq!(world.asked(), 1);
}

#[actix_web::test]
async fn a_session_that_was_ended_while_its_liveness_was_asked_stays_ended() {
    let world = World::new().await;
    world.during_a_liveness_read(world.get_me(), world.cache.revoked(world.session)).await;
    assert_unauthenticated(&world.get_me().await, "revoked");
}

#[actix_web::test]
async fn liveness_is_asked_once_for_many_requests_of_a_session_also_at_the_same_time() {
    let world = World::new().await;
    let many = join_all((0..10).map(|_| world.get_me()));
    let at_once = world.during_a_liveness_read(many, async {}).await;
    assert!(at_once.iter().all(|answer| answer.status == 200));
    assert_eq!(world.post_me().await.status, 200);
    assert_eq!(world.asked(), 1);

    let other = world.sign(&world.claims_but("sid", json!(SessionId::generate())));
    assert_eq!(world.with_token(TestRequest::get().uri("/me"), &other).await.status, 200);
    assert_eq!(world.asked(), 2);
}

#[actix_web::test]
async fn while_liveness_is_unknown_a_read_passes_and_a_change_does_not_and_nothing_is_remembered() {
    let world = World::new().await;
    world.answer(Err(Outage::Storage));
    let token = world.sign(&world.claims());
    for (request, status) in [
        (TestRequest::get(), 200),
        (TestRequest::default().method(actix_web::http::Method::HEAD), 200),
        (TestRequest::post(), 503),
        (TestRequest::put(), 503),
        (TestRequest::patch(), 503),
        (TestRequest::delete(), 503),
    ] {
        let answer = world.with_token(request.uri("/me"), &token).await;
        assert_eq!(answer.status, status);
        if status == 503 {
            assert_eq!(answer.problem(), (503, "storage_unavailable"));
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    assert_eq!(world.asked(), 6);
    world.answer(Ok(true));
    assert_eq!(world.post_me().await.status, 200);
}
