//! How the gateway is joined: it answers for whole paths, in place of "no such route".

mod routes;

use std::time::Duration;

use actix_web::web::{self, Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use tradepost_gateway::{Gateway, PROBLEMS, Settings, forward};
use tradepost_platform::peer::{PublishedKeys, http_client};
use tradepost_platform::telemetry::RouteTemplate;
use tradepost_problem::Rejection;

use super::{Arc, Compiled, Composition, Config, Foundation, ServiceConfig, StartError};
use crate::fallback::{RouteTable, no_route};
use crate::openapi;
use routes::Routes;

pub const MODULE: Compiled = Compiled {
    name: "gateway",
    routes: no_routes,
    root_routes: None,
    needs: &[],
    uses: &[],
    needs_secret: false,
    is_called: false,
    stands_alone: true,
    table: None,
    problems: &[PROBLEMS],
    check,
    join,
};

fn no_routes(_: &mut ServiceConfig<'_>) {}

fn join(foundation: &Foundation, composition: &mut Composition) -> Result<(), StartError> {
    let settings = settings(&foundation.config)?;
    // Only to count requests by user; whether a token is good is for the services to say.
    let timeout = Duration::from_millis(foundation.config.peers.timeout_ms);
    composition.fetch_keys(PublishedKeys::new(http_client()?, settings.user.clone(), timeout));
    let (limit, clock) = (foundation.config.server.max_body_bytes, Arc::clone(&foundation.clock));
    let routes = Arc::new(Routes::new(openapi::WHOLE));
    let known = Data::from(Arc::clone(&routes));
    let takes_key = Box::new(move |method: &str, path: &str| routes.take_key(method, path));
    let gateway = Gateway::new(settings, limit, takes_key, clock).map_err(StartError::new)?;
    let task = Arc::clone(&gateway);
    composition.tasks.push(Box::new(|stop| Box::pin(async move { task.run(stop).await })));
    let streams = Arc::clone(&gateway);
    composition.endings.push(Box::new(move || streams.end_streams()));
    let gateway = Data::from(gateway);
    composition.is_whole = true;
    composition.fallback = Some(Arc::new(move |config| {
        config.app_data(gateway.clone()).app_data(known.clone()).default_service(web::to(forward_or_refuse));
    }));
    Ok(())
}

async fn forward_or_refuse(
    request: HttpRequest,
    body: Payload,
    gateway: Data<Gateway>,
    routes: Data<RouteTable>,
    known: Data<Routes>,
) -> Result<HttpResponse, Rejection> {
    if let Some(template) = known.template(request.path()) {
        request.extensions_mut().insert(RouteTemplate(template.to_owned()));
    }
    if gateway.owner(request.path()).is_some() {
        forward(request, body, gateway).await
    } else {
        no_route(request, routes).await
    }
}

fn settings(config: &Config) -> Result<Settings, StartError> {
    let settings: Settings = config.section("gateway")?;
    settings.check().map_err(StartError::new)?;
    Ok(settings)
}

fn check(config: &Config) -> Result<(), StartError> {
    settings(config).map(|_| ())
}
