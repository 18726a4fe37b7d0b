//! Structured log lines on standard error.

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::one_of;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For a person at a terminal.
    Pretty,
    /// One JSON object a line, for a collector.
    Json,
}

/// The section `[log]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// How lines look.
    #[serde(deserialize_with = "one_of")]
    pub format: LogFormat,
    /// Which lines are written, in the form of `tracing`'s filter directives, e.g. `info` or `info,tradepost=debug`.
    pub filter: String,
}

/// Starts writing log lines; a second call in one process changes nothing.
///
/// # Errors
/// A sentence that says what is wrong with the filter.
pub fn start_logging(settings: &LogSettings) -> Result<(), String> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|error| format!("log.filter: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    // Fails only when a subscriber is set already, which is the case a second call wants.
    let _ = match settings.format {
        LogFormat::Pretty => builder.with_target(false).compact().finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    Ok(())
}
