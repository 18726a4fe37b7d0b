//! What an operator sees: log lines, request ids and metrics.

mod log;
mod metrics;
mod request;
mod series;

pub use self::log::{LogFormat, LogSettings, start_logging};
pub use self::metrics::{Metrics, metrics_page};
pub use self::request::{RouteTemplate, observe};
