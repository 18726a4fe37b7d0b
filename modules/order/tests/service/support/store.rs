//! The embedded engine behind a switch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::sync::Notify;
use tradepost_engine::Engine;
use tradepost_platform::dynamo::Dynamo;

/// Says whether the store can be reached, and at which call the process dies.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    is_off: Arc<AtomicBool>,
    death: Arc<Mutex<Option<Death>>>,
    died: Arc<Notify>,
}

/// A process that dies at a call, just before it or as soon as it was applied.
#[derive(Clone, Copy, Debug)]
struct Death {
    calls_left: usize,
    is_applied: bool,
}

impl Switch {
    pub fn off(&self) {
        self.is_off.store(true, Ordering::SeqCst);
    }

    pub fn on(&self) {
        self.is_off.store(false, Ordering::SeqCst);
    }

    /// The call after so many others is the last: it never returns.
    pub fn die_after(&self, calls_left: usize, is_applied: bool) {
        *self.death.lock().unwrap() = Some(Death { calls_left, is_applied });
    }

    /// Waits for the death that was arranged.
    pub async fn died(&self) {
        self.died.notified().await;
    }

    /// How this call is to die, if it is.
    fn dies(&self) -> Option<Death> {
        let mut death = self.death.lock().unwrap();
        if let Some(Death { calls_left, .. }) = death.as_mut() {
            if *calls_left == 0 {
                return death.take();
            }
            *calls_left -= 1;
        }
        None
    }
}

pub fn start() -> (Engine, Dynamo, Switch) {
    let (engine, switch) = (Engine::in_memory().unwrap(), Switch::default());
    let client = SharedHttpClient::new(Switched { inner: engine.http_client(), switch: switch.clone() });
    (engine, Dynamo::in_process(client, "test_"), switch)
}

#[derive(Debug)]
struct Switched<T> {
    inner: T,
    switch: Switch,
}

impl HttpClient for Switched<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Switched { inner, switch: self.switch.clone() })
    }
}

impl HttpConnector for Switched<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if self.switch.is_off.load(Ordering::SeqCst) {
            return HttpConnectorFuture::ready(Err(ConnectorError::io("switched off".into())));
        }
        let Some(death) = self.switch.dies() else { return self.inner.call(request) };
        let (inner, died) = (self.inner.clone(), Arc::clone(&self.switch.died));
        HttpConnectorFuture::new(async move {
            if death.is_applied {
                let _ = inner.call(request).await;
            }
            died.notify_one();
            std::future::pending().await
        })
    }
}
