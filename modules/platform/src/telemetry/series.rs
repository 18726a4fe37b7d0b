//! What is counted of requests.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

/// Counts of one route, by method and status.
type OfRoute = HashMap<(&'static str, u16), Series>;

thread_local! {
    /// To find a series by its labels takes longer than to count, so each thread remembers those it has found.
    static FOUND: RefCell<HashMap<String, OfRoute>> = RefCell::default();
}

/// The requests of one method to one route that were answered with one status.
#[derive(Clone)]
struct Series {
    total: Counter,
    duration: Histogram,
}

/// Counts a request by method, route template and status.
pub fn count(method: &str, route: &str, status: u16, elapsed: Duration) {
    let method = label(method);
    let known = FOUND.with_borrow(|found| found.get(route)?.get(&(method, status)).cloned());
    let series = known.unwrap_or_else(|| {
        let series = find(method, route, status);
        FOUND.with_borrow_mut(|found| {
            found.entry(route.to_owned()).or_default().insert((method, status), series.clone());
        });
        series
    });
    series.total.increment(1);
    series.duration.record(elapsed);
}

/// Methods and statuses are few; anything unusual shares one label, so that no client can make new ones.
fn label(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn find(method: &'static str, route: &str, status: u16) -> Series {
    let (route, status) = (route.to_owned(), status.to_string());
    Series {
        total: counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status),
        duration: histogram!("http_request_duration_seconds", "method" => method, "route" => route),
    }
}
