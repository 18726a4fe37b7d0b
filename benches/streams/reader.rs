//! Those who read: a connection each, in raw TCP, so that little of them is in the way of what is measured.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{Failure, Outcome};

/// So many connect at once.
const AT_ONCE: usize = 100;
const LOOK: Duration = Duration::from_millis(50);

/// What all readers were told.
#[derive(Default)]
pub struct Readers {
    opened: AtomicUsize,
    /// Comments that came since all were open.
    comments: Mutex<HashMap<usize, usize>>,
    /// Of each version: when the first reader had all of it, when the last, and how many have.
    versions: Mutex<HashMap<String, (Instant, Instant, usize)>>,
    lost: AtomicUsize,
}

impl Readers {
    /// Opens so many streams more, and waits until each has been told its first price.
    pub async fn open(self: &Arc<Self>, address: SocketAddr, assets: &str, count: usize) -> Outcome<()> {
        let query = if assets.is_empty() { String::new() } else { format!("?assets={assets}") };
        let request: Arc<str> =
            format!("GET /api/v1/inventory/prices/stream{query} HTTP/1.1\r\nHost: bench\r\n\r\n").into();
        let gate = Arc::new(Semaphore::new(AT_ONCE));
        let mut opening = JoinSet::new();
        for _ in 0..count {
            let (readers, request, gate) = (Arc::clone(self), Arc::clone(&request), Arc::clone(&gate));
            opening.spawn(async move {
                let _turn = gate.acquire_owned().await?;
                let mut stream = TcpStream::connect(address).await?;
                stream.write_all(request.as_bytes()).await?;
                let (said, id) = first(&mut stream).await?;
                let number = readers.opened.fetch_add(1, Ordering::SeqCst);
                readers.note(&id);
                tokio::spawn(readers.read(stream, said, number));
                Ok::<_, Failure>(())
            });
        }
        while let Some(opened) = opening.join_next().await {
            opened??;
        }
        Ok(())
    }

    /// Reads on for as long as there is anything to read.
    async fn read(self: Arc<Self>, stream: TcpStream, mut rest: Vec<u8>, number: usize) {
        loop {
            while let Some(at) = rest.windows(2).position(|pair| pair == b"\n\n") {
                let block = String::from_utf8_lossy(rest.get(..at).unwrap_or_default()).into_owned();
                rest.drain(..at + 2);
                self.take(&block, number);
            }
            if stream.readable().await.is_err() {
                break;
            }
            // On the stack, because a buffer that each of thousands keeps would be much.
            let mut some = [0; 16 * 1024];
            match stream.try_read(&mut some) {
                Ok(0) => break,
                Ok(read) => rest.extend_from_slice(some.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        self.lost.fetch_add(1, Ordering::SeqCst);
    }

    fn take(&self, block: &str, number: usize) {
        // The lengths of chunks stand between the lines.
        for line in block.lines() {
            if line == ":" {
                let mut comments = self.comments.lock().unwrap_or_else(PoisonError::into_inner);
                *comments.entry(number).or_default() += 1;
            } else if let Some(id) = line.strip_prefix("id: ") {
                self.note(id);
            }
        }
    }

    fn note(&self, id: &str) {
        let now = Instant::now();
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, last, count) = versions.entry(id.to_owned()).or_insert((now, now, 0));
        (*last, *count) = (now, *count + 1);
    }

    /// Waits until each has heard a comment more.
    pub async fn until_all_heard_a_comment(&self, patience: Duration) -> Outcome<()> {
        self.comments.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let waiting = async {
            while self.comments.lock().unwrap_or_else(PoisonError::into_inner).len()
                < self.opened.load(Ordering::SeqCst)
            {
                tokio::time::sleep(LOOK).await;
            }
        };
        timeout(patience, waiting).await.map_err(|_| "somebody heard no comment")?;
        self.demand_all()
    }

    /// How long each of so many versions took from the first reader to the last.
    pub async fn spreads(&self, changes: usize, patience: Duration) -> Outcome<Vec<Duration>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let readers = self.opened.load(Ordering::SeqCst);
        let whole = || -> Vec<_> {
            let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
            let whole = versions.values().filter(|(.., count)| *count == readers);
            whole.map(|(first, last, _)| *last - *first).collect()
        };
        let waiting = async {
            while whole().len() < changes {
                tokio::time::sleep(LOOK).await;
            }
        };
        timeout(patience, waiting).await.map_err(|_| "changes do not reach everybody")?;
        self.demand_all()?;
        Ok(whole())
    }

    fn demand_all(&self) -> Outcome<()> {
        match self.lost.load(Ordering::SeqCst) {
            0 => Ok(()),
            lost => Err(format!("{lost} streams broke off").into()),
        }
    }
}

/// Reads until the first prices are there, and answers what came after them and their id.
async fn first(stream: &mut TcpStream) -> Outcome<(Vec<u8>, String)> {
    let mut said = Vec::new();
    loop {
        if stream.read_buf(&mut said).await? == 0 {
            return Err("the server closed a connection".into());
        }
        let text = String::from_utf8_lossy(&said).into_owned();
        if !text.starts_with("HTTP/1.1 200") {
            return Err(format!("a stream was answered {text}").into());
        }
        let Some((_, rest)) = text.split_once("\nid: ") else { continue };
        let Some((event, rest)) = rest.split_once("\n\n") else { continue };
        let id = event.lines().next().unwrap_or_default().to_owned();
        return Ok((rest.as_bytes().to_vec(), id));
    }
}
