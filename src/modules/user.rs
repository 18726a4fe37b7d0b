//! How the user module is joined.

use secrecy::ExposeSecret;
use tradepost_platform::cursor::Cursors;
use tradepost_user::{PROBLEMS, Settings, SigningKey, TABLE, UserService, routes, state};
use tradepost_user_api::wire;

use super::{Arc, Compiled, Composition, Config, Foundation, KeyRing, ServiceConfig, StartError};
use crate::foundation::kept;

pub const MODULE: Compiled = Compiled {
    name: "user",
    routes,
    root_routes: Some(keys),
    needs: &[],
    uses: &[],
    needs_secret: true,
    is_called: true,
    stands_alone: false,
    table: Some(TABLE),
    problems: &[PROBLEMS, tradepost_user_api::PROBLEMS],
    check,
    join,
};

fn join(foundation: &Foundation, composition: &mut Composition) -> Result<(), StartError> {
    let service = service(foundation)?;
    let jwks = service.jwks();
    composition.keys = Some(Arc::new(KeyRing::fixed(&jwks)));
    composition.jwks = Some(jwks);
    composition.sessions = Some(service.clone());
    composition.accounts = Some(service.clone());
    let (accounts, sessions) = (service.clone(), service.clone());
    composition
        .internal
        .push(Arc::new(move |config| wire::routes(config, accounts.clone(), sessions.clone())));
    let cursors = Cursors::new(foundation.secret()?.derive("cursors"));
    composition.states.push(Arc::new(state(service, cursors)));
    Ok(())
}

fn keys(config: &mut ServiceConfig<'_>) {
    config.service(tradepost_user::jwks);
}

fn signing_key(pem: &str) -> Result<SigningKey, StartError> {
    SigningKey::from_pem(pem)
        .map_err(|error| StartError::new(format!("auth.signing_key cannot be used: {error}.")))
}

fn settings(config: &Config) -> Result<Settings, StartError> {
    let settings: Settings = config.section("user")?;
    settings.check(config.is_production()).map_err(StartError::new)?;
    Ok(settings)
}

fn check(config: &Config) -> Result<(), StartError> {
    settings(config)?;
    match config.auth.signing_key.expose_secret() {
        "" if config.is_production() => {
            Err(StartError::new("Production needs auth.signing_key; none is made up there."))
        }
        "" => Ok(()),
        pem => signing_key(pem).map(|_| ()),
    }
}

/// The user module by itself, for the verbs of the operator.
pub fn service(foundation: &Foundation) -> Result<Arc<UserService>, StartError> {
    let config = &foundation.config;
    let settings = settings(config)?;
    let given = config.auth.signing_key.expose_secret();
    let pem = kept(given, &config.data_dir, "signing-key.pem", || Ok(SigningKey::generate_pem()?))?;
    let key = signing_key(&pem)?;
    let service = UserService::new(
        settings,
        config.auth.tokens(),
        key,
        &foundation.secret()?,
        foundation.store()?,
        Arc::clone(&foundation.session_cache),
        Arc::clone(&foundation.clock),
    )?;
    Ok(service)
}
