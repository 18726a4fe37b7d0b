//! `tradepost engine`: the embedded engine, shared by several processes.

use std::process::ExitCode;

use crate::cli::Engine;
use crate::modules::embedded::{ACCESS_KEY_ID, SharedEngine};
use crate::verbs::{holder, say};
use crate::{Config, StartError, stop};

/// Serves the engine until it is told to stop.
///
/// # Errors
/// A sentence that says why it does not start.
pub async fn serve(config: Config, options: &Engine) -> Result<ExitCode, StartError> {
    if config.is_production() && !config.storage.embedded_in_production {
        return Err(StartError::new(
            "Production runs on DynamoDB. To run the embedded engine all the same, set \
             storage.embedded_in_production = true.",
        ));
    }
    let engine = SharedEngine::start(&config, &holder("engine"), options.in_memory)?;
    let stop = stop::asked(options.stop_with_stdin)?;
    let data = if options.in_memory { "in memory".to_owned() } else { config.data_dir.display().to_string() };
    if options.stop_with_stdin {
        tracing::info!(address = %engine.address(), data, "serving");
    } else {
        say(&description(&engine, &data));
    }
    stop.await;
    tracing::info!("stopping");
    engine.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn description(engine: &SharedEngine, data: &str) -> String {
    let (version, address) = (env!("CARGO_PKG_VERSION"), engine.address());
    let reached_at = match address.ip().is_unspecified() {
        true => format!("<this machine>:{}", address.port()),
        false => address.to_string(),
    };
    let secret = if engine.asks_for_signatures { "the value of engine.secret" } else { "anything" };
    [
        format!("The engine of tradepost {version} is running."),
        String::new(),
        format!("  DynamoDB    http://{address}"),
        format!("  Health      http://{address}/health"),
        format!("  Data        {data}"),
        String::new(),
        "Set in the services:".to_owned(),
        "  storage.engine = dynamodb".to_owned(),
        format!("  storage.endpoint = http://{reached_at}"),
        "  storage.region = local".to_owned(),
        format!("  storage.access_key_id = {ACCESS_KEY_ID}, or AWS_ACCESS_KEY_ID"),
        format!("  storage.secret_access_key = {secret}, or AWS_SECRET_ACCESS_KEY"),
        "\nStop it with Ctrl-C.".to_owned(),
    ]
    .join("\n")
}
