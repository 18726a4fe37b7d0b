//! What the operator can do besides serving.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use tradepost_kernel::SystemClock;
use tradepost_platform::dynamo::{Dynamo, EngineKind};

use crate::foundation::Foundation;
use crate::{Config, StartError, modules};

/// What a starting platform says of itself.
pub struct Description {
    data: String,
    prices: Option<String>,
}

/// What a platform with these settings says of itself when it starts.
#[must_use]
pub fn description(config: &Config) -> Description {
    let data = match config.storage.engine {
        EngineKind::Embedded => format!("{} (embedded engine)", config.data_dir.display()),
        EngineKind::Dynamodb => format!("DynamoDB, tables {}*", config.storage.table_prefix),
    };
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
        lines.push(format!("  Data        {}", self.data));
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
        EngineKind::Embedded => {
            let name = format!("tradepost-reconcile-{}.db", std::process::id());
            let copy = std::env::temp_dir().join(name);
            let dynamo = modules::embedded::snapshot(&config, &copy)?;
            let report = modules::prove(&dynamo).await;
            drop(dynamo);
            // The copy has served; whatever else SQLite left beside it goes as well.
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", copy.display()));
            }
            report?
        }
        EngineKind::Dynamodb => modules::prove(&Dynamo::connect(&config.storage).await).await?,
    };
    println!("{}", if json { report.to_json() } else { report.to_string() });
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes the tables that are missing.
///
/// # Errors
/// When the store refuses.
pub async fn create_tables(config: Config) -> Result<ExitCode, StartError> {
    let (dynamo, _) = modules::connect(&config, &holder("create-tables")).await?;
    for table in modules::tables(&config)? {
        let made = table.create(&dynamo).await?;
        println!("{}: {}", dynamo.table(table.name).name(), if made { "made" } else { "there already" });
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the settings in effect, after checking those of the modules too.
///
/// # Errors
/// The first setting that is wrong.
pub async fn check_config(config: Config) -> Result<ExitCode, StartError> {
    println!("{}", config.masked());
    modules::check_settings(&config)?;
    Ok(ExitCode::SUCCESS)
}

/// Gives a user a new password.
///
/// # Errors
/// When there is no such user.
pub async fn reset_password(config: Config, username: &str) -> Result<ExitCode, StartError> {
    let foundation = foundation(config, "reset-password").await?;
    let password = modules::operator::reset_password(&foundation, username).await?;
    println!("The new password of {username} is {password}\nAll sessions of {username} are ended.");
    Ok(ExitCode::SUCCESS)
}

/// Credits a user with cash.
///
/// # Errors
/// When there is no such user, or the amount is none.
pub async fn deposit(config: Config, username: &str, amount: &str) -> Result<ExitCode, StartError> {
    let foundation = foundation(config, "deposit").await?;
    let balance = modules::operator::deposit(&foundation, username, amount).await?;
    println!("The balance of {username} is now ${balance}.");
    Ok(ExitCode::SUCCESS)
}

async fn foundation(config: Config, verb: &str) -> Result<Foundation, StartError> {
    let (dynamo, _) = modules::connect(&config, &holder(verb)).await?;
    Foundation::new(config, dynamo, Arc::new(SystemClock))
}

fn holder(verb: &str) -> String {
    format!("process {} running `tradepost {verb}`", std::process::id())
}
