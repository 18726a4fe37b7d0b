//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::Overrides;

/// The back end of a trading platform: accounts, orders and market data.
#[derive(Debug, Parser)]
#[command(name = "tradepost", version, about, disable_help_subcommand = true)]
#[command(after_help = "Without a command, `tradepost` serves on 127.0.0.1:8080 with its data in ./data.")]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub serve: Serve,
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The folder with default.toml, local.toml, production.toml; `config` unless told
    #[arg(long, global = true, value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
    /// Where the embedded engine and made-up keys are kept; `./data` unless told
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Any setting, e.g. --set order.max_value=500.00
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Run the platform (what happens without a command)
    Serve(Serve),
    /// Run the platform on this machine with a process for each module, behind the gateway, and one for their engine
    Split {
        /// The public address, where the gateway listens; 127.0.0.1:8080 unless told
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },
    /// Serve the embedded engine over the DynamoDB protocol, so that several processes can share it
    Engine(Engine),
    /// Prove the books: every balance, ledger, order and settlement; exits 1 if anything is wrong
    Reconcile {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask a running process whether it is ready; exits 1 if it is not, or gives no answer within 3 seconds
    Health {
        /// Where it listens; server.listen of the settings unless told
        #[arg(long, value_name = "ADDR")]
        address: Option<String>,
    },
    /// Print the OpenAPI document
    Openapi,
    /// Make the tables that are missing in the configured store
    CreateTables,
    /// Print the settings in effect, with secrets masked
    CheckConfig,
    /// Give a user a new, random password and end all their sessions
    ResetPassword {
        /// The name of the user
        username: String,
    },
    /// Make a user an administrator
    GrantAdmin {
        /// The name of the user
        username: String,
    },
    /// Make an administrator a user like any other and end all their sessions
    RevokeAdmin {
        /// The name of the user
        username: String,
    },
    /// Credit a user with cash, without a daily cap
    Deposit {
        /// The name of the user
        username: String,
        /// Dollars, e.g. 100.00
        amount: String,
    },
}

/// Options of `serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    /// The address of the public API; port 0 takes any free one
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// The modules to serve, of those compiled in
    #[arg(long = "serve", value_name = "MODULE,…")]
    pub serve: Option<String>,
    /// Stop when the standard input ends, as `split` has it with its children
    #[arg(long, hide = true)]
    pub stop_with_stdin: bool,
}

/// Options of `engine`.
#[derive(Args, Clone, Debug, Default)]
pub struct Engine {
    /// The address of the engine; port 0 takes any free one. Beyond this machine it needs engine.secret
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Keep the data in memory, where it ends with the process: for tests and demos
    #[arg(long)]
    pub in_memory: bool,
    /// Stop when the standard input ends, as `split` has it with its children
    #[arg(long, hide = true)]
    pub stop_with_stdin: bool,
}

impl Cli {
    /// What the command line sets over the configuration.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        let mut keys = self.common.set.clone();
        if let Some(folder) = &self.common.data_dir {
            keys.push(("data_dir".to_owned(), folder.display().to_string()));
        }
        // `tradepost --listen …` and `tradepost serve --listen …` say the same.
        let own = [Some(&self.serve), if let Some(Verb::Serve(own)) = &self.verb { Some(own) } else { None }];
        for options in own.into_iter().flatten() {
            keys.extend(options.listen.iter().map(|listen| ("server.listen".to_owned(), listen.clone())));
            keys.extend(options.serve.iter().map(|serve| ("serve".to_owned(), serve.clone())));
        }
        if let Some(Verb::Split { listen: Some(listen) }) = &self.verb {
            keys.push(("server.listen".to_owned(), listen.clone()));
        }
        if let Some(Verb::Engine(Engine { listen: Some(listen), .. })) = &self.verb {
            keys.push(("engine.listen".to_owned(), listen.clone()));
        }
        Overrides { config_dir: self.common.config_dir.clone(), keys }
    }
}

impl Serve {
    /// Whether to stop when the standard input ends; `tradepost serve …` says it after the verb.
    #[must_use]
    pub fn stops_with_stdin(&self, verb: Option<&Verb>) -> bool {
        let of_verb = if let Some(Verb::Serve(own)) = verb { own.stop_with_stdin } else { false };
        self.stop_with_stdin || of_verb
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it must have the form KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
