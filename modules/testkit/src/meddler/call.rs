//! A call and its answer as bytes on a connection (HTTP/1.1, bodies with a length).

use std::io;

use reqwest::Method;
use reqwest::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// More headers than any call has.
const MOST_HEADERS: usize = 64;

/// A call, read whole.
pub struct Call {
    pub verb: Method,
    pub path: String,
    /// Without those that belong to the connection.
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Call {
    /// The next call of a connection, or `None` when it was closed.
    pub async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Self>> {
        loop {
            if let Some((call, length)) = Self::parse(buffer)? {
                buffer.drain(..length);
                return Ok(Some(call));
            }
            if stream.read_buf(buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The last part of the path.
    pub fn method(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The call that these bytes begin with, if it is complete, and how many they are.
    fn parse(bytes: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let mut space = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut space);
        let httparse::Status::Complete(head) = request.parse(bytes).map_err(io::Error::other)? else {
            return Ok(None);
        };
        let mut headers = HeaderMap::new();
        for header in request.headers.iter() {
            let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(io::Error::other)?;
            headers.append(name, HeaderValue::from_bytes(header.value).map_err(io::Error::other)?);
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let end = head + length.unwrap_or(0_usize);
        let Some(body) = bytes.get(head..end) else { return Ok(None) };
        [CONTENT_LENGTH, CONNECTION, HOST].iter().for_each(|name| {
            headers.remove(name);
        });
        let verb = request.method.unwrap_or_default().parse().map_err(io::Error::other)?;
        let path = request.path.unwrap_or_default().to_owned();
        Ok(Some((Self { verb, path, headers, body: body.to_vec() }, end)))
    }
}

/// What comes back.
pub struct Reply {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16, body: &str) -> Self {
        Self { status, content_type: "application/json".to_owned(), body: body.as_bytes().to_vec() }
    }

    pub async fn read(response: reqwest::Response) -> Option<Self> {
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Some(Self { status, content_type, body: response.bytes().await.ok()?.to_vec() })
    }

    pub fn bytes(&self) -> Vec<u8> {
        let Self { status, content_type, body } = self;
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }
}
