//! What no route took: 405 with `Allow` where the path exists with other methods, 404 elsewhere, and the answers
//! to `OPTIONS`.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use tradepost_problem::{Rejection, http};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{HttpMethod, PathItem};

/// Every path there is, with its methods: the framework, matching handlers one by one, does not know.
pub struct RouteTable(Vec<(ResourceDef, String)>);

impl RouteTable {
    /// Reads the routes from the document that describes them.
    pub fn new(document: &OpenApi) -> Self {
        let documented = document.paths.paths.iter().map(|(path, item)| (path.as_str(), methods(item)));
        let others = ["/problems", "/problems/{code}", crate::openapi::PATH, "/swagger-ui/{file}"];
        let others = others.into_iter().map(|path| (path, "GET, HEAD, OPTIONS".to_owned()));
        Self(documented.chain(others).map(|(path, methods)| (ResourceDef::new(path), methods)).collect())
    }

    fn methods(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(route, _)| route.is_match(path)).map(|(_, methods)| methods.as_str())
    }
}

fn methods(item: &PathItem) -> String {
    let all = [
        (HttpMethod::Get, item.get.is_some()),
        (HttpMethod::Post, item.post.is_some()),
        (HttpMethod::Put, item.put.is_some()),
        (HttpMethod::Delete, item.delete.is_some()),
    ];
    let names = all.into_iter().filter(|(_, has)| *has).map(|(method, _)| match method {
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Delete => "DELETE",
        _ => "GET, HEAD",
    });
    names.chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
}

/// Answers what no route took.
pub async fn no_route(request: HttpRequest, routes: Data<RouteTable>) -> Result<HttpResponse, Rejection> {
    let Some(methods) = routes.methods(request.path()) else {
        return Err(Rejection::new(&http::ROUTE_NOT_FOUND, "Nothing is served at this path."));
    };
    let detail = format!("This path takes {methods}.");
    let rejection = Rejection::new(&http::METHOD_NOT_ALLOWED, detail);
    Err(match HeaderValue::from_str(methods) {
        Ok(allow) => rejection.with_header(ALLOW, allow),
        Err(_) => rejection,
    })
}

/// Answers every `OPTIONS` with 204 and whatever CORS headers the layers below found right.
///
/// # Errors
/// Passes on those of the layers below.
pub async fn answer_options<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_options = request.method() == Method::OPTIONS;
    let mut response = next.call(request).await?.map_into_boxed_body();
    if is_options {
        *response.response_mut().status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().remove(CONTENT_TYPE);
        response = response.map_body(|_, _| BoxBody::new(()));
    }
    Ok(response)
}
