//! The internal listener: where other processes of the installation call the modules of this one. It carries the
//! internal routes and the public keys, and nothing else; the public listener carries none of the former.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, HttpResponse, HttpServer};
use jsonwebtoken::jwk::JwkSet;
use tradepost_platform::peer::ServiceTokens;
use tradepost_platform::telemetry::observe;
use tradepost_problem::finish;

use crate::StartError;
use crate::foundation::Foundation;
use crate::modules::{Composition, Routes};

/// The longest argument of a call, in bytes.
const MOST_BYTES: usize = 1 << 20;
/// Longer than callers keep idle connections.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// What every worker of the internal listener shares.
#[derive(Clone)]
struct Parts {
    tokens: Data<ServiceTokens>,
    routes: Vec<Routes>,
    keys: Bytes,
}

/// Starts serving the callable modules of this process on a socket that is bound already.
///
/// # Errors
/// When there is no service secret to check calls with, or no thread to serve with.
pub fn start(
    foundation: &Foundation,
    composition: &Composition,
    listener: TcpListener,
) -> Result<Server, StartError> {
    let tokens = ServiceTokens::new(&foundation.secret()?, Arc::clone(&foundation.clock));
    let none = JwkSet { keys: Vec::new() };
    let keys = serde_json::to_vec(composition.jwks.as_ref().unwrap_or(&none)).unwrap_or_default();
    let parts =
        Parts { tokens: Data::new(tokens), routes: composition.internal.clone(), keys: Bytes::from(keys) };
    let settings = &foundation.config.server;
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(PayloadConfig::new(MOST_BYTES))
            .configure(|config| mount(config, &parts))
            .wrap(from_fn(finish))
            .wrap(from_fn(observe))
    });
    if settings.workers > 0 {
        server = server.workers(settings.workers);
    }
    let server = server
        .keep_alive(KEEP_ALIVE)
        .tcp_nodelay(true)
        .client_request_timeout(Duration::from_millis(settings.client_timeout_ms))
        .shutdown_timeout(settings.shutdown_timeout_s)
        .disable_signals()
        .listen(listener)
        .map_err(|error| StartError::new(format!("The internal listener cannot start: {error}.")))?;
    Ok(server.run())
}

fn mount(config: &mut web::ServiceConfig, parts: &Parts) {
    let keys = parts.keys.clone();
    let keys = web::get().to(move || {
        let keys = keys.clone();
        async move { HttpResponse::Ok().content_type("application/json").body(keys) }
    });
    config.app_data(parts.tokens.clone()).route("/.well-known/jwks.json", keys);
    parts.routes.iter().for_each(|routes| routes(config));
}
