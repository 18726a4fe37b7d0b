//! A proxy between two processes of a platform, which does to their calls what networks and broken processes do.

mod call;

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use self::call::{Call, Reply};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It passes, and so does the answer.
    Pass,
    /// It does not arrive: nobody listens.
    Down,
    /// It arrives after this time.
    LateCall(Duration),
    /// Its answer arrives after this time.
    LateAnswer(Duration),
    /// It passes, and this status and body come back in place of the answer.
    Garbled(u16, &'static str),
    /// It arrives twice, and the second answer comes back.
    Twice,
    /// It passes, and the connection is closed before the answer comes back.
    Cut,
}

/// A proxy in front of one listener. Clones are the same proxy.
#[derive(Clone)]
pub struct Meddler(Arc<Shared>);

struct Shared {
    address: SocketAddr,
    target: SocketAddr,
    http: reqwest::Client,
    under_way: AtomicUsize,
    state: Mutex<State>,
    listening: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

struct State {
    mode: Mode,
    /// By the last part of the path: what happens to its calls, and to how many.
    rules: BTreeMap<String, (Mode, u32)>,
    counts: BTreeMap<String, usize>,
    last: BTreeMap<String, HeaderMap>,
}

impl Meddler {
    /// A proxy at `address` in front of `target`, which lets everything pass.
    pub async fn start(address: SocketAddr, target: SocketAddr) -> Self {
        // A connection per call: the target must not wait for idle ones when it is stopped.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let state = State {
            mode: Mode::Pass,
            rules: BTreeMap::new(),
            counts: BTreeMap::new(),
            last: BTreeMap::new(),
        };
        let shared = Shared {
            address,
            target,
            http,
            under_way: AtomicUsize::new(0),
            state: Mutex::new(state),
            listening: tokio::sync::Mutex::default(),
        };
        let meddler = Self(Arc::new(shared));
        meddler.set(Mode::Pass).await;
        meddler
    }

    /// Where to call, e.g. `http://127.0.0.1:40001`.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Does this to every call from now on, and forgets what was said of single methods.
    pub async fn set(&self, mode: Mode) {
        {
            let mut state = self.0.state.lock().unwrap();
            state.mode = mode;
            state.rules.clear();
        }
        let mut listening = self.0.listening.lock().await;
        match (mode, listening.take()) {
            (Mode::Down, Some(task)) => {
                task.abort();
                // Until it is gone, and the listener and all connections with it.
                let _ = task.await;
            }
            (Mode::Down, None) => {}
            (_, Some(task)) => *listening = Some(task),
            (_, None) => {
                let listener = TcpListener::bind(self.0.address).await.unwrap();
                *listening = Some(tokio::spawn(listen(Arc::clone(&self.0), listener)));
            }
        }
    }

    /// Does this to the next calls of a method, e.g. `settle`.
    pub fn next(&self, calls: u32, method: &str, mode: Mode) {
        self.0.state.lock().unwrap().rules.insert(method.to_owned(), (mode, calls));
    }

    /// Does this to all calls of a method.
    pub fn on(&self, method: &str, mode: Mode) {
        self.next(u32::MAX, method, mode);
    }

    /// How many calls of a method have come so far.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        self.0.state.lock().unwrap().counts.get(method).copied().unwrap_or_default()
    }

    /// The headers of the last call of a method.
    #[must_use]
    pub fn last(&self, method: &str) -> Option<HeaderMap> {
        self.0.state.lock().unwrap().last.get(method).cloned()
    }

    /// Waits until nothing is on its way any more.
    pub async fn quiet(&self) {
        while self.0.under_way.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn listen(shared: Arc<Shared>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(converse(Arc::clone(&shared), stream));
        while connections.try_join_next().is_some() {}
    }
    pending().await
}

async fn converse(shared: Arc<Shared>, mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(call) = Call::read(&mut stream, &mut buffer).await? {
        let _under_way = UnderWay::begin(&shared);
        let mode = shared.note(&call);
        let Some(reply) = shared.meddle(mode, &call).await else { return Ok(()) };
        stream.write_all(&reply.bytes()).await?;
    }
    Ok(())
}

impl Shared {
    /// Counts a call, and answers what is to happen to it.
    fn note(&self, call: &Call) -> Mode {
        let mut state = self.state.lock().unwrap();
        let method = call.method();
        *state.counts.entry(method.to_owned()).or_default() += 1;
        state.last.insert(method.to_owned(), call.headers.clone());
        match state.rules.get_mut(method) {
            Some((mode, left)) if *left > 0 => {
                *left -= 1;
                *mode
            }
            _ => state.mode,
        }
    }

    /// What comes back; `None` closes the connection.
    async fn meddle(&self, mode: Mode, call: &Call) -> Option<Reply> {
        match mode {
            Mode::Pass => self.forward(call).await,
            Mode::Down => None,
            Mode::LateCall(late) => {
                tokio::time::sleep(late).await;
                self.forward(call).await
            }
            Mode::LateAnswer(late) => {
                let reply = self.forward(call).await;
                tokio::time::sleep(late).await;
                reply
            }
            Mode::Garbled(status, body) => {
                self.forward(call).await;
                Some(Reply::new(status, body))
            }
            Mode::Twice => {
                self.forward(call).await;
                self.forward(call).await
            }
            Mode::Cut => {
                self.forward(call).await;
                None
            }
        }
    }

    async fn forward(&self, call: &Call) -> Option<Reply> {
        let url = format!("http://{}{}", self.target, call.path);
        let request = self.http.request(call.verb.clone(), url);
        let request = request.headers(call.headers.clone()).body(call.body.clone());
        Reply::read(request.send().await.ok()?).await
    }
}

/// Counts a call as long as it lives, however it ends.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.under_way.fetch_add(1, Ordering::SeqCst);
        Self(&shared.under_way)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
