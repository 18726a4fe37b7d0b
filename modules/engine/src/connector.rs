//! The engine as the AWS SDK's HTTP connector.

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::Engine;
use crate::answer::Answer;
use crate::dispatch::perform;

/// An HTTP client with one connector for all settings: there are no connections that could differ.
pub(crate) fn http_client(engine: Engine) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector { engine });
    http_client_fn(move |_settings, _components| connector.clone())
}

#[derive(Debug)]
struct Connector {
    engine: Engine,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let engine = self.engine.clone();
        HttpConnectorFuture::new(async move { respond(answer(&engine, &request).await) })
    }
}

async fn answer(engine: &Engine, request: &HttpRequest) -> Answer {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    // Only a streamed body has no bytes at hand, and DynamoDB has no operation that streams one.
    let body = request.body().bytes().unwrap_or_default();
    perform(&engine.inner.worker, target, body).await
}

fn respond(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status =
        StatusCode::try_from(answer.status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
