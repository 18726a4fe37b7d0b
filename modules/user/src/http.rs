//! The routes of the user module.

mod auth;
mod balance;
mod cash;
mod password;
mod profile;
mod sessions;

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, Responder, get};
use jsonwebtoken::jwk::JwkSet;
use tradepost_platform::cursor::Cursors;
use tradepost_platform::guard::ClientAddress;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::UserService;

/// The routes under `/api/v1`. They answer from what [`state`] adds.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(auth::register)
        .service(auth::login)
        .service(auth::refresh)
        .service(sessions::logout)
        .service(sessions::list_sessions)
        .service(sessions::end_session)
        .service(sessions::end_other_sessions)
        .service(password::change_password)
        .service(profile::get_profile)
        .service(profile::change_profile)
        .service(balance::get_balance)
        .service(cash::deposit)
        .service(cash::withdraw)
        .service(balance::list_transactions);
}

/// What the routes answer from.
pub fn state(service: Arc<UserService>, cursors: Cursors) -> impl Fn(&mut ServiceConfig<'_>) + Clone {
    let (service, cursors) = (Data::from(service), Data::new(cursors));
    move |config| {
        config.app_data(service.clone()).app_data(cursors.clone());
    }
}

/// Where a request comes from, if that is known.
fn client_address(request: &HttpRequest) -> Option<IpAddr> {
    ClientAddress::of(request)
}

/// The public keys that verify access tokens (RFC 7517).
#[utoipa::path(tag = "operations", responses((
    status = 200, description = "The key set.", content_type = "application/json", body = Object,
    example = json!({ "keys": [{
        "use": "sig", "alg": "EdDSA", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "kty": "OKP",
        "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    }] })
)))]
#[get("/.well-known/jwks.json")]
pub async fn jwks(keys: Data<JwkSet>) -> impl Responder {
    Json(keys)
}
