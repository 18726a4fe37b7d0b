//! What is true of every route.

use reqwest::Method;
use serde_json::{Value, json};
use tradepost_testkit::{Client, Setup, World};

crate::tests![
    health_answers_without_a_token,
    metrics_name_routes_by_template,
    an_unknown_route_is_404_with_and_without_a_token,
    a_wrong_method_is_405_and_says_which_are_right,
    head_answers_as_get_without_the_body,
    a_body_that_is_not_json_is_400_before_its_fields_are_looked_at,
    a_body_must_be_an_object_and_an_empty_one_counts_as_such,
    a_body_of_the_limit_is_read_and_one_byte_more_is_413,
    a_body_that_does_not_say_it_is_json_is_415,
    the_examples_of_the_document_work_untouched,
    a_request_id_is_kept_if_plausible_and_made_if_not,
    any_options_is_204_and_only_known_origins_get_cors_headers,
    cors_headers_are_on_errors_too,
    every_problem_has_a_page,
    swagger_ui_is_served_with_its_own_scripts_under_a_policy,
    every_protected_route_is_401_before_anything_else,
    a_token_on_a_public_route_is_ignored,
];

async fn health_answers_without_a_token(world: World) {
    for (path, status) in [("/health", "healthy"), ("/health/live", "alive"), ("/health/ready", "ready")] {
        assert_eq!(world.get(path).await.expect(200).json()["status"], json!(status));
    }
}

async fn metrics_name_routes_by_template(world: World) {
    let user = world.new_user().await;
    user.get("/api/v1/orders/0123456789_an_id").await.expect(404);
    world.send(world.request(Method::HEAD, "/api/v1/inventory/market")).await.expect(200);
    let metrics = world.get("/metrics").await.expect(200);
    assert!(metrics.header("content-type").starts_with("text/plain"));
    assert!(metrics.text.contains("http_request_duration_seconds_bucket"));
    let metrics = world.metrics().await;
    assert!(metrics.contains("route=\"/api/v1/orders/{order_id}\""), "{metrics}");
    assert!(!metrics.contains("0123456789_an_id"));
    assert!(
        metrics.contains(r#"{method="HEAD",route="/api/v1/inventory/market",status="200"}"#),
        "{metrics}"
    );
}

async fn an_unknown_route_is_404_with_and_without_a_token(world: World) {
    let user = world.new_user().await;
    for path in ["/nothing", "/api/v1", "/api/v1/nothing", "/api/v1/orders/a/b/c", "/health/nothing"] {
        world.get(path).await.refused(404, "route_not_found");
        user.get(path).await.refused(404, "route_not_found");
    }
}

async fn a_wrong_method_is_405_and_says_which_are_right(world: World) {
    for (method, path, allowed) in [
        (Method::DELETE, "/api/v1/balance", "GET, HEAD, OPTIONS"),
        (Method::GET, "/api/v1/auth/login", "POST, OPTIONS"),
        (Method::POST, "/api/v1/auth/profile", "GET, HEAD, PUT, OPTIONS"),
        (Method::PATCH, "/api/v1/orders", "GET, HEAD, POST, OPTIONS"),
        (Method::PUT, "/api/v1/inventory/assets/BTC", "GET, HEAD, OPTIONS"),
        (Method::POST, "/health", "GET, HEAD, OPTIONS"),
    ] {
        let answer = world.send(world.request(method, path)).await.refused(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allowed, "{path}");
    }
}

async fn head_answers_as_get_without_the_body(world: World) {
    for path in ["/health", "/api/v1/inventory/assets"] {
        let answer = world.send(world.request(Method::HEAD, path)).await.expect(200);
        assert_eq!(answer.text, "");
        assert!(answer.header("content-length").parse::<u32>().unwrap() > 10, "{answer:?}");
    }
    world.send(world.request(Method::HEAD, "/api/v1/balance")).await.expect(401);
}

async fn a_body_that_is_not_json_is_400_before_its_fields_are_looked_at(world: World) {
    for body in ["{", "nonsense", "{\"username\": 1, ", "{\"username\": NaN}", "{'username': 'x'}", "\u{0}"] {
        world.post_text("/api/v1/auth/login", body).await.refused(400, "malformed_request");
    }
    let request =
        world.request(Method::POST, "/api/v1/auth/login").header("content-type", "application/json");
    world.send(request.body(vec![b'"', 0xff, b'"'])).await.refused(400, "malformed_request");
}

async fn a_body_must_be_an_object_and_an_empty_one_counts_as_such(world: World) {
    for body in ["[]", "[\"trader_jane\", \"TestPassword123!\"]", "1", "\"text\"", "null", "true"] {
        world.post_text("/api/v1/auth/login", body).await.invalid(&["body"]);
    }
    world.post_text("/api/v1/auth/login", "").await.invalid(&["username", "password"]);
    world.send(world.request(Method::POST, "/api/v1/auth/login")).await.invalid(&["username", "password"]);
}

async fn a_body_of_the_limit_is_read_and_one_byte_more_is_413(world: World) {
    let of_length = |length: usize| {
        let empty = json!({ "padding": "" }).to_string().len();
        json!({ "padding": "x".repeat(length - empty) }).to_string()
    };
    world.post_text("/api/v1/auth/login", of_length(65_536)).await.invalid(&["username", "password"]);
    world.post_text("/api/v1/auth/login", of_length(65_537)).await.refused(413, "body_too_large");
    world.post_text("/api/v1/auth/login", of_length(1_000_000)).await.refused(413, "body_too_large");
    // Who is unknown learns nothing about sizes.
    for length in [65_537, 1_000_000] {
        world.post_text("/api/v1/orders", of_length(length)).await.refused(401, "unauthenticated");
    }
}

async fn a_body_that_does_not_say_it_is_json_is_415(world: World) {
    let login = json!({ "username": "nobody_here", "password": "TestPassword123!" }).to_string();
    let send = |content_type: &'static str| {
        let request = world.request(Method::POST, "/api/v1/auth/login").header("content-type", content_type);
        world.send(request.body(login.clone()))
    };
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        send(content_type).await.refused(415, "unsupported_media_type");
    }
    let without = world.request(Method::POST, "/api/v1/auth/login").body(login.clone());
    world.send(without).await.refused(415, "unsupported_media_type");
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        send(content_type).await.refused(401, "invalid_credentials");
    }
}

/// In the order in which a person would try them: sign up, log in, then everything that needs no id of one's own.
async fn the_examples_of_the_document_work_untouched(world: World) {
    let own = world.own(Setup::default()).await;
    let document = own.get("/api-docs/openapi.json").await.expect(200).json();
    let example = |path: &str, method: &str| {
        let body = &document["paths"][path][method]["requestBody"]["content"]["application/json"];
        let name = body["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let schema = &document["components"]["schemas"][name];
        let whole = [&body["example"], &schema["example"]].into_iter().find(|example| !example.is_null());
        whole.cloned().unwrap_or_else(|| {
            let properties = schema["properties"].as_object().unwrap().iter();
            properties.map(|(name, property)| (name.clone(), property["example"].clone())).collect()
        })
    };
    own.post("/api/v1/auth/register", &example("/api/v1/auth/register", "post")).await.expect(201);
    let login = example("/api/v1/auth/login", "post");
    own.post("/api/v1/auth/login", &login).await.expect(200);
    let user = own.log_in(login["username"].as_str().unwrap(), login["password"].as_str().unwrap()).await;
    for (method, path, status) in [
        ("post", "/api/v1/balance/deposit", 201),
        ("post", "/api/v1/balance/withdraw", 201),
        ("post", "/api/v1/orders", 201),
        ("put", "/api/v1/auth/profile", 200),
        ("put", "/api/v1/auth/password", 200),
    ] {
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = user.request(verb, path).json(&example(path, method));
        own.send(request).await.expect(status);
    }
    let admin = own.new_admin().await;
    for (method, path, status) in [
        ("post", "/api/v1/inventory/admin/assets", 201),
        ("put", "/api/v1/inventory/admin/assets/{asset_id}", 200),
        ("post", "/api/v1/inventory/admin/assets/{asset_id}/suspend", 200),
    ] {
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = admin.request(verb, &path.replace("{asset_id}", "BTC")).json(&example(path, method));
        own.send(request).await.expect(status);
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        let streams = &item["get"]["responses"]["200"]["content"]["text/event-stream"];
        // A stream has no end; it has tests of its own.
        if item["get"].is_null() || path.contains("{order_id}") || !streams.is_null() {
            continue;
        }
        let parameters = item["get"]["parameters"].as_array().cloned().unwrap_or_default();
        let given = parameters.iter().filter(|parameter| !parameter["example"].is_null());
        let (mut address, mut query) = (path.clone(), Vec::new());
        for parameter in given {
            let (name, value) = (parameter["name"].as_str().unwrap(), &parameter["example"]);
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if parameter["in"] == "path" {
                address = address.replace(&format!("{{{name}}}"), &value);
            } else {
                query.push(format!("{name}={value}"));
            }
        }
        let caller = if path.contains("/admin/") { &admin } else { &user };
        caller.get(&format!("{address}?{}", query.join("&"))).await.expect(200);
    }
}

async fn a_request_id_is_kept_if_plausible_and_made_if_not(world: World) {
    let with =
        |id: &'static str| world.send(world.request(Method::GET, "/health").header("x-request-id", id));
    assert_eq!(with("checkout-4711").await.header("x-request-id"), "checkout-4711");
    for implausible in ["", "short", "with blanks in it", "<script>alert(1)</script>"] {
        let answer = with(implausible).await;
        assert_ne!(answer.header("x-request-id"), implausible);
        assert_eq!(answer.header("x-request-id").len(), 36);
    }
}

async fn any_options_is_204_and_only_known_origins_get_cors_headers(world: World) {
    let preflight = |path: &'static str, origin: &'static str| {
        let request = world.request(Method::OPTIONS, path).header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        let headers = "authorization,content-type,idempotency-key,if-none-match,last-event-id";
        world.send(request.header("access-control-request-headers", headers))
    };
    for origin in ["http://localhost:3000", "http://127.0.0.1:5173", "http://localhost"] {
        let answer = preflight("/api/v1/orders", origin).await.expect(204);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        let allowed = answer.header("access-control-allow-headers").to_lowercase();
        for header in ["authorization", "content-type", "idempotency-key", "if-none-match", "last-event-id"] {
            assert!(allowed.contains(header), "{allowed}");
        }
        for method in ["GET", "POST", "PUT", "DELETE"] {
            assert!(answer.header("access-control-allow-methods").contains(method));
        }
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    for origin in [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://localhost:3000.evil.example",
        "null",
    ] {
        let answer = preflight("/api/v1/orders", origin).await.expect(204);
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
    }
    for path in ["/api/v1/orders", "/nothing", "/health"] {
        assert_eq!(world.send(world.request(Method::OPTIONS, path)).await.expect(204).text, "");
    }
}

async fn cors_headers_are_on_errors_too(world: World) {
    for path in ["/api/v1/balance", "/nothing", "/api/v1/inventory/assets/NOSUCH"] {
        let request = world.request(Method::GET, path).header("origin", "http://localhost:3000");
        let answer = world.send(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:3000");
        let exposed = answer.header("access-control-expose-headers").to_lowercase();
        for header in
            ["retry-after", "x-request-id", "idempotency-replayed", "etag", "ratelimit", "x-ratelimit-reset"]
        {
            assert!(exposed.contains(header), "{header} is missing in {exposed}");
        }
    }
}

async fn every_problem_has_a_page(world: World) {
    let list = world.get("/problems").await.expect(200);
    let codes: Vec<_> =
        list.text.split("/problems/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(codes.len() > 20, "{codes:?}");
    for code in codes {
        assert!(world.get(&format!("/problems/{code}")).await.expect(200).text.contains(code));
    }
    world.get("/problems/no_such_problem").await.refused(404, "route_not_found");
}

async fn swagger_ui_is_served_with_its_own_scripts_under_a_policy(world: World) {
    assert_eq!(world.get("/swagger-ui").await.expect(307).header("location"), "/swagger-ui/");
    let page = world.get("/swagger-ui/").await.expect(200);
    assert!(page.header("content-security-policy").contains("script-src 'self';"));
    assert!(!page.text.contains("<script>"), "an inline script would not run under the policy");
    let start = world.get("/swagger-ui/swagger-initializer.js").await.expect(200);
    assert!(start.text.contains("/api-docs/openapi.json"), "{}", start.text);
    assert!(start.text.contains("\"persistAuthorization\": true"), "{}", start.text);
    world.get("/swagger-ui/swagger-ui-bundle.js").await.expect(200);
}

async fn every_protected_route_is_401_before_anything_else(world: World) {
    let document = world.get("/api-docs/openapi.json").await.expect(200).json();
    let mut checked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"].is_null() {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            refuses_strangers(&world, &method, path).await;
            checked += 1;
        }
    }
    assert!(checked >= 15, "only {checked} routes are protected");
}

/// With a path, a query, a media type and a body that would each be refused as well.
async fn refuses_strangers(client: &Client, method: &Method, template: &str) {
    let path = template.replace("{order_id}", "%20").replace("{asset_id}", "%20%20%20");
    let tokens = ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic dTpw", "Bearer a.b.c"];
    for token in tokens {
        let mut request = client.request(method.clone(), &format!("{path}?limit=0&cursor=x"));
        if !token.is_empty() {
            request = request.header("authorization", token);
        }
        let answer = client.send(request.header("content-type", "text/plain").body("{")).await;
        answer.refused(401, "unauthenticated");
    }
}

async fn a_token_on_a_public_route_is_ignored(world: World) {
    let request = world.request(Method::GET, "/api/v1/inventory/assets/BTC").bearer_auth("nonsense");
    let data: Value = world.send(request).await.expect(200).json();
    assert_eq!(data["data"]["asset_id"], "BTC");
}
