//! Load: connections that stay open, each with one request after the other, in raw TCP, so that the clients cost little
//! and the same whoever answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::process::Running;
use crate::{CONNECTIONS, Outcome};

/// One line of the report.
#[derive(Clone)]
pub struct Case {
    pub title: &'static str,
    pub path: &'static str,
    /// Header lines beyond `Host`.
    pub headers: String,
}

/// How an answer looks; the next one may have some bytes more or less.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub status: u16,
    pub body_bytes: usize,
}

/// What was answered in a while.
pub struct Sample {
    /// Answers a second.
    pub rate: f64,
    /// How many microseconds of processors the server took for each.
    pub server_us: f64,
}

impl Case {
    fn request(&self) -> Vec<u8> {
        format!("GET {} HTTP/1.1\r\nHost: bench\r\n{}\r\n", self.path, self.headers).into_bytes()
    }

    /// Asks once.
    pub async fn ask(&self, address: SocketAddr) -> Outcome<Answer> {
        let mut client = Client::connect(address).await?;
        client.exchange(&self.request()).await
    }
}

/// Loads a server with a case for so long. Any answer with another status than `expected` fails it.
pub async fn run(server: &Running, case: &Case, expected: u16, lasts: Duration) -> Outcome<Sample> {
    let mut clients = JoinSet::new();
    let mut connected = Vec::new();
    for _ in 0..CONNECTIONS {
        connected.push(Client::connect(server.address).await?);
    }
    let (began, before) = (Instant::now(), server.processor_time()?);
    for mut client in connected {
        let request = case.request();
        clients.spawn(async move {
            let mut answered = 0_u64;
            while began.elapsed() < lasts {
                let answer = client.exchange(&request).await?;
                if answer.status != expected {
                    return Err(format!("an answer was {answer:?}").into());
                }
                answered += 1;
            }
            Outcome::Ok(answered)
        });
    }
    let mut answered = 0;
    while let Some(own) = clients.join_next().await {
        answered += own??;
    }
    let took = began.elapsed();
    let server_took = server.processor_time()?.saturating_sub(before);
    let answers = answered as f64;
    Ok(Sample { rate: answers / took.as_secs_f64(), server_us: server_took.as_secs_f64() * 1e6 / answers })
}

/// How long a body is: what is compressed on its way has chunks and no length.
#[derive(Clone, Copy)]
enum Length {
    Bytes(usize),
    Chunks,
}

const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// One connection.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(256 * 1024) })
    }

    async fn exchange(&mut self, request: &[u8]) -> Outcome<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            self.read().await?;
        };
        let (status, length) = read_head(std::str::from_utf8(self.buffer.get(..head).unwrap_or_default())?)?;
        let body = head + 4;
        while !self.is_whole(body, length) {
            self.read().await?;
        }
        Ok(Answer { status, body_bytes: self.buffer.len() - body })
    }

    fn is_whole(&self, body: usize, length: Length) -> bool {
        match length {
            Length::Bytes(bytes) => self.buffer.len() >= body + bytes,
            Length::Chunks => self.buffer.ends_with(LAST_CHUNK),
        }
    }

    async fn read(&mut self) -> Outcome<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the server closed a connection".into()),
            _ => Ok(()),
        }
    }
}

/// The status, and how the end of the body is known.
fn read_head(head: &str) -> Outcome<(u16, Length)> {
    let status = head.get(9..12).ok_or("there is no status")?.parse()?;
    for line in head.lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            return Ok((status, Length::Bytes(value.parse()?)));
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok((status, Length::Chunks));
        }
    }
    Ok((status, Length::Bytes(0)))
}
