//! The gateway as the platform starts it: the server and the middleware around it, and what its upstreams see of
//! both.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tradepost::{App, Config, Overrides, modules};
use tradepost_kernel::SystemClock;

const BOUND: Duration = Duration::from_secs(60);
const STREAM: &str = "/api/v1/inventory/prices/stream";
/// The beginning of an event stream that never ends.
const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
                      9\r\ndata: 1\n\n\r\n";

fn config(keys: &[(&str, &str)]) -> Config {
    let keys = [&[("server.listen", "127.0.0.1:0"), ("server.workers", "1")], keys].concat();
    let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Config::load(&Overrides { keys, ..Overrides::default() }).unwrap()
}

/// What happens at an upstream to what is forwarded.
#[derive(Debug, PartialEq)]
enum Seen {
    Head(String),
    Closed,
}

/// An upstream that answers every request with the same bytes, a HEAD with those up to the empty line, and goes on to
/// the next only if the connection does.
struct Upstream {
    address: SocketAddr,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Upstream {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (see, seen) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer, see.clone()));
            }
        });
        Self { address, seen }
    }

    async fn next(&mut self) -> Seen {
        timeout(BOUND, self.seen.recv()).await.expect("the upstream saw nothing").unwrap()
    }

    async fn head(&mut self) -> String {
        match self.next().await {
            Seen::Head(head) => head,
            Seen::Closed => panic!("the connection was closed"),
        }
    }
}

async fn serve(mut stream: TcpStream, answer: &str, see: mpsc::UnboundedSender<Seen>) {
    let mut is_seen = false;
    while let Some(head) = head(&mut stream).await {
        // What the gateway asks for itself: health and keys.
        let answer = if !head.contains("\r\nvia: ") {
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
        } else {
            is_seen = true;
            let is_head = head.starts_with("HEAD ");
            let _ = see.send(Seen::Head(head));
            let end = answer.find("\r\n\r\n").map_or(0, |at| at + 4);
            if is_head { &answer[..end] } else { answer }
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    if is_seen {
        let _ = see.send(Seen::Closed);
    }
}

/// Reads up to and including an empty line; `None` at the end of the connection.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(BOUND, stream.read_u8()).await.expect("no head came").ok()?);
    }
    String::from_utf8(head).ok()
}

/// A gateway that waits as long as it is allowed to.
async fn gateway(upstream: &Upstream) -> App {
    let base = format!("http://{}", upstream.address);
    let behind = ["gateway.user", "gateway.order", "gateway.inventory"].map(|key| (key, base.as_str()));
    let times =
        ["gateway.idle_timeout_ms", "gateway.total_timeout_ms"].map(|key| (key, "600000")).into_iter();
    let keys = [("serve", "gateway"), ("server.shutdown_timeout_s", "3600")];
    let keys: Vec<_> = keys.into_iter().chain(behind).chain(times).collect();
    App::start(config(&keys)).await.unwrap()
}

async fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_ends_the_request_at_the_upstream() {
    let mut upstream = Upstream::start("").await;
    let gateway = gateway(&upstream).await;
    for request in [
        "GET /api/v1/orders HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
        "POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf",
    ] {
        let client = send(gateway.address(), request).await;
        upstream.head().await;
        drop(client);
        assert_eq!(upstream.next().await, Seen::Closed);
    }
}

#[tokio::test]
async fn a_client_that_leaves_between_two_events_ends_the_stream_at_the_upstream() {
    let mut upstream = Upstream::start(EVENTS).await;
    let gateway = gateway(&upstream).await;
    let mut client = send(gateway.address(), &format!("GET {STREAM} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    upstream.head().await;
    assert!(head(&mut client).await.unwrap().contains("text/event-stream"));
    // A client that leaves something unread resets the connection, and that everybody notices.
    let mut event = [0; 14];
    timeout(BOUND, client.read_exact(&mut event)).await.unwrap().unwrap();
    assert_eq!(&event, b"9\r\ndata: 1\n\n\r\n");
    drop(client);
    assert_eq!(upstream.next().await, Seen::Closed);
}

/// Neither waits for a stream, which has no end, though it would wait an hour for anything that has one.
#[tokio::test]
async fn a_gateway_that_stops_ends_the_streams_it_passes_on() {
    let mut upstream = Upstream::start(EVENTS).await;
    let gateway = gateway(&upstream).await;
    let mut client = send(gateway.address(), &format!("GET {STREAM} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    upstream.head().await;
    assert!(head(&mut client).await.unwrap().contains("text/event-stream"));
    let mut said = String::new();
    let (stopped, read) =
        tokio::join!(timeout(BOUND, gateway.stop()), timeout(BOUND, client.read_to_string(&mut said)));
    stopped.expect("the gateway waits for a stream");
    read.expect("the stream did not end").unwrap();
    assert_eq!(said, "9\r\ndata: 1\n\n\r\n0\r\n\r\n");
    assert_eq!(upstream.next().await, Seen::Closed);
}

#[tokio::test]
async fn a_platform_that_stops_ends_its_streams() {
    let folder = TempDir::new().unwrap();
    let config = config(&[
        ("data_dir", folder.path().to_str().unwrap()),
        ("server.shutdown_timeout_s", "3600"),
        ("inventory.tick_ms", "60000"),
    ]);
    let (dynamo, _) = modules::embedded::in_memory(&config).unwrap();
    let platform = App::start_with(config, dynamo, Arc::new(SystemClock)).await.unwrap();
    let request = format!("GET {STREAM}?assets=BTC HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut client = send(platform.address(), &request).await;
    assert!(head(&mut client).await.unwrap().contains("text/event-stream"));
    let mut said = String::new();
    let (stopped, read) =
        tokio::join!(timeout(BOUND, platform.stop()), timeout(BOUND, client.read_to_string(&mut said)));
    stopped.expect("the platform waits for a stream");
    read.expect("the stream did not end").unwrap();
    assert!(said.ends_with(": bye\n\n\r\n0\r\n\r\n"), "{said}");
}

#[tokio::test]
async fn a_head_request_for_an_event_stream_ends_with_the_head() {
    let mut upstream = Upstream::start(EVENTS).await;
    let gateway = gateway(&upstream).await;
    let request = format!("HEAD {STREAM} HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut client = send(gateway.address(), &request).await;
    for _ in 0..3 {
        assert!(head(&mut client).await.unwrap().contains("text/event-stream"));
        assert!(upstream.head().await.starts_with("HEAD "));
        client.write_all(request.as_bytes()).await.unwrap();
    }
}

/// Money that moves is better moved to the end than left to recovery, so here an end of what the client sends is not
/// taken for an end of its interest.
#[tokio::test]
async fn a_module_finishes_what_a_client_asked_that_sends_no_more() {
    let folder = TempDir::new().unwrap();
    let config = config(&[("data_dir", folder.path().to_str().unwrap())]);
    let (dynamo, _) = modules::embedded::in_memory(&config).unwrap();
    let platform = App::start_with(config, dynamo, Arc::new(SystemClock)).await.unwrap();
    let body = r#"{"username":"half_closed","email":"half@example.com","password":"TestPassword123!",
                   "first_name":"Jane","last_name":"Doe"}"#;
    let head = "POST /api/v1/auth/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json";
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut client = send(platform.address(), &request).await;
    client.shutdown().await.unwrap();
    let mut said = String::new();
    timeout(BOUND, client.read_to_string(&mut said)).await.unwrap().unwrap();
    assert!(said.starts_with("HTTP/1.1 201 "), "{said}");
}

#[test]
fn a_gateway_gives_connections_up_before_its_upstreams_do() {
    #[derive(serde::Deserialize)]
    struct Gateway {
        keep_alive_ms: u64,
    }
    for environment in ["local", "production"] {
        let config = config(&[("environment", environment)]);
        let kept = config.section::<Gateway>("gateway").unwrap().keep_alive_ms;
        assert!(kept < config.server.keep_alive_s * 1000, "{environment}");
    }
}
