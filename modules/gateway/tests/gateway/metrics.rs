//! What an operator can count.

use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Data;
use tradepost_platform::telemetry::{Metrics, metrics_page};

use crate::support::{Setup, Upstream, until};

/// The value of a line of the metrics; the process has one set of them, so a line is looked for by its upstream or
/// compared with what it was before.
async fn value(line: &str) -> f64 {
    let metrics = Data::new(Metrics::install().unwrap());
    let app = init_service(App::new().app_data(metrics).service(metrics_page)).await;
    let answer = call_service(&app, TestRequest::get().uri("/metrics").to_request()).await;
    let text = String::from_utf8(read_body(answer).await.to_vec()).unwrap();
    let found = text.lines().find_map(|other| other.strip_prefix(line)?.strip_prefix(' ')?.parse().ok());
    found.unwrap_or(-1.0)
}

#[actix_web::test]
async fn requests_are_counted_by_module_and_outcome_and_upstreams_have_a_state() {
    Metrics::install().unwrap();
    let (good, refusing) = (Upstream::named("good").await, Upstream::refusing());
    let mut setup = Setup::of(&[&good]).set(|settings| {
        settings.user = vec![refusing.base()];
        settings.breaker_failures = 2;
    });
    setup.checks_health = true;
    let edge = setup.start();

    edge.get("/api/v1/orders").await;
    edge.get("/api/v1/balance").await;
    edge.get("/api/v1/balance").await;

    for line in [
        "tradepost_gateway_requests_total{module=\"order\",outcome=\"answered\"}",
        "tradepost_gateway_requests_total{module=\"user\",outcome=\"unreachable\"}",
        "tradepost_gateway_requests_total{module=\"user\",outcome=\"no_upstream\"}",
        "tradepost_gateway_retries_total{module=\"user\"}",
    ] {
        assert!(value(line).await >= 1.0, "{line}");
    }
    let state = |name: &str, module: &str, upstream: &Upstream| {
        format!("tradepost_gateway_{name}{{module=\"{module}\",upstream=\"{}\"}}", upstream.address)
    };
    for (name, module, upstream, expected) in [
        ("breaker_state", "order", &good, 0.0),
        ("breaker_state", "user", &refusing, 2.0),
        ("upstream_healthy", "order", &good, 1.0),
        ("upstream_healthy", "user", &refusing, 0.0),
    ] {
        let line = state(name, module, upstream);
        until(&line, async || value(&line).await == expected).await;
    }
}
