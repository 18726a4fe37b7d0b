//! The embedded engine behind a switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tradepost_engine::Engine;
use tradepost_platform::dynamo::Dynamo;

/// Says whether the store can be reached.
#[derive(Clone, Debug, Default)]
pub struct Switch(Arc<AtomicBool>);

impl Switch {
    pub fn off(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn on(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

pub fn start() -> (Dynamo, Switch) {
    let switch = Switch::default();
    let engine = Engine::in_memory().unwrap().http_client();
    let client = SharedHttpClient::new(Switched { inner: engine, switch: switch.clone() });
    (Dynamo::in_process(client, "test_"), switch)
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
        if self.switch.0.load(Ordering::SeqCst) {
            return HttpConnectorFuture::ready(Err(ConnectorError::io("switched off".into())));
        }
        self.inner.call(request)
    }
}
