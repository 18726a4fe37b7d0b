//! The engine over HTTP, as DynamoDB speaks it, so that several processes can share it.

mod body;
mod refusal;
mod signature;

use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::http::header::HOST;
use actix_web::http::uri::Authority;
use actix_web::web::{self, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use dynoxide::Database;
use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tradepost_kernel::Clock;

use self::body::Room;
use self::refusal::Refusal;
use self::signature::Signatures;
use crate::answer::Answer;
use crate::dispatch::perform;
use crate::error::EngineError;
use crate::{Engine, Settings};

/// The access key id that requests are signed with.
pub const ACCESS_KEY_ID: &str = signature::ACCESS_KEY_ID;

/// Longer than the SDK keeps a connection that it does not use (90 s), so that the client is the one to close it:
/// a request sent while the server closes would be lost, and nobody repeats it.
const KEEP_ALIVE: Duration = Duration::from_secs(120);
/// Connections a worker takes at once.
const CONNECTIONS: usize = 512;
/// How long requests may take to finish once the server is told to stop, in seconds.
const SHUTDOWN_S: u64 = 10;

/// A running server in front of an engine.
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Starts to serve the engine where the settings say.
    ///
    /// With a secret every request must carry a Signature Version 4 made with [`ACCESS_KEY_ID`] and that secret,
    /// over its body, its target and its date, and not five minutes old; replies are not signed, and nothing is
    /// encrypted. Without a secret only callers on this machine are served.
    ///
    /// # Errors
    /// [`EngineError::Serve`] when the address cannot be had or must not be used.
    pub fn start(engine: &Engine, settings: &Settings, clock: Arc<dyn Clock>) -> Result<Server, EngineError> {
        let failed = |error: io::Error| EngineError::Serve { reason: format!("{error}.") };
        let listener = settings.bind().map_err(|reason| EngineError::Serve { reason })?;
        let address = listener.local_addr().map_err(failed)?;
        let signatures = settings.asks_for_signatures().then(|| Signatures::new(&settings.secret, clock));
        let door = Data::new(Door { engine: engine.clone(), signatures, room: Room::default() });
        let server = HttpServer::new(move || App::new().app_data(door.clone()).configure(routes))
            .keep_alive(KEEP_ALIVE)
            .tcp_nodelay(true)
            .max_connections(CONNECTIONS)
            .shutdown_timeout(SHUTDOWN_S)
            .disable_signals()
            .listen(listener)
            .map_err(failed)?
            .run();
        Ok(Server { address, handle: server.handle(), serving: tokio::spawn(server) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests and finishes those in flight.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        // Whatever the outcome, the server is gone.
        let _ = self.serving.await;
    }
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/", web::post().to(operation))
        .route("/health", web::get().to(alive))
        .route("/health/live", web::get().to(alive))
        .route("/health/ready", web::get().to(ready))
        .default_service(web::to(nothing));
}

/// What every request passes.
struct Door {
    engine: Engine,
    /// None asks for no signature.
    signatures: Option<Signatures>,
    room: Room,
}

impl Door {
    async fn answer(&self, request: &HttpRequest, payload: Payload) -> Result<Answer, Refusal> {
        let Some(signatures) = &self.signatures else {
            if !is_for_this_machine(request) {
                return Err(Refusal::Renamed);
            }
            let body = self.room.read(request, payload).await?;
            return Ok(self.perform(request, &body.bytes).await);
        };
        let claim = signatures.claim(request)?;
        let body = self.room.read(request, payload).await?;
        signatures.verify(claim, request, &body.bytes)?;
        Ok(self.perform(request, &body.bytes).await)
    }

    async fn perform(&self, request: &HttpRequest, body: &[u8]) -> Answer {
        let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        perform(&self.engine.inner.worker, target.unwrap_or_default(), body).await
    }
}

/// A page in a browser on this machine can be made to call us under a name of its own that leads here; its
/// requests carry that name.
fn is_for_this_machine(request: &HttpRequest) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    authority.is_some_and(|authority| {
        let name = authority.host().trim_matches(['[', ']']);
        name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

async fn operation(request: HttpRequest, payload: Payload, door: Data<Door>) -> HttpResponse {
    let answered = AssertUnwindSafe(door.answer(&request, payload)).catch_unwind().await;
    let answer = match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(refusal)) => {
            tracing::warn!(?refusal, peer = ?request.peer_addr(), "refused a request to the engine");
            refusal.answer()
        }
        Err(_) => {
            tracing::error!("a request to the engine panicked");
            Answer::internal("The engine gave no answer; its log says why.")
        }
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).content_type("application/x-amz-json-1.0").body(answer.body)
}

async fn alive() -> HttpResponse {
    health(StatusCode::OK, "healthy")
}

async fn ready(door: Data<Door>) -> HttpResponse {
    match door.engine.inner.worker.run(Database::table_count).await {
        Ok(Ok(_)) => health(StatusCode::OK, "ready"),
        _ => health(StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    }
}

fn health(status: StatusCode, word: &str) -> HttpResponse {
    let body = serde_json::json!({ "status": word, "version": env!("CARGO_PKG_VERSION") });
    HttpResponse::build(status).json(body)
}

/// What DynamoDB says to whatever is not one of its requests.
async fn nothing() -> HttpResponse {
    HttpResponse::NotFound().body("<UnknownOperationException/>\n")
}
