//! Whether the process lives, and whether it can serve.

use std::sync::Arc;

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tradepost_kernel::RequestId;
use tradepost_platform::dynamo::{Dynamo, Expect, Key, Table, Write, WriteError};
use tradepost_problem::{About, Kind, Rejection};
use utoipa::ToSchema;

use crate::modules::{Detail, Task};

const NOT_READY: About = About {
    code: "not_ready",
    kind: Kind::Unavailable,
    title: "Not ready",
    explanation: "The process is starting or stopping, or cannot reach its store. Send requests elsewhere for now.",
};

/// The problems of this file.
pub const PROBLEMS: &[&About] = &[&NOT_READY];

/// Where the process stands in its life.
#[derive(Default)]
pub struct Phase(watch::Sender<Stage>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Starting,
    Serving,
    Draining,
}

impl Phase {
    /// From now on requests are welcome, unless the process is stopping by now.
    pub fn serving(&self) {
        self.0.send_if_modified(|stage| {
            let is_new = *stage == Stage::Starting;
            *stage = if is_new { Stage::Serving } else { *stage };
            is_new
        });
    }

    /// From now on requests should go elsewhere.
    pub fn draining(&self) {
        self.0.send_replace(Stage::Draining);
    }

    /// The same task, begun when requests are welcome: before that the tables may not be there.
    pub fn when_serving(&self, task: Task) -> Task {
        let mut stage = self.0.subscribe();
        Box::new(move |mut stop| {
            Box::pin(async move {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    _ = stage.wait_for(|stage| *stage == Stage::Serving) => {}
                }
                task(stop).await;
            })
        })
    }
}

/// What readiness is decided by. The table is any that this process has; a process without tables needs no store.
pub struct Readiness {
    pub phase: Arc<Phase>,
    pub store: Option<(Dynamo, &'static str)>,
    pub details: Vec<Detail>,
}

impl Readiness {
    async fn check(&self) -> Result<(), &'static str> {
        let stage = *self.phase.0.borrow();
        match stage {
            Stage::Serving => {}
            Stage::Draining => return Err("The process is stopping."),
            Stage::Starting => return Err("The process is starting."),
        }
        let Some((dynamo, table)) = &self.store else { return Ok(()) };
        let table = dynamo.table(table);
        // The read proves the table, the network and the credentials. Whether a full disk has room again only a
        // write can tell, so one is tried when the last one failed.
        table.get::<Probe>(&Key::new("readiness", "probe")).await.map_err(|_| SILENT)?;
        if dynamo.is_write_failing() { Probe::write(dynamo, &table).await } else { Ok(()) }
    }
}

const SILENT: &str = "The store does not answer.";

/// Takes more room than anything a client's request writes: a disk with room for this has room for them.
#[derive(Serialize, Deserialize)]
struct Probe {
    room: String,
}

impl Probe {
    const ROOM: usize = 64 * 1024;

    async fn write(dynamo: &Dynamo, table: &Table) -> Result<(), &'static str> {
        let key = Key::new("readiness", "room");
        let found: Option<Self> = table.get(&key).await.map_err(|_| SILENT)?;
        let expect = if found.is_some() { Expect::Present } else { Expect::Absent };
        let write = Write::new(dynamo, RequestId::generate().as_str());
        let probe = Self { room: "x".repeat(Self::ROOM) };
        match write.put(table, &key, &probe, &expect, ()).commit().await {
            Err(WriteError::Outage(_)) => Err("The store takes no writes."),
            _ => Ok(()),
        }
    }
}

/// How the process is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "status": "healthy", "version": "0.1.0" }))]
struct Health {
    /// `healthy`, `alive` or `ready`.
    #[schema(example = "healthy")]
    status: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Where it says whether it is ready: in a process that shows prices, `prices` with their `source`, how many seconds
    /// old the newest are (`age_s`), and whether this process is the one that asks for them (`is_feeding`).
    #[serde(flatten)]
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

impl Health {
    fn telling(status: &'static str, details: &[Detail]) -> Json<Self> {
        let details = details.iter().map(|(name, tell)| ((*name).to_owned(), tell())).collect();
        Json(Self { status, version: env!("CARGO_PKG_VERSION"), details })
    }

    fn new(status: &'static str) -> Json<Self> {
        Self::telling(status, &[])
    }
}

/// Whether the process answers. Touches nothing else.
#[utoipa::path(tag = "operations", responses((status = 200, description = "It answers.", body = Health)))]
#[get("/health")]
pub async fn health() -> Json<impl Serialize> {
    Health::new("healthy")
}

/// Whether the process lives; restart it if not.
#[utoipa::path(tag = "operations", responses(
    (status = 200, description = "It lives.", body = Health, example = json!({ "status": "alive", "version": "0.1.0" })),
))]
#[get("/health/live")]
pub async fn live() -> Json<impl Serialize> {
    Health::new("alive")
}

/// Whether requests are welcome: not while starting, stopping, or without the store.
#[utoipa::path(tag = "operations", responses(
    (status = 200, description = "They are.", body = Health, example = json!({
        "status": "ready", "version": "0.1.0", "prices": { "source": "simulated", "age_s": 0, "is_feeding": false },
    })),
    (status = 503, description = "`not_ready`: they are not, now."),
))]
#[get("/health/ready")]
pub async fn ready(readiness: Data<Readiness>) -> Result<Json<impl Serialize>, Rejection> {
    readiness.check().await.map_err(|why| Rejection::new(&NOT_READY, why))?;
    Ok(Health::telling("ready", &readiness.details))
}

#[cfg(test)]
mod tests {
    use tokio::sync::{oneshot, watch};

    use super::{Phase, Task};

    /// A task that says that it has begun, and whether it was told to stop by then.
    fn telling() -> (Task, oneshot::Receiver<bool>) {
        let (tell, told) = oneshot::channel();
        let task: Task = Box::new(|stop| {
            Box::pin(async move {
                let _ = tell.send(*stop.borrow());
            })
        });
        (task, told)
    }

    #[tokio::test]
    async fn a_task_that_waits_begins_when_requests_are_welcome_and_not_before() {
        let (phase, (task, mut told)) = (Phase::default(), telling());
        let (_stop, stopped) = watch::channel(false);
        let running = tokio::spawn(phase.when_serving(task)(stopped));
        tokio::task::yield_now().await;
        assert!(told.try_recv().is_err(), "it has begun");
        phase.serving();
        running.await.unwrap();
        assert_eq!(told.await, Ok(false));
    }

    #[tokio::test]
    async fn a_task_that_waits_never_begins_in_a_process_that_stops_first() {
        let (phase, (task, told)) = (Phase::default(), telling());
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(phase.when_serving(task)(stopped));
        phase.draining();
        phase.serving();
        stop.send(true).unwrap();
        running.await.unwrap();
        assert!(told.await.is_err());
    }
}
