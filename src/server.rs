//! The HTTP server: middleware, mounts and limits.

use std::net::TcpListener;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest};
use actix_web::http::header::{
    self, AUTHORIZATION, CONTENT_TYPE, ContentType, ETAG, HeaderName, HeaderValue, RETRY_AFTER,
};
use actix_web::middleware::{NormalizePath, TrailingSlash, from_fn};
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, Error, HttpResponse, HttpServer};
use jsonwebtoken::jwk::JwkSet;
use tradepost_platform::auth::{KeyRing, SessionCache, Sessions, Verifier};
use tradepost_platform::dynamo::Dynamo;
use tradepost_platform::encoding::encode;
use tradepost_platform::guard::{Guard, guard, hold_connection, watch_connection};
use tradepost_platform::headers::secure;
use tradepost_platform::request::{BodyTimeout, head_as_get};
use tradepost_platform::telemetry::{Metrics, metrics_page, observe};
use tradepost_problem::{ProblemPages, explain_problem, finish, list_problems};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_actix_web::{AppExt, scope};

use crate::StartError;
use crate::config::ServerSettings;
use crate::fallback::{RouteTable, answer_options, no_route};
use crate::foundation::Foundation;
use crate::health::{self, Phase, Readiness};
use crate::modules::{Compiled, Composition, Routes, State};
use crate::{limits, modules, openapi};

/// What every worker of the server shares.
#[derive(Clone)]
pub struct Parts {
    served: Vec<&'static Compiled>,
    states: Vec<State>,
    readiness: Data<Readiness>,
    metrics: Data<Metrics>,
    guard: Data<Guard>,
    verifier: Data<Verifier>,
    keys: Option<Data<JwkSet>>,
    session_cache: Data<SessionCache>,
    sessions: Option<Data<Arc<dyn Sessions>>>,
    problems: Data<ProblemPages>,
    routes: Data<RouteTable>,
    fallback: Option<Routes>,
    document: Bytes,
}

impl Parts {
    /// Gathers what the server needs from the modules.
    pub fn new(
        foundation: &Foundation,
        composition: Composition,
        phase: Arc<Phase>,
        store: Option<(Dynamo, &'static str)>,
    ) -> Result<Self, StartError> {
        let served = modules::served(&foundation.config)?;
        let document = describe(&served);
        // A process without keys takes no token; its routes are public.
        let keys = composition.keys.unwrap_or_else(|| Arc::new(KeyRing::fixed(&JwkSet { keys: Vec::new() })));
        let tokens = foundation.config.auth.tokens();
        let (config, clock) = (&foundation.config, &foundation.clock);
        let guard = limits::guard(&config.server, &config.rate_limits, Arc::clone(clock))?;
        Ok(Self {
            served,
            states: composition.states,
            readiness: Data::new(Readiness { phase, store, details: composition.details }),
            metrics: Data::new(Metrics::install().map_err(StartError::new)?),
            verifier: Data::new(Verifier::new(keys, &tokens, Arc::clone(&foundation.clock))),
            keys: composition.jwks.map(Data::new),
            guard: Data::new(guard),
            session_cache: Data::from(Arc::clone(&foundation.session_cache)),
            sessions: composition.sessions.map(Data::new),
            problems: Data::new(if composition.is_whole {
                openapi::whole_problems()
            } else {
                openapi::problems()
            }),
            routes: Data::new(RouteTable::new(&document)),
            fallback: composition.fallback,
            document: if composition.is_whole {
                Bytes::from_static(openapi::WHOLE.as_bytes())
            } else {
                Bytes::from(document.to_json().unwrap_or_default())
            },
        })
    }

    fn mount(&self, config: &mut web::ServiceConfig) {
        config
            .app_data(self.readiness.clone())
            .app_data(self.metrics.clone())
            .app_data(self.guard.clone())
            .app_data(self.verifier.clone())
            .app_data(self.session_cache.clone())
            .app_data(self.problems.clone())
            .app_data(self.routes.clone());
        if let Some(keys) = &self.keys {
            config.app_data(keys.clone());
        }
        if let Some(sessions) = &self.sessions {
            config.app_data(sessions.clone());
        }
        let document = self.document.clone();
        let document = web::resource(openapi::PATH).wrap(from_fn(encode)).get(move || {
            let document = document.clone();
            async move { HttpResponse::Ok().content_type(ContentType::json()).body(document) }
        });
        // What is mounted first is looked through first, so the API comes before what people rarely ask for.
        let mut described = ServiceConfig::new(config);
        api(&mut described, &self.served, &self.states);
        config.service(list_problems).service(explain_problem).service(document);
        modules::swagger_ui(config);
        match &self.fallback {
            Some(fallback) => fallback(config),
            None => {
                config.default_service(web::to(no_route));
            }
        }
    }
}

/// Every documented route.
fn api(config: &mut ServiceConfig<'_>, served: &[&Compiled], states: &[State]) {
    config
        .service(health::health)
        .service(health::live)
        .service(health::ready)
        .service(metrics_page)
        .service(scope::scope("/api/v1").configure(|config| {
            states.iter().for_each(|state| state(config));
            served.iter().for_each(|module| (module.routes)(config));
        }));
    served.iter().filter_map(|module| module.root_routes).for_each(|routes| routes(config));
}

/// The document of these modules.
pub fn describe(modules: &[&Compiled]) -> OpenApi {
    let app = App::new().into_utoipa_app().openapi(openapi::frame());
    let app = app.configure(|config| api(config, modules, &[]));
    let (_, mut document) = app.split_for_parts();
    openapi::complete(&mut document);
    document
}

/// Starts serving on a socket that is bound already.
pub fn start(parts: Parts, listener: TcpListener, settings: &ServerSettings) -> Result<Server, StartError> {
    let own = settings.clone();
    let head = Duration::from_millis(settings.client_timeout_ms);
    let pause = Duration::from_secs(settings.keep_alive_s);
    let workers = match settings.workers {
        0 => std::thread::available_parallelism().map_or(1, NonZero::get),
        workers => workers,
    };
    let only_forwards = parts.fallback.is_some();
    let server = HttpServer::new(move || app(&parts, &own))
        .workers(workers)
        // Whoever forwards ends a request whose client is gone, and so frees the upstream of it. A module finishes what
        // it has begun: a write that is dropped half-way is left to recovery.
        .h1_allow_half_closed(!only_forwards)
        .max_connections(settings.max_connections.div_ceil(workers))
        .keep_alive(pause)
        // An answer in two parts must not wait for the acknowledgement of the first.
        .tcp_nodelay(true)
        .client_request_timeout(head)
        .on_connect(move |stream, extensions| watch_connection(stream, extensions, pause + head))
        .shutdown_timeout(settings.shutdown_timeout_s)
        .disable_signals()
        .listen(listener)
        .map_err(|error| StartError::new(format!("The server cannot start: {error}.")))?;
    Ok(server.run())
}

/// The middleware, from the innermost (first) to the outermost.
fn app(
    parts: &Parts,
    settings: &ServerSettings,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .app_data(PayloadConfig::new(settings.max_body_bytes))
        .app_data(BodyTimeout(Duration::from_millis(settings.body_timeout_ms)))
        .configure(|config| parts.mount(config))
        .wrap(from_fn(guard))
        .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
        .wrap(from_fn(finish))
        .wrap(cors(settings))
        .wrap(from_fn(head_as_get))
        .wrap(from_fn(answer_options))
        .wrap(from_fn(secure))
        .wrap(from_fn(observe))
        .wrap(from_fn(hold_connection))
}

fn cors(settings: &ServerSettings) -> Cors {
    let exposed = [
        "ratelimit",
        "ratelimit-policy",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-request-id",
        "idempotency-replayed",
    ];
    let exposed = exposed.into_iter().map(HeaderName::from_static).chain([RETRY_AFTER, ETAG]);
    let (origins, allow_localhost) = (settings.cors_origins.clone(), settings.allow_localhost);
    Cors::default()
        .allowed_origin_fn(move |origin, _| {
            (allow_localhost && is_localhost(origin)) || origins.iter().any(|allowed| allowed == origin)
        })
        .allowed_methods(["GET", "POST", "PUT", "DELETE"])
        .allowed_headers([AUTHORIZATION, CONTENT_TYPE, header::ACCEPT])
        .allowed_headers(["idempotency-key", "if-none-match", "last-event-id", "x-request-id", "traceparent"])
        .expose_headers(exposed)
        .max_age(3600)
}

fn is_localhost(origin: &HeaderValue) -> bool {
    let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")).unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "80"));
    matches!(name, "localhost" | "127.0.0.1") && port.parse::<u16>().is_ok()
}
