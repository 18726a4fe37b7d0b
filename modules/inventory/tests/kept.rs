//! What is asked again within a second, through the same `routes` the server mounts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::App;
use actix_web::http::header::{ACCEPT_ENCODING, HeaderName, HeaderValue, IF_NONE_MATCH};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Bytes;
use chrono::DateTime;
use serde_json::Value;
use tradepost_inventory::{Inventory, Settings, routes, state};
use tradepost_kernel::{Clock, Timestamp};
use tradepost_platform::cursor::Cursors;
use tradepost_platform::secrets::Secret;
use utoipa_actix_web::{AppExt, scope};

const START_MS: i64 = 1_772_366_400_000;

const PATHS: [&str; 6] = [
    "/assets",
    "/assets?limit=250&sort=-volume",
    "/assets/BTC",
    "/assets/BTC/prices?interval=1d",
    "/categories",
    "/market",
];

/// Stands until it is set.
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_millis(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// What is asked, how long after the start.
struct Question {
    after_ms: i64,
    path: &'static str,
    encoding: &'static str,
    known: String,
}

fn ask(after_ms: i64, path: &'static str) -> Question {
    Question { after_ms, path, encoding: "identity", known: String::new() }
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Bytes,
}

impl Answer {
    /// How old the price of the one asset is said to be.
    fn age_s(&self) -> u64 {
        serde_json::from_slice::<Value>(&self.body).unwrap()["data"]["price_age_s"].as_u64().unwrap()
    }
}

/// What one worker of a server, which nobody asked anything before, answers to questions in turn.
async fn answers(questions: &[Question]) -> Vec<Answer> {
    let clock = Arc::new(SetClock(AtomicI64::new(START_MS)));
    let inventory = Inventory::new(Settings::demo(), None, Arc::clone(&clock) as _).unwrap();
    let cursors = Cursors::new(Secret::from_bytes(b"test").derive("cursors"));
    let routes = scope("/api/v1").configure(state(inventory, cursors)).configure(routes);
    let app = init_service(App::new().into_utoipa_app().service(routes).into_app()).await;
    let mut answers = Vec::new();
    for Question { after_ms, path, encoding, known } in questions {
        clock.0.store(START_MS + after_ms, Ordering::Relaxed);
        let request = TestRequest::get().uri(&format!("/api/v1/inventory{path}"));
        let request = request.insert_header((ACCEPT_ENCODING, *encoding));
        let request = request.insert_header((IF_NONE_MATCH, known.as_str()));
        let response = call_service(&app, request.to_request()).await;
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        let headers = response.headers().iter().map(text).collect();
        let status = response.status().as_u16();
        answers.push(Answer { status, headers, body: read_body(response).await });
    }
    answers
}

#[actix_web::test]
async fn whoever_asks_again_is_told_the_same() {
    for path in PATHS {
        for encoding in ["identity", "gzip", "br", "zstd", "gzip, deflate, br, zstd"] {
            let question = || Question { encoding, ..ask(0, path) };
            let [first, again] = answers(&[question(), question()]).await.try_into().unwrap();
            assert_eq!(first.status, 200, "{path}");
            assert_eq!(first, again, "{path} {encoding}");
            let [_, other] = answers(&[question(), ask(0, path)]).await.try_into().unwrap();
            assert_eq!(other == first, encoding == "identity", "{path} {encoding}");
        }
    }
}

#[actix_web::test]
async fn whoever_has_it_is_told_so_whether_it_was_asked_before_or_not() {
    for path in PATHS {
        let tag = answers(&[ask(0, path)]).await[0].headers["etag"].clone();
        let question = || Question { known: tag.clone(), encoding: "gzip", ..ask(0, path) };
        let asked = || Question { encoding: "gzip", ..ask(0, path) };
        let [new, _, again] = answers(&[question(), asked(), question()]).await.try_into().unwrap();
        assert_eq!((new.status, new.body.len()), (304, 0), "{path}");
        assert_eq!(new, again, "{path}");
        let other = Question { known: r#"W/"other""#.to_owned(), ..asked() };
        let [_, other] = answers(&[asked(), other]).await.try_into().unwrap();
        assert_eq!(other.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn what_differs_is_told_apart() {
    let paths =
        ["/assets?limit=1", "/assets?limit=2", "/assets", "/assets/BTC", "/assets/ETH", "/assets/btc"];
    let questions = paths.map(|path| ask(0, path));
    let bodies: Vec<_> = answers(&questions).await.into_iter().map(|answer| answer.body).collect();
    for (place, body) in bodies.iter().enumerate().take(5) {
        assert!(bodies[..place].iter().all(|before| before != body), "{}", paths[place]);
    }
    assert_eq!(bodies[3], bodies[5]);
}

#[actix_web::test]
async fn every_second_the_price_is_a_second_older() {
    let questions = [0, 999, 1000, 1999, 5000].map(|after_ms| ask(after_ms, "/assets/BTC"));
    let ages: Vec<_> = answers(&questions).await.iter().map(Answer::age_s).collect();
    assert_eq!(ages, [0, 0, 1, 1, 5]);
}

#[actix_web::test]
async fn refusals_are_answered_anew() {
    for (path, status) in [("/assets?limit=0", 422), ("/assets/NOPE", 404)] {
        let known = Question { known: "*".to_owned(), ..ask(0, path) };
        for answer in answers(&[ask(0, path), known]).await {
            assert_eq!(answer.status, status, "{path}");
        }
    }
}
