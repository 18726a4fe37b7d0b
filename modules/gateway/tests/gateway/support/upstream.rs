//! An upstream that counts what reaches it and answers what a test tells it.

use std::fmt::Display;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::wire::{Wire, header};

type Handler = dyn Fn(Call) -> Pin<Box<dyn Future<Output = Option<Call>> + Send>> + Send + Sync;

/// A request that reached an upstream, and the connection it came on.
pub struct Call {
    pub head: String,
    pub wire: Wire,
    /// Whether there is nothing to read any more before the answer.
    pub is_read: bool,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }

    /// Reads the whole body, as its head says it is framed; `None` if it breaks off.
    pub async fn body(&mut self) -> Option<Vec<u8>> {
        self.is_read = true;
        if let Some(length) = self.header("content-length") {
            let length: usize = length.parse().unwrap();
            return Some(self.wire.exactly(length).await).filter(|body| body.len() == length);
        }
        let mut body = Vec::new();
        if self.header("transfer-encoding").is_some() {
            loop {
                let chunk = self.wire.chunk().await?;
                if chunk.is_empty() {
                    break;
                }
                body.extend(chunk);
            }
        }
        Some(body)
    }

    /// Reads the body and answers with a head (less the length) and a body.
    pub async fn answer(mut self, head: impl Display, body: impl Display) -> Option<Self> {
        if !self.is_read {
            self.body().await?;
        }
        let body = body.to_string();
        let length = body.len();
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}");
        self.wire.try_write(answer).await.ok()?;
        Some(self)
    }
}

/// An upstream. It is gone when it is dropped.
pub struct Upstream {
    pub address: SocketAddr,
    calls: Arc<Mutex<Vec<String>>>,
    accepting: Option<JoinHandle<()>>,
    /// Keeps an address that nobody listens on.
    _refusing: Option<TcpSocket>,
}

impl Upstream {
    /// Hands each request to a handler; what that gives back goes on to the next request of its connection.
    pub async fn start<F>(handler: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Call>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::default();
        let handler: Arc<Handler> = Arc::new(move |call| Box::pin(handler(call)));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&calls), handler));
        Self { address, calls, accepting: Some(accepting), _refusing: None }
    }

    /// Answers every request with 200 and a name.
    pub async fn named(name: &'static str) -> Self {
        Self::start(move |call| call.answer("200 OK", name)).await
    }

    /// Takes every request and closes the connection without an answer.
    pub async fn closing() -> Self {
        Self::start(async |mut call| {
            call.body().await;
            None
        })
        .await
    }

    /// Answers with what is no HTTP.
    pub async fn babbling() -> Self {
        Self::start(async |mut call| {
            call.body().await;
            call.wire.write("this is no answer\r\n\r\n").await;
            None
        })
        .await
    }

    /// Takes every request and never answers.
    pub async fn silent() -> Self {
        Self::start(async |mut call| {
            call.wire.closed().await;
            None
        })
        .await
    }

    /// Refuses connections.
    pub fn refusing() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        Self { address, calls: Arc::default(), accepting: None, _refusing: Some(socket) }
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of the requests that reached it, health checks left out.
    pub fn calls(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|head| !head.starts_with("GET /health/ready ")).cloned().collect()
    }

    pub fn count(&self) -> usize {
        self.calls().len()
    }

    /// How often it was asked for its health.
    pub fn checks(&self) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|head| head.starts_with("GET /health/ready ")).count()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

async fn accept(listener: TcpListener, calls: Arc<Mutex<Vec<String>>>, handler: Arc<Handler>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve(stream, Arc::clone(&calls), Arc::clone(&handler)));
    }
}

async fn serve(stream: TcpStream, calls: Arc<Mutex<Vec<String>>>, handler: Arc<Handler>) {
    stream.set_nodelay(true).unwrap();
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head().await {
        calls.lock().unwrap().push(head.clone());
        let Some(call) = handler(Call { head, wire, is_read: false }).await else { return };
        wire = call.wire;
    }
}
