//! A server that speaks CoinGecko's format, and misbehaves on command.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What was asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub query: HashMap<String, String>,
    /// By their names in small letters.
    pub headers: HashMap<String, String>,
}

impl Request {
    pub fn is_for_page(&self, page: u32) -> bool {
        !self.query.contains_key("category") && self.query["page"] == page.to_string()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Ok(String),
    /// A status, with more headers.
    Status(u16, &'static str),
    /// Half of the body, then the end of the connection.
    Truncated(String),
    /// Nothing, for as long as it is waited for.
    Silence,
    /// The end of the connection at once.
    Closed,
}

type Script = Box<dyn Fn(&Request) -> Answer + Send>;

#[derive(Clone)]
pub struct Server {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    script: Script,
    requests: Vec<Request>,
}

impl Server {
    /// A server that answers so until it is told otherwise.
    pub async fn start(script: impl Fn(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { script: Box::new(script), requests: Vec::new() }));
        let server = Self { port, state };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        server
    }

    pub fn answers(&self, script: impl Fn(&Request) -> Answer + Send + 'static) {
        self.state.lock().unwrap().script = Box::new(script);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    pub fn count(&self) -> usize {
        self.state.lock().unwrap().requests.len()
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(request) = read(&mut stream).await else { return };
        let answer = {
            let mut state = self.state.lock().unwrap();
            let answer = (state.script)(&request);
            state.requests.push(request);
            answer
        };
        let text = match answer {
            Answer::Ok(body) => written("200 OK", "content-type: application/json\r\n", &body, body.len()),
            Answer::Status(status, headers) => written(&format!("{status} Said So"), headers, "", 0),
            Answer::Truncated(body) => written("200 OK", "", &body[..body.len() / 2], body.len()),
            Answer::Closed => return,
            Answer::Silence => {
                // Whoever has waited long enough closes the connection.
                let _ = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut [0])).await;
                return;
            }
        };
        // Whoever has seen enough does not read on.
        let _ = stream.write_all(text.as_bytes()).await;
    }
}

fn written(status: &str, headers: &str, body: &str, length: usize) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let target = lines.next()?.split(' ').nth(1)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap();
        (key.to_owned(), value.replace("%2C", ","))
    };
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_lowercase(), value.to_owned()))
    };
    Some(Request {
        path: path.to_owned(),
        query: query.split('&').map(pair).collect(),
        headers: lines.filter_map(header).collect(),
    })
}
