//! The composition root: which modules this binary has, what each needs, and how they are joined. The only file
//! that knows cargo features.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::web;
use jsonwebtoken::jwk::JwkSet;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tradepost_inventory_api::Catalog;
use tradepost_platform::auth::{KeyRing, Sessions};
use tradepost_platform::dynamo::{Dynamo, EngineKind, TableDefinition};
use tradepost_problem::About;
use tradepost_user_api::Accounts;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::foundation::Foundation;
use crate::{Config, StartError};

#[cfg(not(any(feature = "user", feature = "order", feature = "inventory", feature = "gateway")))]
compile_error!(
    "A tradepost binary needs at least one module: enable the feature `user`, `order`, `inventory` or `gateway`."
);

/// A task that runs beside the server until it is told to stop.
pub type Task = Box<dyn FnOnce(watch::Receiver<bool>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Ends answers that would go on for ever, so that a server that stops need not wait for them.
pub type Ending = Box<dyn FnOnce() + Send + Sync>;

/// Adds to an app what the routes of a module answer from.
pub type State = Arc<dyn Fn(&mut ServiceConfig<'_>) + Send + Sync>;

/// Adds to the internal listener the routes by which other processes call a module, or to the public one what
/// answers where no route of this process does.
pub type Routes = Arc<dyn Fn(&mut web::ServiceConfig) + Send + Sync>;

/// What a module tells of itself where it is asked whether the process is ready: a name, and what it tells.
pub type Detail = (&'static str, Arc<dyn Fn() -> serde_json::Value + Send + Sync>);

/// The modules of this process, joined, and what they offer to each other.
#[derive(Default)]
pub struct Composition {
    /// What the routes answer from.
    pub states: Vec<State>,
    /// What runs beside the server.
    pub tasks: Vec<Task>,
    /// What runs beside the server from when the tables are there.
    pub tasks_on_tables: Vec<Task>,
    /// What is done before the server stops.
    pub endings: Vec<Ending>,
    /// What readiness tells besides.
    pub details: Vec<Detail>,
    /// What other processes may call.
    pub internal: Vec<Routes>,
    /// What answers requests that no route of this process takes; 404 and 405 unless told.
    pub fallback: Option<Routes>,
    /// Whether this process answers for the whole platform, with its one document.
    pub is_whole: bool,
    /// The public keys of access tokens, as this process publishes them.
    pub jwks: Option<JwkSet>,
    /// The public keys that access tokens are verified with.
    pub keys: Option<Arc<KeyRing>>,
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
    /// The modules it calls, here or in other processes.
    needs: &'static [&'static str],
    /// The modules it can do without, but calls if they are anywhere.
    uses: &'static [&'static str],
    /// Whether it makes or checks anything with the service secret.
    needs_secret: bool,
    /// Whether other modules call it.
    is_called: bool,
    /// Whether it cannot share a process with others.
    stands_alone: bool,
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
    #[cfg(feature = "gateway")]
    gateway::MODULE,
];

/// The names of all modules there are, for messages.
const ALL: [&str; 4] = ["inventory", "user", "order", "gateway"];

/// Every module compiled in.
pub fn compiled() -> Vec<&'static Compiled> {
    COMPILED.iter().collect()
}

/// Whether this binary was built with a module, or with the embedded engine.
pub fn has(feature: &str) -> bool {
    COMPILED.iter().any(|module| module.name == feature)
        || (feature == "embedded" && cfg!(feature = "embedded"))
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
    let wanted = |module: &&Compiled| match config.serve.as_slice() {
        [] => !module.stands_alone || COMPILED.len() == 1,
        asked => asked.iter().any(|name| name == module.name),
    };
    let served: Vec<_> = COMPILED.iter().filter(wanted).collect();
    check_company(&served)?;
    for module in &served {
        peers::check(config, module, &served)?;
    }
    Ok(served)
}

fn check_company(served: &[&Compiled]) -> Result<(), StartError> {
    match served.iter().find(|module| module.stands_alone) {
        Some(alone) if served.len() > 1 => Err(StartError::new(format!(
            "The module `{0}` stands in front of processes that serve the others, so it has a process of its own: \
             take `{0}` or the others out of `serve`.",
            alone.name
        ))),
        _ => Ok(()),
    }
}

/// Joins the modules that this process serves.
///
/// # Errors
/// A sentence that names the setting that is wrong or the module that is missing.
pub fn compose(foundation: &Foundation) -> Result<Composition, StartError> {
    let mut composition = Composition::default();
    peers::stand_in(foundation, &mut composition)?;
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
    let served = served(config)?;
    let is_called = served.iter().any(|module| module.is_called);
    let has_listener = !config.server.internal_listen.is_empty();
    if has_listener && !is_called {
        let names: Vec<_> = served.iter().map(|module| module.name).collect();
        return Err(StartError::new(format!(
            "server.internal_listen is set, but nothing in this process is called by others ({}): clear it.",
            names.join(", ")
        )));
    }
    let needs_secret = has_listener || served.iter().any(|module| module.needs_secret);
    if config.is_production() && needs_secret && config.auth.service_secret.expose_secret().is_empty() {
        return Err(StartError::new(
            "Production needs auth.service_secret, the same in all processes; none is made up there.",
        ));
    }
    served.into_iter().try_for_each(|module| (module.check)(config))
}

/// Whether this process keeps anything in a store.
///
/// # Errors
/// As [`compose`].
pub fn has_store(config: &Config) -> Result<bool, StartError> {
    Ok(!tables(config)?.is_empty())
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

mod peers;

#[cfg(feature = "inventory")]
mod inventory;

#[cfg(feature = "user")]
mod user;

#[cfg(feature = "order")]
mod order;

#[cfg(feature = "gateway")]
mod gateway;

/// What the operator can do with accounts.
#[cfg(feature = "user")]
pub mod operator;

/// What the operator can do with accounts, which this binary does not have.
#[cfg(not(feature = "user"))]
#[path = "modules/no_operator.rs"]
pub mod operator;

/// The proof of the books, for binaries that have all the books.
#[cfg(all(feature = "user", feature = "order"))]
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
pub mod embedded;

/// The embedded engine, which this binary does not have.
#[cfg(not(feature = "embedded"))]
#[path = "modules/no_embedded.rs"]
pub mod embedded;

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

/// Connects to a store that must hold data already.
///
/// # Errors
/// As [`connect`], and when the data folder holds no data.
pub async fn connect_existing(config: &Config, holder: &str) -> Result<Dynamo, StartError> {
    match config.storage.engine {
        EngineKind::Embedded => embedded::open_existing(config, holder),
        EngineKind::Dynamodb => Ok(Dynamo::connect(&config.storage).await),
    }
}
