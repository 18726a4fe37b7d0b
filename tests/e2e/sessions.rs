//! Logging in and out, tokens, refreshing, and changing the password.

use std::sync::Arc;

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tradepost_testkit::{Answer, Client, PASSWORD, Setup, ShiftedClock, User, World, registration};

crate::tests![
    a_login_answers_tokens_and_their_lifetimes,
    a_login_takes_the_name_in_any_case_and_padded,
    an_unknown_user_and_a_wrong_password_are_told_apart_by_nothing,
    a_login_checks_only_the_form_of_the_name_and_the_length_of_the_password,
    a_password_is_never_trimmed_or_altered,
    an_access_token_is_plain_ascii_json_with_the_agreed_claims,
    the_key_set_has_the_key_of_the_token,
    a_refresh_answers_new_tokens_of_the_same_session,
    a_retried_refresh_gets_the_same_answer,
    concurrent_refreshes_get_the_same_answer,
    a_refresh_token_used_after_its_successor_ends_the_session,
    a_refresh_token_reused_after_ten_seconds_ends_the_session,
    what_is_no_refresh_token_is_refused,
    tokens_expire,
    a_logout_ends_its_session_at_once_and_no_other,
    a_logout_takes_any_body_or_none,
    a_changed_password_ends_every_other_session,
    a_wrong_current_password_changes_nothing,
    a_new_password_follows_the_rules,
    a_protected_route_needs_a_bearer_token,
    authentication_comes_before_everything_else,
    every_route_that_is_not_public_needs_a_token,
    a_token_that_was_tampered_with_is_refused,
];

const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";
const LOGOUT: &str = "/api/v1/auth/logout";
const CHANGE: &str = "/api/v1/auth/password";
const PROFILE: &str = "/api/v1/auth/profile";
const NEW_PASSWORD: &str = "AnotherPassword456!";

/// The protected routes of the user module; logging out comes last.
const PROTECTED: [(Method, &str); 8] = [
    (Method::PUT, CHANGE),
    (Method::GET, PROFILE),
    (Method::PUT, PROFILE),
    (Method::GET, "/api/v1/balance"),
    (Method::POST, "/api/v1/balance/deposit"),
    (Method::POST, "/api/v1/balance/withdraw"),
    (Method::GET, "/api/v1/balance/transactions"),
    (Method::POST, LOGOUT),
];

async fn a_login_answers_tokens_and_their_lifetimes(world: World) {
    let user = world.new_user().await;
    let answer = log_in(&world, &user.username, PASSWORD).await.expect(200);
    let json = answer.json();
    assert!(json["access_token"].is_string() && json["refresh_token"].is_string());
    assert_eq!(json["token_type"], "bearer");
    assert_eq!(json["expires_in"], 3600);
    assert_eq!(json["refresh_expires_in"], 30 * 24 * 3600);
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn a_login_takes_the_name_in_any_case_and_padded(world: World) {
    let user = world.new_user().await;
    for name in [user.username.to_uppercase(), format!("  {}\t", user.username)] {
        let token = log_in(&world, &name, PASSWORD).await.expect(200).field("access_token");
        assert_eq!(claims(&token)["sub"], json!(user.username));
    }
}

// Failed logins are counted by address, so tests with many of them have a platform of their own.

async fn an_unknown_user_and_a_wrong_password_are_told_apart_by_nothing(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    let unknown = log_in(&own, "nobody_at_all", "WrongPassword123!").await;
    let wrong = log_in(&own, &user.username, "WrongPassword123!").await;
    let without_id = |answer: Answer| {
        let mut json = answer.refused(401, "invalid_credentials").json();
        json["request_id"].take();
        json
    };
    assert_eq!(unknown.header("www-authenticate"), wrong.header("www-authenticate"));
    assert_eq!(without_id(unknown), without_id(wrong));
}

async fn a_login_checks_only_the_form_of_the_name_and_the_length_of_the_password(world: World) {
    let both = ["username", "password"];
    world.post_text(LOGIN, "{}").await.invalid(&both);
    world.post(LOGIN, &json!({ "username": 123_456, "password": null })).await.invalid(&both);
    log_in(&world, "short", "only11chars").await.invalid(&both);
    log_in(&world, &"a".repeat(31), &"x".repeat(129)).await.invalid(&both);
    log_in(&world, "no-such-name", PASSWORD).await.invalid(&["username"]);
    let own = world.own(Setup::default()).await;
    log_in(&own, "abcdef", "twelve chars").await.expect(401);
    log_in(&own, &"a".repeat(30), &"x".repeat(128)).await.expect(401);
}

async fn a_password_is_never_trimmed_or_altered(world: World) {
    let own = world.own(Setup::default()).await;
    let mut body = registration("padded_password");
    body["password"] = json!("  Padded-1-Password ");
    own.post("/api/v1/auth/register", &body).await.expect(201);
    for altered in ["Padded-1-Password", "  padded-1-password ", "  Padded-1-Password  "] {
        log_in(&own, "padded_password", altered).await.expect(401);
    }
    log_in(&own, "padded_password", "  Padded-1-Password ").await.expect(200);
}

async fn an_access_token_is_plain_ascii_json_with_the_agreed_claims(world: World) {
    let user = world.new_user().await;
    let again = world.log_in(&user.username, PASSWORD).await;
    let (first, second) = (claims(&user.token), claims(&again.token));
    assert_eq!(first["sub"], json!(user.username));
    assert_eq!((&first["role"], &first["typ"]), (&json!("user"), &json!("access")));
    for name in ["uid", "sid", "iss", "aud", "jti"] {
        assert!(first[name].as_str().is_some_and(|text| !text.is_empty()), "{name} of {first}");
    }
    assert_eq!(first["exp"].as_i64().unwrap() - first["iat"].as_i64().unwrap(), 3600);
    for same in ["sub", "uid", "role", "iss", "aud"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    assert_ne!(first["sid"], second["sid"]);
    assert_ne!(first["jti"], second["jti"]);
}

async fn the_key_set_has_the_key_of_the_token(world: World) {
    let user = world.new_user().await;
    let header = jsonwebtoken::decode_header(&user.token).unwrap();
    assert_eq!(header.alg, Algorithm::EdDSA);
    let set = world.get("/.well-known/jwks.json").await.expect(200).json();
    let keys = set["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == json!(header.kid)).expect("the key of the token");
    assert_eq!((&key["kty"], &key["crv"]), (&json!("OKP"), &json!("Ed25519")));
    assert_eq!(key["x"].as_str().map(str::len), Some(43));
    assert!(keys.iter().all(|key| key.get("d").is_none()), "a private key is public");
    let key = jsonwebtoken::DecodingKey::from_jwk(&serde_json::from_value(key.clone()).unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[claims(&user.token)["aud"].as_str().unwrap()]);
    jsonwebtoken::decode::<Value>(&user.token, &key, &validation).expect("verified with the key set");
}

async fn a_refresh_answers_new_tokens_of_the_same_session(world: World) {
    let user = world.new_user().await;
    let answer = refresh(&world, &user.refresh_token).await.expect(200);
    let json = answer.json();
    assert_eq!((&json["token_type"], &json["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert!((1..=30 * 24 * 3600).contains(&json["refresh_expires_in"].as_i64().unwrap()));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_ne!(answer.field("refresh_token"), user.refresh_token);
    let (old, new) = (claims(&user.token), claims(&answer.field("access_token")));
    assert_eq!((&old["uid"], &old["sid"], &old["sub"]), (&new["uid"], &new["sid"], &new["sub"]));
    assert_ne!(old["jti"], new["jti"]);
    let user = User { token: answer.field("access_token"), ..user };
    user.get(PROFILE).await.expect(200);
    refresh(&world, &answer.field("refresh_token")).await.expect(200);
}

async fn a_retried_refresh_gets_the_same_answer(world: World) {
    let user = world.new_user().await;
    let first = refresh(&world, &user.refresh_token).await.expect(200);
    let retry = refresh(&world, &user.refresh_token).await.expect(200);
    assert_eq!(first.text, retry.text);
    User { token: retry.field("access_token"), ..user }.get(PROFILE).await.expect(200);
    refresh(&world, &retry.field("refresh_token")).await.expect(200);
}

async fn concurrent_refreshes_get_the_same_answer(world: World) {
    let user = world.new_user().await;
    let mut attempts = JoinSet::new();
    for _ in 0..6 {
        let user = user.clone();
        attempts.spawn(async move { refresh(&user.client, &user.refresh_token).await.expect(200).text });
    }
    let answers = attempts.join_all().await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

async fn a_refresh_token_used_after_its_successor_ends_the_session(world: World) {
    let user = world.new_user().await;
    let second = refresh(&world, &user.refresh_token).await.expect(200);
    let third = refresh(&world, &second.field("refresh_token")).await.expect(200);
    refresh(&world, &user.refresh_token).await.refused(401, "invalid_refresh_token");
    is_over(&user, &[&second, &third]).await;
}

async fn a_refresh_token_reused_after_ten_seconds_ends_the_session(world: World) {
    let clock = Arc::new(ShiftedClock::default());
    let own = world.own(Setup::default().clock(&clock)).await;
    let user = own.new_user().await;
    let other = own.log_in(&user.username, PASSWORD).await;
    let second = refresh(&own, &user.refresh_token).await.expect(200);
    clock.advance(TimeDelta::seconds(11));
    refresh(&own, &user.refresh_token).await.refused(401, "invalid_refresh_token");
    is_over(&user, &[&second]).await;
    other.get(PROFILE).await.expect(200);
    refresh(&own, &other.refresh_token).await.expect(200);
}

async fn what_is_no_refresh_token_is_refused(world: World) {
    let user = world.new_user().await;
    // Made with another secret, and for a session that does not exist here.
    let folder = TempDir::new().unwrap();
    let elsewhere = Setup::default()
        .set("data_dir", &folder.path().display().to_string())
        .set("auth.service_secret", "a secret that nobody else has, not even the tests");
    let foreign = world.own(elsewhere).await.new_user().await.refresh_token;
    let longer = format!("{}A", user.refresh_token);
    // Names the session, which stands in every access token, with a secret that was made up.
    let other = if user.refresh_token.as_bytes()[60] == b'A' { "B" } else { "A" };
    let mut forged = user.refresh_token.clone();
    forged.replace_range(60..61, other);
    for token in ["", "garbage", &foreign, &user.token, &longer, &forged, &"A".repeat(107), &"ü".repeat(5000)]
    {
        refresh(&world, token).await.refused(401, "invalid_refresh_token");
    }
    user.get(PROFILE).await.expect(200);
    world.post_text(REFRESH, "{}").await.invalid(&["refresh_token"]);
    world.post(REFRESH, &json!({ "refresh_token": 5 })).await.invalid(&["refresh_token"]);
}

async fn tokens_expire(world: World) {
    let clock = Arc::new(ShiftedClock::default());
    let own = world.own(Setup::default().clock(&clock)).await;
    let user = own.new_user().await;
    clock.advance(TimeDelta::minutes(59));
    user.get(PROFILE).await.expect(200);
    clock.advance(TimeDelta::minutes(2));
    user.get(PROFILE).await.refused(401, "unauthenticated");
    let renewed = refresh(&own, &user.refresh_token).await.expect(200);
    User { token: renewed.field("access_token"), ..user }.get(PROFILE).await.expect(200);
    clock.advance(TimeDelta::days(31));
    refresh(&own, &renewed.field("refresh_token")).await.refused(401, "invalid_refresh_token");
}

async fn a_logout_ends_its_session_at_once_and_no_other(world: World) {
    let user = world.new_user().await;
    let other = world.log_in(&user.username, PASSWORD).await;
    user.get(PROFILE).await.expect(200);
    let answer = user.post(LOGOUT, &json!({})).await.expect(200);
    assert_eq!(answer.field("message"), "Logged out successfully");
    is_over(&user, &[]).await;
    user.post(LOGOUT, &json!({})).await.refused(401, "unauthenticated");
    other.get(PROFILE).await.expect(200);
    refresh(&world, &other.refresh_token).await.expect(200);
}

async fn a_logout_takes_any_body_or_none(world: World) {
    let user = world.new_user().await;
    let session = async || world.log_in(&user.username, PASSWORD).await;
    let bare = user.clone();
    world.send(bare.request(Method::POST, LOGOUT)).await.expect(200);
    for body in ["", "{}", r#"{"refresh_token":"any"}"#] {
        session().await.post_text(LOGOUT, body).await.expect(200);
    }
}

async fn a_changed_password_ends_every_other_session(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    let others = [own.log_in(&user.username, PASSWORD).await, own.log_in(&user.username, PASSWORD).await];
    others[0].get(PROFILE).await.expect(200);
    let answer = user.put(CHANGE, &change(PASSWORD, NEW_PASSWORD)).await.expect(200);
    assert!(!answer.text.contains(NEW_PASSWORD));
    for other in &others {
        is_over(other, &[]).await;
    }
    user.get(PROFILE).await.expect(200);
    refresh(&own, &user.refresh_token).await.expect(200);
    log_in(&own, &user.username, PASSWORD).await.refused(401, "invalid_credentials");
    log_in(&own, &user.username, NEW_PASSWORD).await.expect(200);
}

async fn a_wrong_current_password_changes_nothing(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    let other = own.log_in(&user.username, PASSWORD).await;
    let wrong = change("WrongPassword123!", NEW_PASSWORD);
    user.put(CHANGE, &wrong).await.refused(422, "wrong_password");
    other.get(PROFILE).await.expect(200);
    log_in(&own, &user.username, PASSWORD).await.expect(200);
    log_in(&own, &user.username, NEW_PASSWORD).await.expect(401);
}

async fn a_new_password_follows_the_rules(world: World) {
    let user = world.new_user().await;
    let (own_name, too_long) = (format!("Aa1!{}", user.username), format!("Aa1!{}", "x".repeat(125)));
    let broken = ["Short-pass1", &too_long, "no-upper-case-1", "NoSymbolAtAll123", "Password123!", &own_name];
    for password in broken {
        user.put(CHANGE, &change(PASSWORD, password)).await.invalid(&["new_password"]);
    }
    let both = ["current_password", "new_password"];
    user.put(CHANGE, &change("short", "short")).await.invalid(&both);
    user.put(CHANGE, &json!({})).await.invalid(&both);
    user.put(CHANGE, &json!({ "current_password": null, "new_password": 1 })).await.invalid(&both);
    world.log_in(&user.username, PASSWORD).await;
}

async fn a_protected_route_needs_a_bearer_token(world: World) {
    let user = world.new_user().await;
    let token = &user.token;
    let broken = [
        String::new(),
        token.clone(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer garbage".to_owned(),
        "Bearer a.b.c".to_owned(),
        format!("Bearer{token}"),
        format!("Bearer {token} {token}"),
        format!("Basic {token}"),
        format!("Token {token}"),
        format!("Bearer {}", user.refresh_token),
    ];
    for (method, path) in PROTECTED {
        let bare = || world.request(method.clone(), path);
        world.send(bare()).await.refused(401, "unauthenticated");
        for header in &broken {
            world.send(bare().header("authorization", header)).await.refused(401, "unauthenticated");
        }
    }
    for (scheme, (method, path)) in ["bearer", "BEARER", "bEaReR"].into_iter().cycle().zip(PROTECTED) {
        let request = world.request(method, path).header("authorization", format!("{scheme} {token}"));
        assert_ne!(world.send(request).await.status, 401, "{scheme} at {path}");
    }
}

async fn authentication_comes_before_everything_else(world: World) {
    for (method, path) in PROTECTED {
        let bare = || world.request(method.clone(), path);
        let typed = |media: &'static str| bare().header("content-type", media);
        let requests = [
            bare().json(&json!({ "amount": -1, "email": 5, "new_password": [] })),
            typed("application/json").body("{ no json"),
            typed("text/plain").body("amount=5"),
            world.request(method.clone(), &format!("{path}?limit=0&cursor=garbage")),
        ];
        for request in requests {
            world.send(request).await.refused(401, "unauthenticated");
        }
    }
}

async fn every_route_that_is_not_public_needs_a_token(world: World) {
    let document = world.get("/api-docs/openapi.json").await.expect(200).json();
    let public = ["/auth/register", "/auth/login", "/auth/refresh", "/inventory/"];
    let http = reqwest::Client::new();
    let mut checked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(route) = path.strip_prefix("/api/v1") else { continue };
        if public.iter().any(|public| route.starts_with(public)) {
            continue;
        }
        // Not through the testkit, so that this does not count as a test of the route.
        let address = format!("{}{}", world.base(), path.replace(['{', '}'], "!"));
        for method in item.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = http.request(method.clone(), &address).body("nonsense").send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 401, "{method} {path}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer", "{method} {path}");
            checked += 1;
        }
    }
    assert!(checked >= PROTECTED.len());
}

async fn a_token_that_was_tampered_with_is_refused(world: World) {
    let (user, victim) = (world.new_user().await, world.new_user().await);
    let parts: Vec<_> = user.token.split('.').collect();
    let victims: Vec<_> = victim.token.split('.').collect();
    let of_victim = claims(&victim.token);
    let genuine = jsonwebtoken::decode_header(&user.token).unwrap();
    let own_key = EncodingKey::from_ed_pem(KEY_OF_AN_ATTACKER.as_bytes()).unwrap();
    let key_set = world.get("/.well-known/jwks.json").await.json();
    let public = EncodingKey::from_secret(key_set["keys"][0]["x"].as_str().unwrap().as_bytes());
    let symmetric = Header { alg: Algorithm::HS256, ..genuine.clone() };
    let forged = [
        format!("{}.{}.{}", parts[0], victims[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], victims[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        // {"typ":"JWT","alg":"none"}
        format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{}.", parts[1]),
        jsonwebtoken::encode(&genuine, &of_victim, &own_key).unwrap(),
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &of_victim, &own_key).unwrap(),
        jsonwebtoken::encode(&symmetric, &of_victim, &public).unwrap(),
    ];
    for token in forged {
        let request = world.request(Method::GET, PROFILE).bearer_auth(&token);
        world.send(request).await.refused(401, "unauthenticated");
    }
    // The tokens were good, and still are.
    user.get(PROFILE).await.expect(200);
    victim.get(PROFILE).await.expect(200);
}

/// The example key of RFC 8410 section 10.3.
const KEY_OF_AN_ATTACKER: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";

async fn log_in(client: &Client, username: &str, password: &str) -> Answer {
    client.post(LOGIN, &json!({ "username": username, "password": password })).await
}

async fn refresh(client: &Client, token: &str) -> Answer {
    client.post(REFRESH, &json!({ "refresh_token": token })).await
}

fn change(current: &str, new: &str) -> Value {
    json!({ "current_password": current, "new_password": new })
}

/// Demands that nothing of a session is good any more: neither what a login gave nor what refreshes gave.
async fn is_over(user: &User, grants: &[&Answer]) {
    let refreshed = grants.iter().map(|grant| (grant.field("access_token"), grant.field("refresh_token")));
    let login = (user.token.clone(), user.refresh_token.clone());
    for (token, refresh_token) in refreshed.chain([login]) {
        User { token, ..user.clone() }.get(PROFILE).await.refused(401, "unauthenticated");
        refresh(&user.client, &refresh_token).await.refused(401, "invalid_refresh_token");
    }
}

/// What an access token says, read as simple clients read it: with the plain base64 alphabet, as ASCII JSON.
fn claims(token: &str) -> Value {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let middle = token.split('.').nth(1).unwrap();
    let (mut bits, mut count, mut text) = (0_u32, 0, String::new());
    for symbol in middle.bytes() {
        let value = ALPHABET.iter().position(|known| *known == symbol).expect("plain base64");
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            text.push(char::from((bits >> count & 0xff) as u8));
        }
    }
    assert!(text.is_ascii() && !text.contains(['>', '?', '~']), "{text}");
    let claims: Value = serde_json::from_str(&text).unwrap();
    assert!(claims["exp"].is_i64() && claims["iat"].is_i64(), "{claims}");
    claims
}
