//! A server of one bare route that answers a constant, in a process of its own: this program, started once more.

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use actix_web::http::header::{ContentType, ETAG};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};

use crate::load::{Answer, Case};
use crate::process::{self, Running};
use crate::{Outcome, WORKERS};

/// The argument by which this program knows that it is such a server.
const ARGUMENT: &str = "bare-route";

/// Starts one that answers the request of a case with as many bytes as `answer` has.
pub fn start(case: &Case, answer: &Answer) -> Outcome<Running> {
    let mut command = Command::new(std::env::current_exe()?);
    let path = case.path.split('?').next().unwrap_or_default();
    command.args([ARGUMENT, path, &answer.body_bytes.to_string()]);
    // It ends when its standard input does, so it does not outlive this process.
    let child: Child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    process::said(child, |line| line.parse().ok())
}

/// Serves, if this process was started to do that.
pub async fn serve_if_asked() -> Outcome<bool> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [ARGUMENT, path, bytes] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return Ok(false);
    };
    serve(path.to_owned(), bytes.parse()?).await?;
    Ok(true)
}

async fn serve(path: String, bytes: usize) -> Outcome<()> {
    let body = Bytes::from(vec![b'x'; bytes]);
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().route(&path, web::get().to(move || std::future::ready(answer(&body))))
    });
    let server = server.workers(WORKERS).tcp_nodelay(true).disable_signals();
    let server = server.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    for address in server.addrs() {
        println!("{address}");
    }
    let running = server.run();
    let handle = running.handle();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(handle.stop(false));
        std::process::exit(0);
    });
    Ok(running.await?)
}

/// Without a body it stands for an answer that nothing has changed.
fn answer(body: &Bytes) -> HttpResponse {
    if body.is_empty() {
        return HttpResponse::NotModified().insert_header((ETAG, "\"constant\"")).finish();
    }
    HttpResponse::Ok().insert_header(ContentType::json()).body(body.clone())
}
