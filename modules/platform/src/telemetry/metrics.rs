//! Metrics in the text format of Prometheus.

use std::sync::OnceLock;

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Where the metrics of this process are collected. They are process-wide, as the registry of `metrics` is.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// Seconds; from a fast read to the deadline of an operation.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0];

impl Metrics {
    /// Starts collecting, once per process.
    ///
    /// # Errors
    /// When another recorder was installed before.
    pub fn install() -> Result<Self, String> {
        static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
        HANDLE.get_or_init(build).clone().map(Self)
    }

    fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

fn build() -> Result<PrometheusHandle, String> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| format!("metrics cannot be collected: {error}"))
}

/// The metrics of this process.
#[utoipa::path(tag = "operations", responses(
    (status = 200, description = "Metrics in the text format of Prometheus.", content_type = "text/plain", body = String,
     example = "http_requests_total{method=\"GET\",route=\"/api/v1/balance\",status=\"200\"} 7")
))]
#[get("/metrics")]
pub async fn metrics_page(metrics: Data<Metrics>) -> HttpResponse {
    let mut response = HttpResponse::Ok().body(metrics.render());
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, format);
    response
}
