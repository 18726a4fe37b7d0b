//! HTTP/1.1 by hand, for both ends: nothing is added, checked or put right.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection, with what was read from it and not used yet.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub async fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.unwrap())
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_write(bytes).await.unwrap();
    }

    pub async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Reads some more; false at the end, however it came.
    pub async fn more(&mut self) -> bool {
        self.stream.read_buf(&mut self.read).await.is_ok_and(|count| count > 0)
    }

    /// Reads up to and including a text; `None` if the end comes first.
    pub async fn through(&mut self, text: &str) -> Option<String> {
        loop {
            if let Some(at) = self.read.windows(text.len()).position(|window| window == text.as_bytes()) {
                let found = self.read.drain(..at + text.len()).collect();
                return Some(String::from_utf8(found).unwrap());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Reads so many bytes; what there was if the end comes first.
    pub async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count && self.more().await {}
        self.read.drain(..count.min(self.read.len())).collect()
    }

    /// Reads a head with the empty line behind it.
    pub async fn head(&mut self) -> Option<String> {
        self.through("\r\n\r\n").await
    }

    /// Reads one chunk of a chunked body; empty is the last. `None` if the connection ends first.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = self.through("\r\n").await?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let mut chunk = self.exactly(size + 2).await;
        (chunk.len() == size + 2).then(|| {
            chunk.truncate(size);
            chunk
        })
    }

    /// Reads to the end of the connection.
    pub async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8(std::mem::take(&mut self.read)).unwrap()
    }

    /// Waits until the other side has closed the connection.
    pub async fn closed(&mut self) {
        while self.more().await {}
    }
}

/// The value of a header in a head; all of its values, separated by ` | `, if it stands there more than once.
pub fn header(head: &str, name: &str) -> Option<String> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let values: Vec<_> =
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect();
    (!values.is_empty()).then(|| values.join(" | "))
}
