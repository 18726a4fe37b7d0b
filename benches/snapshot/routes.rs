//! The public routes without a network, and a bare route that answers a constant of the same size.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::ContentType;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse};
use tradepost_inventory::{Inventory, routes, state};
use tradepost_platform::cursor::Cursors;
use tradepost_platform::secrets::Secret;
use utoipa_actix_web::{AppExt, scope};

/// An application of nothing but the routes of the inventory.
macro_rules! application {
    ($inventory:expr) => {{
        let cursors = Cursors::new(Secret::from_bytes(b"bench").derive("cursors"));
        let routes = scope("/api/v1").configure(state(Arc::clone($inventory), cursors)).configure(routes);
        init_service(App::new().into_utoipa_app().service(routes).into_app()).await
    }};
}

/// Asks an application for each path, and answers how long that took and how long the last body was.
macro_rules! ask {
    ($app:expr, $paths:expr) => {{
        let began = Instant::now();
        let mut bytes = 0;
        for path in $paths {
            let answer = call_service(&$app, TestRequest::get().uri(path.as_ref()).to_request()).await;
            bytes = read_body(answer).await.len();
        }
        (began.elapsed(), bytes)
    }};
}

/// How long these requests take, one after the other, and how long the last answer is.
pub async fn real(
    inventory: &Arc<Inventory>,
    paths: impl Iterator<Item = impl AsRef<str>>,
) -> (Duration, usize) {
    let app = application!(inventory);
    ask!(app, paths)
}

/// The same of a bare route.
pub async fn bare(bytes: usize, path: &str, count: u64) -> Duration {
    let body = Bytes::from(vec![b'x'; bytes]);
    let handler = move || {
        let body = body.clone();
        async move { HttpResponse::Ok().insert_header(ContentType::json()).body(body) }
    };
    let app = init_service(App::new().route(path, web::get().to(handler))).await;
    ask!(app, (0..count).map(|_| path)).0
}

/// Asks for every asset of a catalog, in lists and one by one.
pub async fn everything(inventory: &Arc<Inventory>, lists: &[String], details: &[String]) {
    real(inventory, lists.iter().chain(details)).await;
}
