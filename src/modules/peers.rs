//! The modules that other processes serve: whether they are needed and named, and the clients that stand in for
//! them here.

use std::time::Duration;

use tradepost_inventory_api::wire::{self as inventory_wire, CatalogClient};
use tradepost_platform::auth::KeyRing;
use tradepost_platform::peer::{PeerClient, PublishedKeys, ServiceTokens, http_client};
use tradepost_user_api::wire::{self as user_wire, AccountsClient, SessionsClient};

use super::{Arc, Compiled, Composition, Config, Foundation, StartError, served};

/// Checks that what `module` needs is here or elsewhere, and that it is not itself in both places.
///
/// # Errors
/// A sentence that says what to set.
pub fn check(config: &Config, module: &Compiled, served: &[&Compiled]) -> Result<(), StartError> {
    let is_here = |name: &str| served.iter().any(|other| other.name == name);
    if !address(config, module.name).is_empty() {
        return Err(StartError::new(format!(
            "peers.{0} is set, but this process serves `{0}` itself: clear peers.{0}, or take `{0}` out of `serve`.",
            module.name
        )));
    }
    match module.needs.iter().find(|need| !is_here(need) && address(config, need).is_empty()) {
        Some(need) => Err(missing(module.name, need)),
        None => Ok(()),
    }
}

/// Where another process serves a module; empty if that is not said.
fn address<'a>(config: &'a Config, module: &str) -> &'a str {
    match module {
        "user" => &config.peers.user,
        "inventory" => &config.peers.inventory,
        _ => "",
    }
}

/// Puts clients where this process needs modules that others serve.
///
/// # Errors
/// When there is no service secret to sign calls with.
pub fn stand_in(foundation: &Foundation, composition: &mut Composition) -> Result<(), StartError> {
    let config = &foundation.config;
    let served = served(config)?;
    let calls =
        |module: &Compiled, callee: &str| module.needs.contains(&callee) || module.uses.contains(&callee);
    // Who trades has more to ask than who only takes tokens, so it stands last among the modules and comes first here.
    let caller = |callee: &str| {
        let is_elsewhere = !address(config, callee).is_empty();
        served.iter().rev().find(|module| is_elsewhere && calls(module, callee)).map(|module| module.name)
    };
    let (user_caller, inventory_caller) = (caller("user"), caller("inventory"));
    if user_caller.or(inventory_caller).is_none() {
        return Ok(());
    }
    let http = http_client()?;
    let tokens = ServiceTokens::new(&foundation.secret()?, Arc::clone(&foundation.clock));
    let timeout = Duration::from_millis(config.peers.timeout_ms);
    let client = PeerClient::new(http.clone(), Arc::new(tokens), timeout);
    let (user, inventory) = (&config.peers.user, &config.peers.inventory);
    if let Some(caller) = user_caller {
        let peer = || client.peer(caller, user_wire::MODULE, user);
        composition.accounts = Some(Arc::new(AccountsClient::new(peer())));
        composition.sessions = Some(Arc::new(SessionsClient::new(peer())));
        composition.fetch_keys(PublishedKeys::new(http, vec![user.clone()], timeout));
    }
    if let Some(caller) = inventory_caller {
        let peer = client.peer(caller, inventory_wire::MODULE, inventory);
        composition.catalog = Some(Arc::new(CatalogClient::new(peer)));
    }
    Ok(())
}

impl Composition {
    /// Verifies access tokens with keys that another process publishes.
    pub fn fetch_keys(&mut self, source: PublishedKeys) {
        let keys = Arc::new(KeyRing::fetched(Arc::new(source)));
        let task = Arc::clone(&keys);
        self.tasks.push(Box::new(move |stop| Box::pin(async move { task.run(stop).await })));
        self.keys = Some(keys);
    }
}

/// A module that is needed and nowhere to be found.
pub fn missing(caller: &str, callee: &str) -> StartError {
    StartError::new(format!(
        "The module `{caller}` needs `{callee}`, which this process does not serve: add `{callee}` to `serve`, in a \
         binary that was built with the feature `{callee}`, or set peers.{callee} to the internal address of a \
         process that serves it."
    ))
}
