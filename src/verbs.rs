//! What the operator can do besides serving.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use tradepost_kernel::SystemClock;
use tradepost_platform::dynamo::{Dynamo, EngineKind};

use crate::foundation::{Foundation, make_private};
use crate::report::Report;
use crate::{Config, StartError, modules};

/// What a starting platform says of itself.
pub struct Description {
    data: Option<String>,
    prices: Option<String>,
}

/// What a platform with these settings says of itself when it starts.
#[must_use]
pub fn description(config: &Config) -> Description {
    let data = || match config.storage.engine {
        EngineKind::Embedded => format!("{} (embedded engine)", config.data_dir.display()),
        EngineKind::Dynamodb => format!("DynamoDB, tables {}*", config.storage.table_prefix),
    };
    let data = modules::has_store(config).is_ok_and(|has_store| has_store).then(data);
    Description { data, prices: modules::price_source(config) }
}

impl Description {
    /// The block that is printed once the address is known.
    #[must_use]
    pub fn with_address(&self, address: SocketAddr) -> String {
        let mut lines = vec![
            format!("tradepost {} is running.", env!("CARGO_PKG_VERSION")),
            String::new(),
            format!("  API         http://{address}/api/v1"),
        ];
        if modules::HAS_SWAGGER_UI {
            lines.push(format!("  Swagger UI  http://{address}/swagger-ui/"));
        }
        lines.push(format!("  Health      http://{address}/health"));
        lines.extend(self.data.as_ref().map(|data| format!("  Data        {data}")));
        lines.extend(self.prices.as_ref().map(|prices| format!("  Prices      {prices}")));
        lines.push("\nStop it with Ctrl-C.".to_owned());
        lines.join("\n")
    }
}

/// Proves the books: of the embedded engine on a snapshot of the live file, of DynamoDB online.
///
/// # Errors
/// When the store cannot be read.
pub async fn reconcile(config: Config, json: bool) -> Result<ExitCode, StartError> {
    let report = match config.storage.engine {
        EngineKind::Embedded => prove_snapshot(&config).await?,
        EngineKind::Dynamodb => modules::prove(&Dynamo::connect(&config.storage).await).await?,
    };
    say(&if json { report.to_json() } else { report.to_string() });
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The copy holds personal data, so it stays in the data folder, and does not outlive the proof.
async fn prove_snapshot(config: &Config) -> Result<Report, StartError> {
    let folder = config.data_dir.join(format!("reconcile-{}", std::process::id()));
    let failed = |error: std::io::Error| {
        StartError::new(format!("No copy can be made at {}: {error}.", folder.display()))
    };
    if !config.data_dir.is_dir() {
        return Err(StartError::new(format!("There is no data folder {}.", config.data_dir.display())));
    }
    make_private(&folder).map_err(failed)?;
    let proof = async {
        let dynamo = modules::embedded::snapshot(config, &folder.join("copy.db"))?;
        modules::prove(&dynamo).await
    };
    let report = tokio::select! {
        report = proof => report,
        _ = tokio::signal::ctrl_c() => Err(StartError::new("Stopped before the books were proved.")),
    };
    std::fs::remove_dir_all(&folder).map_err(failed)?;
    report
}

/// Prints for whoever reads; that nobody does any more, as behind `head`, is no error.
pub fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Makes the tables that are missing.
///
/// # Errors
/// When the store refuses.
pub async fn create_tables(config: Config) -> Result<ExitCode, StartError> {
    let (dynamo, _) = modules::connect(&config, &holder("create-tables")).await?;
    for table in modules::tables(&config)? {
        let made = table.create(&dynamo).await?;
        say(&format!("{}: {}", dynamo.table(table.name).name(), if made { "made" } else { "there already" }));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the settings in effect, after checking those of the modules too.
///
/// # Errors
/// The first setting that is wrong.
pub async fn check_config(config: Config) -> Result<ExitCode, StartError> {
    say(&config.masked());
    modules::check_settings(&config)?;
    modules::embedded::check(&config)?;
    Ok(ExitCode::SUCCESS)
}

/// Gives a user a new password.
///
/// # Errors
/// When there is no such user.
pub async fn reset_password(config: Config, username: &str) -> Result<ExitCode, StartError> {
    let foundation = foundation(config, "reset-password").await?;
    let password = modules::operator::reset_password(&foundation, username).await?;
    say(&format!("The new password of {username} is {password}\nAll sessions of {username} are ended."));
    Ok(ExitCode::SUCCESS)
}

/// Makes a user an administrator.
///
/// # Errors
/// When there is no such user.
pub async fn grant_admin(config: Config, username: &str) -> Result<ExitCode, StartError> {
    let foundation = foundation(config, "grant-admin").await?;
    say(&if modules::operator::grant_admin(&foundation, username).await? {
        format!(
            "{username} is an administrator now. A session that is open takes the role at its next refresh or login."
        )
    } else {
        format!("{username} is an administrator already.")
    });
    Ok(ExitCode::SUCCESS)
}

/// Makes an administrator a user like any other.
///
/// # Errors
/// When there is no such user.
pub async fn revoke_admin(config: Config, username: &str) -> Result<ExitCode, StartError> {
    let foundation = foundation(config, "revoke-admin").await?;
    let was_one = modules::operator::revoke_admin(&foundation, username).await?;
    let more = if was_one { " any more" } else { "" };
    say(&format!("{username} is no administrator{more}. All sessions of {username} are ended."));
    Ok(ExitCode::SUCCESS)
}

/// Credits a user with cash.
///
/// # Errors
/// When there is no such user, or the amount is none.
pub async fn deposit(config: Config, username: &str, amount: &str) -> Result<ExitCode, StartError> {
    let foundation = foundation(config, "deposit").await?;
    let balance = modules::operator::deposit(&foundation, username, amount).await?;
    say(&format!("The balance of {username} is now ${balance}."));
    Ok(ExitCode::SUCCESS)
}

async fn foundation(config: Config, verb: &str) -> Result<Foundation, StartError> {
    let dynamo = modules::connect_existing(&config, &holder(verb)).await?;
    Ok(Foundation::new(config, Some(dynamo), Arc::new(SystemClock)))
}

pub(crate) fn holder(verb: &str) -> String {
    format!("process {} running `tradepost {verb}`", std::process::id())
}
