//! The composition root: which modules this binary has, what each needs, and how they are joined. The only file
//! that knows cargo features.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jsonwebtoken::jwk::JwkSet;
use tokio::sync::watch;
use tradepost_inventory_api::Catalog;
use tradepost_platform::auth::Sessions;
use tradepost_platform::dynamo::{Dynamo, EngineKind, TableDefinition};
use tradepost_problem::About;
use tradepost_user_api::Accounts;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::foundation::Foundation;
use crate::{Config, StartError};

#[cfg(not(any(feature = "user", feature = "order", feature = "inventory")))]
compile_error!(
    "A tradepost binary needs at least one module: enable the feature `user`, `order` or `inventory`."
);

/// A task that runs beside the server until it is told to stop.
pub type Task = Box<dyn FnOnce(watch::Receiver<bool>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Adds to an app what the routes of a module answer from.
pub type State = Arc<dyn Fn(&mut ServiceConfig<'_>) + Send + Sync>;

/// The modules of this process, joined, and what they offer to each other.
#[derive(Default)]
pub struct Composition {
    /// What the routes answer from.
    pub states: Vec<State>,
    /// What runs beside the server.
    pub tasks: Vec<Task>,
    /// The public keys that verify access tokens.
    pub jwks: Option<JwkSet>,
    /// Who knows whether a session lives.
    pub sessions: Option<Arc<dyn Sessions>>,
    /// The accounts, for modules that trade.
    pub accounts: Option<Arc<dyn Accounts>>,
    /// The catalog, for modules that need prices.
    pub catalog: Option<Arc<dyn Catalog>>,
}

/// A module as it is compiled in.
pub struct Compiled {
    name: &'static str,
    /// Registers its routes under `/api/v1`.
    pub routes: fn(&mut ServiceConfig<'_>),
    /// Registers those that stand outside.
    pub root_routes: Option<fn(&mut ServiceConfig<'_>)>,
    needs: &'static [&'static str],
    table: Option<TableDefinition>,
    problems: &'static [&'static [&'static About]],
    check: fn(&Config) -> Result<(), StartError>,
    join: fn(&Foundation, &mut Composition) -> Result<(), StartError>,
}

/// The modules compiled in, each after those it calls.
const COMPILED: &[Compiled] = &[
    #[cfg(feature = "inventory")]
    inventory::MODULE,
    #[cfg(feature = "user")]
    user::MODULE,
    #[cfg(feature = "order")]
    order::MODULE,
];

/// The names of all modules there are, for messages.
const ALL: [&str; 3] = ["inventory", "user", "order"];

/// Every module compiled in.
pub fn compiled() -> Vec<&'static Compiled> {
    COMPILED.iter().collect()
}

/// The modules this process serves.
///
/// # Errors
/// A sentence that says what to do about a module that is asked for and not there.
pub fn served(config: &Config) -> Result<Vec<&'static Compiled>, StartError> {
    for name in &config.serve {
        if !COMPILED.iter().any(|module| module.name == name) {
            let sentence = if ALL.contains(&name.as_str()) {
                format!("The module `{name}` is not in this binary: build it with `--features {name}`.")
            } else {
                format!("There is no module `{name}`; `serve` takes {}.", ALL.join(", "))
            };
            return Err(StartError::new(sentence));
        }
    }
    let wanted =
        |module: &&Compiled| config.serve.is_empty() || config.serve.iter().any(|n| n == module.name);
    let served: Vec<_> = COMPILED.iter().filter(wanted).collect();
    for module in &served {
        if let Some(need) = module.needs.iter().find(|need| served.iter().all(|other| other.name != **need)) {
            return Err(missing(module.name, need));
        }
    }
    Ok(served)
}

/// Joins the modules that this process serves.
///
/// # Errors
/// A sentence that names the setting that is wrong or the module that is missing.
pub fn compose(foundation: &Foundation) -> Result<Composition, StartError> {
    let mut composition = Composition::default();
    for module in served(&foundation.config)? {
        (module.join)(foundation, &mut composition)?;
    }
    Ok(composition)
}

/// The tables of the modules that this process serves.
///
/// # Errors
/// As [`compose`].
pub fn tables(config: &Config) -> Result<Vec<TableDefinition>, StartError> {
    Ok(served(config)?.into_iter().filter_map(|module| module.table).collect())
}

/// Checks the settings of the modules that this process serves.
///
/// # Errors
/// The first setting that is wrong.
pub fn check_settings(config: &Config) -> Result<(), StartError> {
    served(config)?.into_iter().try_for_each(|module| (module.check)(config))
}

/// Where prices come from, if this process shows any.
pub fn price_source(config: &Config) -> Option<String> {
    let shows_prices = served(config).ok()?.iter().any(|module| module.name == "inventory");
    shows_prices.then(|| config.section::<PriceSource>("inventory").ok()).flatten().map(|source| source.feed)
}

/// The one inventory setting that a start announces.
#[derive(serde::Deserialize)]
struct PriceSource {
    feed: String,
}

/// The problems of all modules compiled in.
pub fn problems() -> impl Iterator<Item = &'static [&'static About]> {
    COMPILED.iter().flat_map(|module| module.problems.iter().copied())
}

fn missing(caller: &str, callee: &str) -> StartError {
    StartError::new(format!(
        "The module `{caller}` needs `{callee}`, which this process does not serve: add `{callee}` to `serve`, in a \
         binary that was built with the feature `{callee}`."
    ))
}

#[cfg(feature = "inventory")]
mod inventory {
    use tradepost_inventory::{Inventory, PROBLEMS, Settings, routes, state};

    use super::{Arc, Compiled, Composition, Config, Foundation, StartError};

    pub const MODULE: Compiled = Compiled {
        name: "inventory",
        routes,
        root_routes: None,
        needs: &[],
        table: None,
        problems: &[PROBLEMS],
        check,
        join,
    };

    fn join(foundation: &Foundation, composition: &mut Composition) -> Result<(), StartError> {
        let settings = settings(&foundation.config)?;
        let inventory = Inventory::new(settings, Arc::clone(&foundation.clock)).map_err(StartError::new)?;
        composition.catalog = Some(inventory.clone());
        let task = Arc::clone(&inventory);
        composition.tasks.push(Box::new(|stop| Box::pin(task.run(stop))));
        composition.states.push(Arc::new(state(inventory)));
        Ok(())
    }

    fn settings(config: &Config) -> Result<Settings, StartError> {
        let settings: Settings = config.section("inventory")?;
        settings.check(config.is_production()).map_err(StartError::new)?;
        Ok(settings)
    }

    fn check(config: &Config) -> Result<(), StartError> {
        settings(config).map(|_| ())
    }
}

#[cfg(feature = "user")]
mod user {
    use secrecy::ExposeSecret;
    use tradepost_platform::cursor::Cursors;
    use tradepost_user::{PROBLEMS, Settings, SigningKey, TABLE, UserService, routes, state};

    use super::{Arc, Compiled, Composition, Config, Foundation, ServiceConfig, StartError};
    use crate::foundation::kept;

    pub const MODULE: Compiled = Compiled {
        name: "user",
        routes,
        root_routes: Some(keys),
        needs: &[],
        table: Some(TABLE),
        problems: &[PROBLEMS, tradepost_user_api::PROBLEMS],
        check,
        join,
    };

    fn join(foundation: &Foundation, composition: &mut Composition) -> Result<(), StartError> {
        let service = service(foundation)?;
        composition.jwks = Some(service.jwks());
        composition.sessions = Some(service.clone());
        composition.accounts = Some(service.clone());
        let cursors = Cursors::new(foundation.secret.derive("cursors"));
        composition.states.push(Arc::new(state(service, cursors)));
        Ok(())
    }

    fn keys(config: &mut ServiceConfig<'_>) {
        config.service(tradepost_user::jwks);
    }

    fn settings(config: &Config) -> Result<Settings, StartError> {
        let settings: Settings = config.section("user")?;
        settings.check(config.is_production()).map_err(StartError::new)?;
        Ok(settings)
    }

    fn check(config: &Config) -> Result<(), StartError> {
        settings(config).map(|_| ())
    }

    /// The user module by itself, for the verbs of the operator.
    pub fn service(foundation: &Foundation) -> Result<Arc<UserService>, StartError> {
        let config = &foundation.config;
        let settings = settings(config)?;
        let given = config.auth.signing_key.expose_secret();
        let pem = kept(given, &config.data_dir, "signing-key.pem", || Ok(SigningKey::generate_pem()?))?;
        let key = SigningKey::from_pem(&pem)
            .map_err(|error| StartError::new(format!("auth.signing_key cannot be used: {error}.")))?;
        let service = UserService::new(
            settings,
            config.auth.tokens(),
            key,
            &foundation.secret,
            &foundation.dynamo,
            Arc::clone(&foundation.session_cache),
            Arc::clone(&foundation.clock),
        )?;
        Ok(service)
    }
}

#[cfg(feature = "order")]
mod order {
    use tradepost_order::{OrderService, PROBLEMS, Settings, TABLE, routes, state};
    use tradepost_platform::cursor::Cursors;

    use super::{Arc, Compiled, Composition, Config, Foundation, StartError, missing};

    pub const MODULE: Compiled = Compiled {
        name: "order",
        routes,
        root_routes: None,
        needs: &["user", "inventory"],
        table: Some(TABLE),
        problems: &[PROBLEMS],
        check,
        join,
    };

    fn join(foundation: &Foundation, composition: &mut Composition) -> Result<(), StartError> {
        let settings = settings(&foundation.config)?;
        let accounts = composition.accounts.clone().ok_or_else(|| missing("order", "user"))?;
        let catalog = composition.catalog.clone().ok_or_else(|| missing("order", "inventory"))?;
        let clock = Arc::clone(&foundation.clock);
        let service = OrderService::new(settings, foundation.dynamo.clone(), accounts, catalog, clock);
        let task = Arc::clone(&service);
        composition.tasks.push(Box::new(|stop| Box::pin(task.run_recovery(stop))));
        let cursors = Cursors::new(foundation.secret.derive("cursors"));
        composition.states.push(Arc::new(state(service, cursors)));
        Ok(())
    }

    fn settings(config: &Config) -> Result<Settings, StartError> {
        let settings: Settings = config.section("order")?;
        settings.check().map_err(StartError::new)?;
        Ok(settings)
    }

    fn check(config: &Config) -> Result<(), StartError> {
        settings(config).map(|_| ())
    }
}

/// What the operator can do with accounts.
#[cfg(feature = "user")]
pub mod operator {
    use tradepost_platform::secrets::random;
    use tradepost_user::{NewPassword, Username};

    use super::{Foundation, StartError, user};

    /// Sets a new, random password and ends all sessions of the user. Answers the password.
    ///
    /// # Errors
    /// When there is no such user, or the store does not answer.
    pub async fn reset_password(foundation: &Foundation, username: &str) -> Result<String, StartError> {
        let username = parse(username)?;
        let bytes: [u8; 12] = random()?;
        let letters: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("Tp-{letters}-0");
        let password: NewPassword = text.parse().map_err(|rule| StartError::new(format!("{rule}")))?;
        let service = user::service(foundation)?;
        service.reset_password(&username, &password).await.map_err(|error| refused(&username, &error))?;
        Ok(text)
    }

    /// Credits a user with cash. Answers the balance after it.
    ///
    /// # Errors
    /// When there is no such user, the amount is none, or the store does not answer.
    pub async fn deposit(
        foundation: &Foundation,
        username: &str,
        amount: &str,
    ) -> Result<String, StartError> {
        let username = parse(username)?;
        let amount = tradepost_kernel::Usd::parse(amount)
            .map_err(|error| StartError::new(format!("The amount {error}.")))?;
        if amount == tradepost_kernel::Usd::ZERO {
            return Err(StartError::new("The amount must be greater than 0."));
        }
        let service = user::service(foundation)?;
        let balance =
            service.deposit_for(&username, amount).await.map_err(|error| refused(&username, &error))?;
        Ok(balance.to_string())
    }

    fn parse(username: &str) -> Result<Username, StartError> {
        username.parse().map_err(|rule| StartError::new(format!("A username {rule}.")))
    }

    fn refused(username: &Username, error: &tradepost_user::UserError) -> StartError {
        match error {
            tradepost_user::UserError::InvalidCredentials => {
                StartError::new(format!("There is no user `{username}`."))
            }
            other => StartError::new(other.to_string()),
        }
    }
}

/// What the operator can do with accounts, which this binary does not have.
#[cfg(not(feature = "user"))]
pub mod operator {
    use super::{Foundation, StartError};

    /// Says what to do.
    ///
    /// # Errors
    /// Always.
    pub async fn reset_password(_: &Foundation, _: &str) -> Result<String, StartError> {
        Err(absent())
    }

    /// Says what to do.
    ///
    /// # Errors
    /// Always.
    pub async fn deposit(_: &Foundation, _: &str, _: &str) -> Result<String, StartError> {
        Err(absent())
    }

    fn absent() -> StartError {
        StartError::new("Accounts are kept by the user module: use a binary with the feature `user`.")
    }
}

/// The proof of the books, for binaries that have all the books.
#[cfg(all(feature = "user", feature = "order"))]
#[path = "reconcile.rs"]
mod reconcile;

#[cfg(all(feature = "user", feature = "order"))]
pub use reconcile::prove;

/// The proof of the books, which this binary cannot give.
///
/// # Errors
/// Always.
#[cfg(not(all(feature = "user", feature = "order")))]
pub async fn prove(_: &Dynamo) -> Result<crate::report::Report, StartError> {
    Err(StartError::new("The proof needs all the books: use a binary with the features `user` and `order`."))
}

/// The embedded engine, for binaries that have it.
#[cfg(feature = "embedded")]
pub mod embedded {
    use std::path::Path;
    use std::time::Duration;

    use super::{Config, Dynamo, StartError, Task};
    use tradepost_engine::{Engine, EngineError};

    /// Opens the engine in the data folder, and the task that removes what has expired.
    ///
    /// # Errors
    /// When another process has the folder, or the disk does not play along.
    pub fn open(config: &Config, holder: &str) -> Result<(Dynamo, Task), StartError> {
        Ok(connect(&Engine::open(&config.data_dir, holder)?, config))
    }

    /// An engine without a file, for tests.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn in_memory(config: &Config) -> Result<(Dynamo, Task), StartError> {
        Ok(connect(&Engine::in_memory()?, config))
    }

    /// The live data of a data folder as it is now, without disturbing the process that serves it. `to` must not
    /// exist.
    ///
    /// # Errors
    /// When there is no data, or the copy cannot be made.
    pub fn snapshot(config: &Config, to: &Path) -> Result<Dynamo, StartError> {
        tradepost_engine::snapshot(&config.data_dir, to)?;
        Ok(connect(&Engine::open_snapshot(to)?, config).0)
    }

    fn connect(engine: &Engine, config: &Config) -> (Dynamo, Task) {
        let dynamo = Dynamo::in_process(engine.http_client(), &config.storage.table_prefix);
        let engine = engine.clone();
        (dynamo, Box::new(|stop| Box::pin(sweep(engine, stop))))
    }

    /// The engine removes expired items only when asked; it reads whole tables for it, so it is asked rarely.
    async fn sweep(engine: Engine, mut stop: tokio::sync::watch::Receiver<bool>) {
        let mut hours = tokio::time::interval(Duration::from_secs(3600));
        hours.tick().await;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = hours.tick() => {}
            }
            match engine.sweep_ttl().await {
                Ok(removed) => tracing::debug!(removed, "removed expired items"),
                Err(error) => tracing::warn!(%error, "expired items were not removed"),
            }
        }
    }

    impl From<EngineError> for StartError {
        fn from(error: EngineError) -> Self {
            Self::new(error.to_string())
        }
    }
}

/// The embedded engine, which this binary does not have.
#[cfg(not(feature = "embedded"))]
pub mod embedded {
    use std::path::Path;

    use super::{Config, Dynamo, StartError, Task};

    /// Says what to do.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: &Config, _: &str) -> Result<(Dynamo, Task), StartError> {
        Err(absent())
    }

    /// Says what to do.
    ///
    /// # Errors
    /// Always.
    pub fn in_memory(_: &Config) -> Result<(Dynamo, Task), StartError> {
        Err(absent())
    }

    /// Says what to do.
    ///
    /// # Errors
    /// Always.
    pub fn snapshot(_: &Config, _: &Path) -> Result<Dynamo, StartError> {
        Err(absent())
    }

    fn absent() -> StartError {
        StartError::new(
            "The embedded engine is not in this binary: build it with `--features embedded`, or set storage.engine = \
             \"dynamodb\".",
        )
    }
}

/// Swagger UI, where it is compiled in.
#[cfg(feature = "swagger")]
pub fn swagger_ui(config: &mut actix_web::web::ServiceConfig) {
    use utoipa_swagger_ui::{Config, SwaggerUi};
    let settings = Config::from(crate::openapi::PATH).persist_authorization(true).try_it_out_enabled(true);
    config
        .service(actix_web::web::redirect("/swagger-ui", "/swagger-ui/"))
        .service(SwaggerUi::new("/swagger-ui/{_:.*}").config(settings));
}

/// Swagger UI, which this binary does not have.
#[cfg(not(feature = "swagger"))]
pub fn swagger_ui(_: &mut actix_web::web::ServiceConfig) {}

/// Whether this binary has Swagger UI.
pub const HAS_SWAGGER_UI: bool = cfg!(feature = "swagger");

/// Connects to the store that the settings name.
///
/// # Errors
/// When the embedded engine is asked for and cannot be had.
pub async fn connect(config: &Config, holder: &str) -> Result<(Dynamo, Option<Task>), StartError> {
    match config.storage.engine {
        EngineKind::Embedded => embedded::open(config, holder).map(|(dynamo, task)| (dynamo, Some(task))),
        EngineKind::Dynamodb => Ok((Dynamo::connect(&config.storage).await, None)),
    }
}
