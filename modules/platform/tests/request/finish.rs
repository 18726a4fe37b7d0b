//! The last middleware: whatever is not a success leaves as a problem document.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, LOCATION, RETRY_AFTER};
use actix_web::middleware::from_fn;
use actix_web::test::TestRequest;
use actix_web::web::{Path, get, post};
use actix_web::{App, HttpResponse, dev::Service, error};
use serde_json::json;
use tradepost_problem::{Outage, Rejection, finish};

use crate::support::Client;

/// Answers with a status and a body that says too much.
async fn status(status: Path<u16>) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(status.into_inner()).unwrap())
        .insert_header((ALLOW, "GET"))
        .insert_header((RETRY_AFTER, "7"))
        .insert_header((LOCATION, "/elsewhere"))
        .json(json!({"secret": "table t_users"}))
}

async fn own_document() -> HttpResponse {
    HttpResponse::Conflict().content_type("application/problem+json").body(r#"{"code":"mine"}"#)
}

async fn panic_with(what: Path<String>) -> HttpResponse {
    match what.as_str() {
        "text" => panic!("secret"),
        "format" => panic!("secret {}", 7),
        _ => std::panic::panic_any(7),
    }
}

async fn outage() -> Result<HttpResponse, Rejection> {
    Err(Outage::Storage.into())
}

async fn client() -> Client {
    let app = App::new()
        // A middleware that fails instead of answering.
        .wrap_fn(|request, service| {
            let broken = request.headers().contains_key("x-break");
            let answer = service.call(request);
            async move { if broken { Err(error::ErrorTooManyRequests("secret")) } else { answer.await } }
        })
        .wrap(from_fn(finish))
        .route("/status/{status}", get().to(status))
        .route("/own", get().to(own_document))
        .route("/panic/{what}", post().to(panic_with))
        .route("/outage", get().to(outage));
    Client::of(app).await
}

#[actix_web::test]
async fn every_error_status_becomes_a_document_that_keeps_the_status_and_the_headers_and_hides_the_body() {
    let client = client().await;
    for status in 400..=599 {
        let answer = client.get(&format!("/status/{status}")).await;
        let (said, code) = answer.problem();
        assert_eq!(said, status);
        assert_eq!(status >= 500, matches!(code, "internal_error" | "unavailable"), "{status} {code}");
        assert_eq!(answer.body["instance"], format!("/status/{status}"));
        assert!(!answer.text.contains("secret"), "{status}");
        assert_eq!((answer.header("allow"), answer.header("retry-after")), (Some("GET"), Some("7")));
    }
}

#[actix_web::test]
async fn the_framework_s_own_refusals_have_codes_of_their_own() {
    let client = client().await;
    for (status, code) in [
        (403, "forbidden"),
        (404, "route_not_found"),
        (405, "method_not_allowed"),
        (408, "request_timeout"),
        (413, "body_too_large"),
        (414, "uri_too_long"),
        (415, "unsupported_media_type"),
        (422, "validation_failed"),
        (431, "headers_too_large"),
        (503, "unavailable"),
    ] {
        assert_eq!(client.get(&format!("/status/{status}")).await.problem(), (status, code));
    }
    assert_eq!(client.get("/no/such/route").await.problem(), (404, "route_not_found"));
}

#[actix_web::test]
async fn what_is_no_error_passes_as_it_is() {
    let client = client().await;
    for status in [200, 201, 202, 301, 303] {
        let answer = client.get(&format!("/status/{status}")).await;
        assert_eq!((answer.status, &answer.body), (status, &json!({"secret": "table t_users"})));
        assert_eq!(answer.header("location"), Some("/elsewhere"));
    }
}

#[actix_web::test]
async fn a_document_that_is_one_already_passes_as_it_is() {
    let answer = client().await.get("/own").await;
    assert_eq!((answer.status, answer.text.as_str()), (409, r#"{"code":"mine"}"#));
}

#[actix_web::test]
async fn a_panic_is_a_500_that_says_nothing_of_it_and_the_next_request_works() {
    let client = client().await;
    for what in ["text", "format", "any"] {
        let uri = format!("/panic/{what}");
        let answer = client.send(TestRequest::post().uri(&uri).insert_header(("origin", "http://x"))).await;
        assert_eq!(answer.problem(), (500, "internal_error"), "{what}");
        assert_eq!(answer.body["instance"], uri);
        assert!(!answer.text.contains("secret"), "{what}");
        assert_eq!(client.get("/status/200").await.status, 200, "after {what}");
    }
}

#[actix_web::test]
async fn an_error_of_a_middleware_below_is_a_document_too() {
    let client = client().await;
    for uri in ["/status/200", "/no/such/route", "//x", "/%20?a=b"] {
        let answer = client.send(TestRequest::get().uri(uri).insert_header(("x-break", "1"))).await;
        assert_eq!(answer.problem().0, 429, "{uri}");
        assert!(!answer.text.contains("secret"));
    }
}

#[actix_web::test]
async fn an_error_below_a_request_without_a_path_is_a_document_too() {
    let request = TestRequest::default().method(actix_web::http::Method::CONNECT).uri("example.com:443");
    let answer = client().await.send(request.insert_header(("x-break", "1"))).await;
    assert_eq!(answer.status, 429);
}

#[actix_web::test]
async fn an_outage_is_a_503_that_says_when_to_try_again() {
    let answer = client().await.get("/outage").await;
    assert_eq!(answer.problem(), (503, "storage_unavailable"));
    assert_eq!(answer.header("retry-after"), Some("1"));
}
