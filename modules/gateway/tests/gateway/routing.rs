//! Which upstream gets a request, and with which target.

use crate::support::{Edge, Setup, Upstream};

async fn three() -> ([Upstream; 3], Edge) {
    let upstreams =
        [Upstream::named("user").await, Upstream::named("order").await, Upstream::named("inventory").await];
    let setup = Setup::of(&[]).set(|settings| {
        [&mut settings.user, &mut settings.order, &mut settings.inventory]
            .into_iter()
            .zip(&upstreams)
            .for_each(|(list, upstream)| list.push(upstream.base()));
    });
    (upstreams, setup.start())
}

#[tokio::test]
async fn each_path_reaches_the_module_that_owns_it() {
    let (_upstreams, edge) = three().await;
    for (path, owner) in [
        ("/api/v1/auth/login", "user"),
        ("/api/v1/balance", "user"),
        ("/api/v1/balance/transactions?limit=1", "user"),
        ("/.well-known/jwks.json", "user"),
        ("/api/v1/orders", "order"),
        ("/api/v1/portfolio", "order"),
        ("/api/v1/assets/balances", "order"),
        ("/api/v1/balance/asset/BTC", "order"),
        ("/api/v1/inventory/assets", "inventory"),
        ("//api/v1///orders", "order"),
        ("/api/v1/%6frders/x", "order"),
    ] {
        let answer = edge.get(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, owner), "{path}");
    }
}

#[tokio::test]
async fn what_nobody_owns_is_not_forwarded() {
    let (upstreams, edge) = three().await;
    for path in ["/", "/api/v1", "/api/v1/order", "/api/v1/ordersx", "/health", "/metrics", "/swagger-ui/"] {
        assert_eq!(edge.get(path).await.problem(), (404, "route_not_found".to_owned()), "{path}");
    }
    assert!(upstreams.iter().all(|upstream| upstream.count() == 0));
}

#[tokio::test]
async fn no_spelling_reaches_the_internal_routes() {
    let (upstreams, edge) = three().await;
    for path in [
        "/internal/accounts/settle",
        "//internal/accounts/settle",
        "/%69nternal/accounts/settle",
        "/api/v1/../../internal/accounts/settle",
        "/api/v1/orders/../../../internal/accounts/settle",
        "/api/v1/orders/%2e%2e/%2e%2e/%2e%2e/internal/accounts/settle",
        "/api/v1/orders/%2E%2e/.%2E/..//internal/accounts/settle",
        "/api/v1/orders/..%2f..%2f..%2finternal/accounts/settle",
        "/api/v1/..%2f..%2finternal/accounts/settle",
        "/api/v1/..%2finternal",
        "/api/v1/orders/..%5c..%5c..%5cinternal/accounts/settle",
        "/api/v1/orders/..\\..\\..\\internal/accounts/settle",
        "/api/v1/orders/./../../../internal/accounts/settle",
        "http://elsewhere/internal/accounts/settle",
        "http://elsewhere/api/v1/orders/../../../internal/accounts/settle",
        "internal/accounts/settle",
        "*",
    ] {
        let answer = edge
            .raw(&format!("POST {path} HTTP/1.1\nhost: x\ncontent-length: 2\nconnection: close\n\n{{}}"))
            .await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["404", "400"].contains(&status), "{path}: {answer}");
    }
    assert!(upstreams.iter().all(|upstream| upstream.count() == 0));
}

#[tokio::test]
async fn the_target_arrives_as_it_was_sent() {
    let ([_, order, _], edge) = three().await;
    for (sent, received) in [
        ("/api/v1/orders", "/api/v1/orders"),
        ("/api/v1/orders/", "/api/v1/orders/"),
        ("/api/v1/%6Frders/a%2Fb%20%C3%A9", "/api/v1/%6Frders/a%2Fb%20%C3%A9"),
        ("/api/v1/orders/{\"x\"}|^'", "/api/v1/orders/{\"x\"}|^'"),
        ("/api/v1/orders/%20%20%20", "/api/v1/orders/%20%20%20"),
        (
            "/api/v1/orders?a=%2e%2e/..&b='{c}'&d=//&e=http://x/?f",
            "/api/v1/orders?a=%2e%2e/..&b='{c}'&d=//&e=http://x/?f",
        ),
        ("/api/v1/orders?", "/api/v1/orders?"),
        // As the app itself does with its own routes.
        ("//api//v1/orders//x?a=//", "/api/v1/orders/x?a=//"),
        // A proxy must look at the target alone (RFC 9112 section 3.2.2).
        ("http://elsewhere:81/api/v1/orders?x", "/api/v1/orders?x"),
    ] {
        let before = order.count();
        let answer =
            edge.raw(&format!("GET {sent} HTTP/1.1\nhost: example.com\nconnection: close\n\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{sent}: {answer}");
        let head = &order.calls()[before];
        assert_eq!(head.lines().next().unwrap(), format!("GET {received} HTTP/1.1"));
    }
}

#[tokio::test]
async fn every_method_is_forwarded_as_it_is() {
    let ([user, ..], edge) = three().await;
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "REPORT"] {
        assert_eq!(edge.send(method, "/api/v1/auth/x").await.status, 200, "{method}");
        assert!(user.calls().last().unwrap().starts_with(&format!("{method} /api/v1/auth/x ")));
    }
}
