//! A platform of real processes: a binary with one module for each, the engine and the gateway.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::ports;

/// The folder with the binaries `tradepost` (with everything), `user`, `order`, `inventory` and `gateway`.
#[expect(clippy::disallowed_methods, reason = "says where the binaries are, which is no setting of theirs")]
pub fn binaries() -> Option<PathBuf> {
    std::env::var_os("TRADEPOST_STANDALONE").map(PathBuf::from)
}

/// A process that stops when its standard input closes, as it does when this is dropped or the test process ends.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Process {
    fn start(binary: &Path, arguments: &[String]) -> Self {
        let mut child = Command::new(binary)
            .args(arguments)
            .args(["--stop-with-stdin", "--set", "log.filter=error"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let stdin = child.stdin.take();
        Self { child, stdin }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// The engine that all platforms of this test process share, each with its own table prefix.
pub async fn engine() -> &'static str {
    static ENGINE: OnceCell<(String, Process)> = OnceCell::const_new();
    let folder = binaries().expect("TRADEPOST_STANDALONE");
    let start = || async {
        for _ in 0..5 {
            let [address] = ports::free();
            let arguments = ["engine", "--in-memory", "--listen", &address.to_string()].map(str::to_owned);
            let process = Process::start(&folder.join("tradepost"), &arguments);
            let url = format!("http://{address}");
            if answers(&format!("{url}/health")).await {
                return (url, process);
            }
        }
        panic!("the engine does not start");
    };
    &ENGINE.get_or_init(start).await.0
}

/// Asks without leaving a connection behind, of which some platforms under test have few.
pub async fn get(url: &str) -> reqwest::Result<reqwest::Response> {
    static HTTP: LazyLock<reqwest::Client> =
        LazyLock::new(|| reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap());
    HTTP.get(url).send().await
}

/// Whether a process answers this address well within a minute.
async fn answers(url: &str) -> bool {
    for _ in 0..600 {
        if get(url).await.is_ok_and(|answer| answer.status().is_success()) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

/// The running processes of one platform.
pub struct Processes {
    /// Stopped in this order: the gateway first.
    _processes: VecDeque<Process>,
    /// Public addresses, the gateway's last.
    addresses: Vec<SocketAddr>,
}

impl Processes {
    /// Starts a platform with these settings, once more if somebody else took one of its ports meanwhile.
    pub async fn start(keys: &BTreeMap<String, String>) -> Self {
        let folder = binaries().expect("TRADEPOST_STANDALONE");
        for _ in 0..5 {
            if let Some(processes) = Self::launch(&folder, keys).await {
                return processes;
            }
        }
        panic!("the processes do not become ready");
    }

    /// `None` if they do not become ready.
    async fn launch(folder: &Path, keys: &BTreeMap<String, String>) -> Option<Self> {
        let ports: [SocketAddr; 6] = ports::free();
        let [user, user_calls, inventory, inventory_calls, order, gateway] = ports;
        let url = |(key, address): (&str, SocketAddr)| (key.to_owned(), format!("http://{address}"));
        let behind = ("server.trusted_proxies".to_owned(), "127.0.0.1".to_owned());
        let called = |address: SocketAddr| ("server.internal_listen".to_owned(), address.to_string());
        let peers = [("peers.user", user_calls), ("peers.inventory", inventory_calls)].map(url);
        let start = |module: &str, listen: SocketAddr, own: &[(String, String)]| {
            let mut keys = keys.clone();
            keys.extend(own.iter().cloned());
            keys.insert("server.listen".to_owned(), listen.to_string());
            let settings =
                keys.iter().flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]);
            let arguments: Vec<_> = settings.collect();
            Process::start(&folder.join(module), &arguments)
        };
        // Whoever is asked comes before those who ask, so that no first look finds nobody.
        let upstreams = [("gateway.user", user), ("gateway.order", order), ("gateway.inventory", inventory)];
        let order_asks = [&peers[..], std::slice::from_ref(&behind)].concat();
        let starts = [
            ("user", user, vec![called(user_calls), behind.clone()]),
            ("inventory", inventory, vec![called(inventory_calls), behind, peers[0].clone()]),
            ("order", order, order_asks),
            ("gateway", gateway, upstreams.map(url).to_vec()),
        ];
        let (mut processes, mut addresses) = (VecDeque::new(), Vec::new());
        for (module, address, own) in starts {
            processes.push_front(start(module, address, &own));
            addresses.push(address);
            if !answers(&format!("http://{address}/health/ready")).await {
                return None;
            }
        }
        Some(Self { _processes: processes, addresses })
    }

    /// Where the gateway listens.
    pub fn address(&self) -> SocketAddr {
        *self.addresses.last().unwrap()
    }

    /// The metrics of all processes.
    pub async fn metrics(&self) -> String {
        let mut all = String::new();
        for address in &self.addresses {
            all += &get(&format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
        }
        all
    }

    /// Reads and writes of all processes so far, from their metrics.
    pub async fn storage_calls(&self) -> (u64, u64) {
        let (mut reads, mut writes) = (0, 0);
        for line in self.metrics().await.lines() {
            let Some(rest) = line.strip_prefix("tradepost_storage_calls_total{operation=\"") else {
                continue;
            };
            let (operation, count) = rest.split_once("\"} ").unwrap();
            let count: u64 = count.parse().unwrap();
            let is_read = ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&operation);
            *(if is_read { &mut reads } else { &mut writes }) += count;
        }
        (reads, writes)
    }
}
