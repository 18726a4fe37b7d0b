//! `HEAD` over real HTTP: the head of the `GET`, and nothing made that is not sent.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use futures_util::stream;
use reqwest::Method;
use tradepost_platform::request::{head_as_get, is_head};

/// Events without an end, and how many were made so far.
fn endless(made: Arc<AtomicUsize>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/event-stream").streaming(stream::repeat_with(move || {
        made.fetch_add(1, Ordering::SeqCst);
        Ok::<_, Infallible>(Bytes::from_static(b"data: 1\n\n"))
    }))
}

fn start(made: &Arc<AtomicUsize>) -> (String, ServerHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let made = Arc::clone(made);
    let server = HttpServer::new(move || {
        let made = Arc::clone(&made);
        let sized = |request: HttpRequest| async move { format!("head: {}", is_head(&request)) };
        App::new()
            .route("/sized", web::get().to(sized))
            .route("/endless", web::get().to(move || std::future::ready(endless(Arc::clone(&made)))))
            .wrap(from_fn(head_as_get))
    });
    let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (base, handle)
}

#[actix_web::test]
async fn a_head_tells_what_a_get_would_and_makes_none_of_it() {
    let made = Arc::new(AtomicUsize::new(0));
    let (base, handle) = start(&made);
    let client = reqwest::Client::new();
    for _ in 0..3 {
        let answer = client.head(format!("{base}/endless")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        for (method, length, text) in [(Method::HEAD, "10", ""), (Method::GET, "11", "head: false")] {
            let answer = client.request(method, format!("{base}/sized")).send().await.unwrap();
            assert_eq!(answer.headers()["content-length"], length);
            assert_eq!(answer.text().await.unwrap(), text);
        }
    }
    assert_eq!(made.load(Ordering::SeqCst), 0);
    handle.stop(false).await;
}
