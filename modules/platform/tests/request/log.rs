//! The line that is written for each request.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use actix_web::middleware::from_fn;
use actix_web::web::route;
use actix_web::{App, HttpResponse};
use serde_json::Value;
use tracing_subscriber::filter::LevelFilter;
use tradepost_platform::telemetry::observe;

use crate::support::Client;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The levels of the lines that requests for these paths leave at a level or above it.
async fn levels(paths: &[&str], filter: LevelFilter) -> Vec<(String, String)> {
    let (lines, app) = (Lines::default(), App::new().default_service(route().to(HttpResponse::Ok)));
    let client = Client::of(app.wrap(from_fn(observe))).await;
    let (builder, writer) = (tracing_subscriber::fmt().json().flatten_event(true), lines.clone());
    let subscriber = builder.with_max_level(filter).with_writer(move || writer.clone()).finish();
    let logging = tracing::subscriber::set_default(subscriber);
    for path in paths {
        client.get(path).await;
    }
    drop(logging);
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        (text("message").as_deref() == Some("request"))
            .then(|| (text("path").unwrap(), text("level").unwrap()))
    };
    lines.lines().filter_map(read).collect()
}

#[actix_web::test]
async fn probes_are_not_worth_a_line_at_info() {
    let probes = ["/health", "/health/ready", "/health/live", "/metrics"];
    let others = ["/api/v1/orders", "/healthy", "/metrics/x", "/api/v1/health"];
    let all = [&probes[..], &others].concat();
    let with = |paths: &[&str], level: &str| -> Vec<_> {
        paths.iter().map(|path| ((*path).to_owned(), level.to_owned())).collect()
    };
    assert_eq!(levels(&all, LevelFilter::INFO).await, with(&others, "INFO"));
    let expected = [with(&probes, "DEBUG"), with(&others, "INFO")].concat();
    assert_eq!(levels(&all, LevelFilter::DEBUG).await, expected);
}
