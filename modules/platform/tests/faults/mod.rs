//! The embedded engine at the end of a line that breaks when told to.
#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::collections::VecDeque;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use tokio::sync::watch;
use tradepost_engine::Engine;
use tradepost_platform::dynamo::Dynamo;

/// What can happen to one call on its way to the store and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another transaction holds an item: the write is refused for this reason, which a transaction names in
    /// its cancellation.
    Contention(&'static str),
    /// The store refuses with status 400 and this error.
    Refusal(&'static str),
    /// The store fails with status 500 before it does anything.
    ServerError,
    /// The store cannot be reached.
    Unreachable,
    /// The request never arrives, and no answer ever does.
    RequestLost,
    /// The request is carried out, and no answer ever arrives.
    AnswerLost,
    /// The request is carried out, and the connection breaks before the answer.
    ConnectionBroken,
}

impl Fault {
    /// One of each sort.
    pub const EACH: [Self; 10] = [
        Self::Contention("TransactionConflict"),
        Self::Contention("ThrottlingError"),
        Self::Refusal("ThrottlingException"),
        Self::Refusal("ProvisionedThroughputExceededException"),
        Self::Refusal("RequestLimitExceeded"),
        Self::ServerError,
        Self::Unreachable,
        Self::RequestLost,
        Self::AnswerLost,
        Self::ConnectionBroken,
    ];
}

/// The line's own handle: says which calls meet which fault, and knows what went through. Reads always do, unless they
/// are included.
#[derive(Clone, Debug)]
pub struct Line(Arc<State>);

#[derive(Debug)]
struct State {
    /// The faults of the next writes, `None` for one that goes through.
    script: Mutex<VecDeque<Option<Fault>>>,
    /// What happens once the script is over.
    afterwards: Mutex<Option<Fault>>,
    /// Whether reads count like writes; those of an index never do, because the platform makes them all the time.
    includes_reads: AtomicBool,
    attempts: watch::Sender<usize>,
    applied: watch::Sender<usize>,
}

impl Line {
    /// The write with this index, counted from now, meets a fault; others go through.
    pub fn fail_at(&self, index: usize, fault: Fault) {
        let mut script = self.0.script.lock().unwrap();
        while script.len() <= index {
            script.push_back(None);
        }
        script[index] = Some(fault);
    }

    /// The next writes meet these faults, one after another.
    pub fn fail_with(&self, faults: &[Fault]) {
        for (index, fault) in faults.iter().enumerate() {
            self.fail_at(index, *fault);
        }
    }

    /// From now on every write meets this fault.
    pub fn always_fail(&self, fault: Fault) {
        *self.0.afterwards.lock().unwrap() = Some(fault);
    }

    /// From now on reads of the table meet faults too.
    pub fn include_reads(&self) {
        self.0.includes_reads.store(true, Ordering::SeqCst);
    }

    /// Whether every fault of the script was met.
    pub fn is_spent(&self) -> bool {
        self.0.script.lock().unwrap().is_empty()
    }

    /// From now on every write goes through.
    pub fn heal(&self) {
        self.0.script.lock().unwrap().clear();
        *self.0.afterwards.lock().unwrap() = None;
    }

    /// Counts from zero again.
    pub fn restart_counting(&self) {
        self.0.attempts.send_replace(0);
        self.0.applied.send_replace(0);
    }

    /// How many writes were sent.
    pub fn attempts(&self) -> usize {
        *self.0.attempts.borrow()
    }

    /// How many writes the engine carried out.
    pub fn applied(&self) -> usize {
        *self.0.applied.borrow()
    }

    /// Waits until that many writes were sent.
    pub async fn has_sent(&self, count: usize) {
        self.0.attempts.subscribe().wait_for(|attempts| *attempts >= count).await.unwrap();
    }

    /// Waits until the engine has carried out that many writes.
    pub async fn has_applied(&self, count: usize) {
        self.0.applied.subscribe().wait_for(|applied| *applied >= count).await.unwrap();
    }

    fn next_fault(&self) -> Option<Fault> {
        self.0.attempts.send_modify(|attempts| *attempts += 1);
        let next = self.0.script.lock().unwrap().pop_front();
        next.unwrap_or_else(|| *self.0.afterwards.lock().unwrap())
    }
}

/// A connection to a new empty engine, and its line.
pub fn connect() -> (Dynamo, Line) {
    let line = Line(Arc::new(State {
        script: Mutex::default(),
        afterwards: Mutex::default(),
        includes_reads: AtomicBool::new(false),
        attempts: watch::Sender::new(0),
        applied: watch::Sender::new(0),
    }));
    let inner = Engine::in_memory().unwrap().http_client();
    let client = SharedHttpClient::new(Breakable { inner, line: line.clone() });
    (Dynamo::in_process(client, "t_"), line)
}

#[derive(Debug)]
struct Breakable<T> {
    inner: T,
    line: Line,
}

impl HttpClient for Breakable<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Breakable { inner, line: self.line.clone() })
    }
}

impl HttpConnector for Breakable<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_included = self.line.0.includes_reads.load(Ordering::SeqCst) && !is_of_index(&request);
        if !is_write(&request) && !is_included {
            return self.inner.call(request);
        }
        match self.line.next_fault() {
            None => HttpConnectorFuture::new(self.carry_out(request)),
            Some(Fault::Contention(reason)) => answer(400, &contention(&request, reason)),
            Some(Fault::Refusal(error)) => answer(400, &json!({ "__type": error })),
            Some(Fault::ServerError) => answer(500, &json!({ "__type": "InternalServerError" })),
            Some(Fault::Unreachable) => {
                HttpConnectorFuture::ready(Err(ConnectorError::io("connection refused".into())))
            }
            Some(Fault::RequestLost) => HttpConnectorFuture::new(pending()),
            Some(Fault::AnswerLost) => {
                let carried_out = self.carry_out(request);
                HttpConnectorFuture::new(async {
                    carried_out.await?;
                    pending().await
                })
            }
            Some(Fault::ConnectionBroken) => {
                let carried_out = self.carry_out(request);
                HttpConnectorFuture::new(async {
                    carried_out.await?;
                    Err(ConnectorError::io("connection reset".into()))
                })
            }
        }
    }
}

impl Breakable<SharedHttpConnector> {
    fn carry_out(
        &self,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, ConnectorError>> + use<> {
        let (answer, line) = (self.inner.call(request), self.line.clone());
        async move {
            let response = answer.await?;
            if response.status().is_success() {
                line.0.applied.send_modify(|applied| *applied += 1);
            }
            Ok(response)
        }
    }
}

fn operation(request: &HttpRequest) -> &str {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

fn is_write(request: &HttpRequest) -> bool {
    matches!(operation(request), "PutItem" | "TransactWriteItems")
}

fn is_of_index(request: &HttpRequest) -> bool {
    let body = request.body().bytes().unwrap_or_default();
    operation(request) == "Query" && String::from_utf8_lossy(body).contains("\"IndexName\"")
}

/// A transaction is cancelled because of its last item; a single put is refused as a whole.
fn contention(request: &HttpRequest, reason: &str) -> Value {
    if operation(request) != "TransactWriteItems" {
        return json!({ "__type": "TransactionConflictException" });
    }
    let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
    let mut reasons = vec![json!({ "Code": "None" }); body["TransactItems"].as_array().unwrap().len()];
    *reasons.last_mut().unwrap() = json!({ "Code": reason, "Message": "ongoing" });
    json!({ "__type": "TransactionCanceledException", "CancellationReasons": reasons })
}

fn answer(status: u16, body: &Value) -> HttpConnectorFuture {
    let mut response =
        HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    HttpConnectorFuture::ready(Ok(response))
}
