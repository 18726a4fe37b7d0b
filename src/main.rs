//! The `tradepost` binary: one verb per task of the operator.

use std::process::ExitCode;

use clap::Parser;
use tradepost::cli::{Cli, Verb};
use tradepost::{App, Config, StartError, engine, probe, split, stop, verbs};
use tradepost_platform::telemetry::start_logging;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tradepost: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, StartError> {
    let overrides = cli.overrides();
    match cli.verb {
        Some(Verb::Openapi) => {
            verbs::say(tradepost::document().trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        // A container's health check knows the address, not every setting of the process.
        Some(Verb::Health { address }) => return probe::health(address, &overrides).await,
        _ => {}
    }
    let config = Config::load(&overrides)?;
    start_logging(&config.log).map_err(StartError::new)?;
    match cli.verb {
        None | Some(Verb::Serve(_)) => serve(config, cli.serve.stops_with_stdin(cli.verb.as_ref())).await,
        Some(Verb::Split { .. }) => split::run(config, &cli.common).await,
        Some(Verb::Engine(options)) => engine::serve(config, &options).await,
        Some(Verb::Reconcile { json }) => verbs::reconcile(config, json).await,
        Some(Verb::CreateTables) => verbs::create_tables(config).await,
        Some(Verb::CheckConfig) => verbs::check_config(config).await,
        Some(Verb::ResetPassword { username }) => verbs::reset_password(config, &username).await,
        Some(Verb::GrantAdmin { username }) => verbs::grant_admin(config, &username).await,
        Some(Verb::RevokeAdmin { username }) => verbs::revoke_admin(config, &username).await,
        Some(Verb::Deposit { username, amount }) => verbs::deposit(config, &username, &amount).await,
        Some(Verb::Openapi | Verb::Health { .. }) => Ok(ExitCode::SUCCESS),
    }
}

async fn serve(config: Config, with_stdin: bool) -> Result<ExitCode, StartError> {
    let description = verbs::description(&config);
    let app = App::start(config).await?;
    let stop = stop::asked(with_stdin)?;
    if with_stdin {
        tracing::info!(address = %app.address(), "serving");
    } else {
        verbs::say(&description.with_address(app.address()));
    }
    stop.await;
    tracing::info!("stopping");
    app.stop().await;
    Ok(ExitCode::SUCCESS)
}
