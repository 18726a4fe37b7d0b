//! What is for administrators only: who passes, that it comes first, and that it is never open while in doubt.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;
use tradepost_problem::Outage;

use crate::signed_in::{NOW_S, World, assert_unauthenticated};
use crate::support::Answer;

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

fn token(world: &World, role: &str) -> String {
    world.sign(&world.claims_but("role", json!(role)))
}

async fn send(world: &World, method: &Method, token: &str) -> Answer {
    world.with_token(TestRequest::default().method(method.clone()).uri("/admin"), token).await
}

#[actix_web::test]
async fn an_administrator_passes_and_is_the_caller() {
    let world = World::new().await;
    for method in METHODS {
        let answer = send(&world, &method, &token(&world, "admin")).await;
        assert_eq!((answer.status, &answer.body["role"]), (200, &json!("admin")), "{method}");
    }
    assert_eq!(world.asked(), 1, "liveness is remembered here too");
}

#[actix_web::test]
async fn any_other_role_is_refused_and_told_so() {
    let world = World::new().await;
    for role in ["user", "", "Admin", "ADMIN", "admin ", "administrator"] {
        for method in METHODS {
            let answer = send(&world, &method, &token(&world, role)).await;
            assert_eq!(answer.problem(), (403, "forbidden"), "{role} {method}");
            assert_eq!(answer.body["detail"], "Only an administrator may do this.");
            assert_eq!(answer.header("www-authenticate"), None, "logging in again would not help");
        }
    }
}

#[actix_web::test]
async fn who_has_no_valid_token_is_told_so_first() {
    let world = World::new().await;
    assert_unauthenticated(&world.client.get("/admin").await, "no token");
    for (name, value) in [("exp", json!(NOW_S)), ("aud", json!("another")), ("role", json!(null))] {
        let broken = world.sign(&world.claims_but(name, value));
        assert_unauthenticated(&send(&world, &Method::GET, &broken).await, name);
    }
    assert_eq!(world.asked(), 0);
}

#[actix_web::test]
async fn a_revoked_session_is_refused_whatever_its_role() {
    let world = World::new().await;
    assert_eq!(send(&world, &Method::GET, &token(&world, "admin")).await.status, 200);
    world.cache.revoked(world.session).await;
    for role in ["user", "admin"] {
        for method in METHODS {
            assert_unauthenticated(&send(&world, &method, &token(&world, role)).await, role);
        }
    }
    let world = World::new().await;
    world.answer(Ok(false));
    assert_unauthenticated(&send(&world, &Method::GET, &token(&world, "admin")).await, "ended elsewhere");
}

#[actix_web::test]
async fn while_liveness_is_unknown_nobody_passes_not_even_to_read_and_nothing_is_remembered() {
    let world = World::new().await;
    world.answer(Err(Outage::Storage));
    for role in ["user", "admin"] {
        for method in METHODS {
            let answer = send(&world, &method, &token(&world, role)).await;
            assert_eq!(answer.problem(), (503, "storage_unavailable"), "{role} {method}");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    world.answer(Ok(true));
    assert_eq!(send(&world, &Method::GET, &token(&world, "admin")).await.status, 200);
}

#[actix_web::test]
async fn both_refusals_come_before_path_media_type_and_body_are_looked_at() {
    let world = World::new().await;
    let request = |uri: &str, media_type: &'static str, body: &'static str| {
        TestRequest::post().uri(uri).insert_header(("content-type", media_type)).set_payload(body)
    };
    let (json, whole) = ("application/json", r#"{"amount":1,"to":"bob"}"#);
    for (uri, media_type, body, status) in [
        ("/admin/all/7", json, "{}", 422),
        ("/admin/all/7", json, "{", 400),
        ("/admin/all/7", "text/plain", "{}", 415),
        ("/admin/all/0", json, whole, 422),
        ("/admin/all/7", json, whole, 200),
    ] {
        let anonymous = world.client.send(request(uri, media_type, body)).await;
        assert_unauthenticated(&anonymous, body);
        let user = world.with_token(request(uri, media_type, body), &token(&world, "user")).await;
        assert_eq!(user.problem(), (403, "forbidden"), "{uri} {media_type} {body}");
        let admin = world.with_token(request(uri, media_type, body), &token(&world, "admin")).await;
        assert_eq!(admin.status, status, "{uri} {media_type} {body}");
    }
}
