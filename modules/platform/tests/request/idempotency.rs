//! Requests under an `Idempotency-Key`: what is read of them, and what an earlier use of the key makes of them.

use actix_web::App;
use actix_web::middleware::from_fn;
use actix_web::test::TestRequest;
use actix_web::web::{Json, delete, post, put};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tradepost_kernel::{OrderId, Timestamp};
use tradepost_platform::dynamo::Expect;
use tradepost_platform::idempotency::{Answer, KeyRefusal, KeyUse, Keyed, KeyedRequest, Once, Told, Verdict};
use tradepost_problem::{About, Failure, Kind, Outage, Rejection, http};

use crate::support::{Client, Form};

const KEY: &str = "idempotency-key";

async fn form(keyed: Keyed<Form>) -> Json<(Form, Option<KeyedRequest>)> {
    Json((keyed.body, keyed.request))
}

async fn cancel(keyed: Keyed<()>) -> Json<Option<KeyedRequest>> {
    Json(keyed.request)
}

async fn replay() -> Told {
    Told::again(Answer::json(201, &json!({ "done": true })))
}

async fn client() -> Client {
    let app = App::new().wrap(from_fn(tradepost_problem::finish));
    let app = app.route("/form", post().to(form)).route("/form", put().to(form));
    Client::of(app.route("/orders/{id}", delete().to(cancel)).route("/replay", post().to(replay))).await
}

/// The request as a handler has it.
async fn read(request: TestRequest) -> KeyedRequest {
    let answer = client().await.send(request).await;
    let keyed = if answer.body.is_array() { &answer.body[1] } else { &answer.body };
    serde_json::from_value(keyed.clone()).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

fn form_with(key: &str, body: &str) -> TestRequest {
    let request = TestRequest::post().uri("/form").insert_header((KEY, key));
    request.insert_header(("content-type", "application/json")).set_payload(body.to_owned())
}

fn now() -> Timestamp {
    Timestamp::from_timestamp_nanos(1_767_225_600_123_456_789)
}

fn used(request: &KeyedRequest, answer: Option<Answer>) -> KeyUse {
    KeyUse::new(request, "order-0001", answer, now())
}

fn done() -> Answer {
    Answer::json(201, &json!({ "done": true }))
}

#[actix_web::test]
async fn without_a_key_the_body_is_read_as_always() {
    let client = client().await;
    let answer = client.send(TestRequest::post().uri("/form").set_payload("{}")).await;
    assert_eq!(answer.problem(), (415, "unsupported_media_type"));
    let answer = client.send(TestRequest::post().uri("/form")).await;
    assert_eq!((answer.status, &answer.body[1]), (200, &Value::Null));
    assert_eq!(client.send(form_with("k", "{")).await.problem(), (400, "malformed_request"));
    assert_eq!(client.send(form_with("k", r#"{"count":0}"#)).await.broken_fields(), ["count"]);
    assert_eq!(client.send(form_with("", "{}")).await.problem(), (422, "invalid_idempotency_key"));
}

#[actix_web::test]
async fn a_scope_is_the_route_and_the_key() {
    let scope = async |request| read(request).await.scope();
    assert_eq!(scope(form_with("k", "{}")).await, "POST /form#k");
    let cancel = |id: &str| TestRequest::delete().uri(&format!("/orders/{id}")).insert_header((KEY, "k"));
    assert_eq!(scope(cancel("one")).await, "DELETE /orders/{id}#k");
    assert_eq!(scope(cancel("two")).await, "DELETE /orders/{id}#k");
}

#[actix_web::test]
async fn the_same_request_is_the_same_method_path_and_bytes() {
    let first = read(form_with("k", r#"{"count":1}"#)).await;
    let found = used(&first, Some(done()));
    let again = read(form_with("k", r#"{"count":1}"#)).await;
    assert_eq!(again.verdict(Some(&found), now()), Ok(Verdict::Again(done())));
    let put = TestRequest::put().uri("/form").insert_header((KEY, "k"));
    let put = put.insert_header(("content-type", "application/json")).set_payload(r#"{"count":1}"#);
    for other in
        [form_with("k", r#"{"count":2}"#), form_with("k", r#"{ "count":1}"#), form_with("k", ""), put]
    {
        assert_eq!(read(other).await.verdict(Some(&found), now()), Err(KeyRefusal::Reused));
    }
    let cancel = |id: &str| TestRequest::delete().uri(&format!("/orders/{id}")).insert_header((KEY, "k"));
    let found = used(&read(cancel("one")).await, Some(done()));
    assert_eq!(read(cancel("one")).await.verdict(Some(&found), now()), Ok(Verdict::Again(done())));
    assert_eq!(read(cancel("two")).await.verdict(Some(&found), now()), Err(KeyRefusal::Reused));
}

#[actix_web::test]
async fn a_key_is_free_again_after_24_hours_and_not_before() {
    let request = read(form_with("k", "{}")).await;
    let other = read(form_with("k", r#"{"count":1}"#)).await;
    assert_eq!(request.verdict(None, now()), Ok(Verdict::First(Expect::Absent)));
    let (open, answered) = (used(&request, None), used(&request, Some(done())));
    let end = now() + TimeDelta::hours(24);
    let last = end - TimeDelta::nanoseconds(1);
    assert_eq!(request.verdict(Some(&open), last), Err(KeyRefusal::InFlight));
    assert_eq!(request.verdict(Some(&answered), last), Ok(Verdict::Again(done())));
    for found in [&open, &answered] {
        assert_eq!(other.verdict(Some(found), last), Err(KeyRefusal::Reused));
        for request in [&request, &other] {
            let replaces = Verdict::First(Expect::text("work", "order-0001"));
            assert_eq!(request.verdict(Some(found), end), Ok(replaces));
        }
    }
}

#[actix_web::test]
async fn the_store_sweeps_no_use_that_counts() {
    let stored = serde_json::to_value(used(&read(form_with("k", "{}")).await, None)).unwrap();
    let last = (now() + TimeDelta::hours(24)).timestamp();
    assert_eq!(stored["expires_at"], last + 1);
}

/// A refusal of the kind it holds.
#[derive(Clone, Debug, thiserror::Error)]
#[error("No.")]
struct No(&'static About);

impl Failure for No {
    fn about(&self) -> &'static About {
        self.0
    }
}

#[actix_web::test]
async fn refusals_of_the_business_are_kept_and_outages_are_not() {
    const fn about(kind: Kind) -> About {
        About { code: "no", kind, title: "No", explanation: "No." }
    }
    const KEPT: [&About; 4] =
        [&about(Kind::Invalid), &about(Kind::Forbidden), &about(Kind::NotFound), &about(Kind::Conflict)];
    const NOT_KEPT: [&About; 5] = [
        &about(Kind::Unauthenticated),
        &about(Kind::Limited),
        &about(Kind::Unavailable),
        &about(Kind::Internal),
        &about(Kind::Http(400)),
    ];
    let tell: fn(&OrderId) -> Answer = |order| Answer::json(201, order);
    let keyed = Once::new(Some(read(form_with("k", "{}")).await), tell);
    for about in KEPT {
        let answer = keyed.refusal(&No(about)).unwrap();
        assert_eq!(
            (answer.status, answer.content_type.as_str()),
            (about.kind.status(), "application/problem+json")
        );
        let document: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((&document["code"], &document["instance"]), (&json!("no"), &json!("/form")));
        assert_eq!(document["validation_errors"].is_array(), answer.status == 422);
        assert_eq!(Once::new(None, tell).refusal(&No(about)), None, "there is no key");
    }
    for about in NOT_KEPT {
        assert_eq!(keyed.refusal(&No(about)), None, "{about:?}");
    }
    assert_eq!(keyed.refusal(&No(&http::VALIDATION)), None);
    for outage in [Outage::Storage, Outage::Busy, Outage::Peer, Outage::Internal] {
        assert_eq!(keyed.refusal(&outage), None);
    }
}

/// An order is accepted first and answered later: by the process that recovers it, if the first one died.
#[actix_web::test]
async fn an_answer_can_be_added_by_whoever_finishes_the_work() {
    let request = read(form_with("k", "{}")).await;
    let once = Once::new(Some(request.clone()), |order: &OrderId| Answer::json(201, order));
    let accepted = once.key_write(Expect::Absent, "order-0001", None, now()).unwrap();
    assert_eq!(accepted.scope, request.scope());
    assert_eq!(request.verdict(Some(&accepted.item), now()), Err(KeyRefusal::InFlight));
    let kept = serde_json::to_string(&request).unwrap();
    let kept: KeyedRequest = serde_json::from_str(&kept).unwrap();
    let answered = KeyUse::new(&kept, "order-0001", Some(done()), now());
    assert_eq!(KeyUse::of_work(&accepted.item.work), KeyUse::of_work(&answered.work));
    assert_eq!(request.verdict(Some(&answered), now()), Ok(Verdict::Again(done())));
    let refusal = kept.refusal(Rejection::new(KeyRefusal::Reused.about(), "No."));
    assert_eq!(refusal, request.refusal(Rejection::new(KeyRefusal::Reused.about(), "No.")));
}

#[actix_web::test]
async fn a_replay_says_so() {
    let answer = client().await.send(TestRequest::post().uri("/replay")).await;
    assert_eq!((answer.status, answer.text.as_str()), (201, r#"{"done":true}"#));
    assert_eq!(answer.header("idempotency-replayed"), Some("true"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}
