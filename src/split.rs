//! `tradepost split`: the engine, each module and the gateway, every one a process of its own on this machine.

mod child;
mod plan;
pub mod ports;
mod supervisor;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tradepost_platform::dynamo::EngineKind;
use tradepost_platform::secrets::random;

pub use self::child::Spec;
use self::plan::{Layout, Ports};
use self::supervisor::Supervisor;
use crate::cli::Common;
use crate::foundation::service_secret;
use crate::{Config, StartError, app, modules, stop, verbs};

/// What a binary must have for its processes to make a whole platform.
const NEEDED: [&str; 5] = ["user", "order", "inventory", "gateway", "embedded"];
/// Further settings that it makes.
const OWN: [&str; 9] = [
    "engine.listen",
    "engine.secret",
    "gateway.user",
    "gateway.order",
    "gateway.inventory",
    "storage.endpoint",
    "storage.region",
    "storage.access_key_id",
    "storage.secret_access_key",
];
/// What a process may take to stop beyond what its settings say.
const MARGIN: Duration = Duration::from_secs(5);

/// Runs the platform until it is told to stop.
///
/// # Errors
/// A sentence that says why it does not start; nothing is left running then.
pub async fn run(config: Config, common: &Common) -> Result<ExitCode, StartError> {
    refuse_partial(modules::has)?;
    refuse_own(&config, &common.set)?;
    // Given back at once: the gateway takes it when all others are ready, so that nobody knocks before.
    let public = app::listen(&config.server.listen, "--listen")?.local_addr();
    let public = public.map_err(|error| StartError::new(error.to_string()))?;
    // Made before the processes start, or each would make one of its own.
    service_secret(&config)?;
    let [engine, user, user_internal, inventory, inventory_internal, order] = ports::free()?;
    let bytes: [u8; 32] = random()?;
    let layout = Layout {
        public,
        data_dir: config.data_dir.clone(),
        config_dir: common.config_dir.clone(),
        set: common.set.clone(),
        engine_secret: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        ports: Ports { engine, user, user_internal, inventory, inventory_internal, order },
    };
    let server = &config.server;
    let grace =
        Duration::from_millis(server.drain_ms) + Duration::from_secs(server.shutdown_timeout_s) + MARGIN;
    let description = verbs::description(&config).with_address(public);
    let program = std::env::current_exe().map_err(|error| {
        StartError::new(format!("It is not known which program this is, to start it again: {error}."))
    })?;
    supervise(program, plan::stages(&layout), grace, || verbs::say(&description)).await
}

fn refuse_partial(has: impl Fn(&str) -> bool) -> Result<(), StartError> {
    let lacking: Vec<_> = NEEDED.into_iter().filter(|feature| !has(feature)).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(StartError::new(format!(
        "`tradepost split` needs a binary with everything, and this one was built without `{}`: build it with \
         `--features {}`.",
        lacking.join("`, `"),
        NEEDED.join(",")
    )))
}

/// What the split decides itself is not left to be set, and silently set otherwise.
fn refuse_own(config: &Config, set: &[(String, String)]) -> Result<(), StartError> {
    let own = |key: &str| Err(StartError::new(format!("`tradepost split` sets {key} itself: leave it out.")));
    let given = [
        ("serve", !config.serve.is_empty()),
        ("server.internal_listen", !config.server.internal_listen.is_empty()),
        ("storage.engine", config.storage.engine != EngineKind::Embedded),
        ("peers.user", !config.peers.user.is_empty()),
        ("peers.inventory", !config.peers.inventory.is_empty()),
    ];
    if let Some((key, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
        return own(key);
    }
    match set.iter().find(|(key, _)| OWN.contains(&key.as_str())) {
        Some((key, _)) => own(key),
        None => Ok(()),
    }
}

/// Runs the processes of all stages until told to stop, and `announce`s when all are ready. Told twice, it kills
/// them.
///
/// # Errors
/// A sentence that says which process failed to start; nothing is left running then.
pub async fn supervise(
    program: PathBuf,
    stages: Vec<Vec<Spec>>,
    grace: Duration,
    announce: impl FnOnce(),
) -> Result<ExitCode, StartError> {
    let mut supervisor = Supervisor::new(program, grace);
    let told = stop::signal()?;
    let outcome = tokio::select! {
        outcome = work(&mut supervisor, stages, announce) => outcome,
        () = told => Ok(()),
    };
    tracing::info!("stopping");
    let again = stop::signal()?;
    let told_again = tokio::select! {
        () = supervisor.stop() => false,
        () = again => true,
    };
    if told_again {
        tracing::warn!("told to stop again: killing what still runs");
        supervisor.kill();
        return Ok(ExitCode::FAILURE);
    }
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn work(
    supervisor: &mut Supervisor,
    stages: Vec<Vec<Spec>>,
    announce: impl FnOnce(),
) -> Result<(), StartError> {
    supervisor.start(stages).await?;
    announce();
    supervisor.keep().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{NEEDED, refuse_partial};

    #[test]
    fn a_binary_that_lacks_a_module_is_refused() {
        assert!(refuse_partial(|_| true).is_ok());
        for lacking in NEEDED {
            let refused = refuse_partial(|feature| feature != lacking).unwrap_err().to_string();
            assert!(refused.contains(&format!("without `{lacking}`")), "{refused}");
        }
    }
}
