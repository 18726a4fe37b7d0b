//! A platform of real processes: a binary with one module for each, the engine and the gateway.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::OnceCell;
use tradepost_platform::dynamo::{Dynamo, EngineKind, StorageSettings};

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
    fn start(binary: &Path, arguments: &[String], stdout: Stdio) -> Self {
        let mut child = Command::new(binary)
            .args(arguments)
            .arg("--stop-with-stdin")
            .stdin(Stdio::piped())
            .stdout(stdout)
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
async fn engine(folder: &Path) -> &'static str {
    static ENGINE: OnceCell<(String, Process)> = OnceCell::const_new();
    let start = || async {
        let arguments = ["engine", "--listen", "127.0.0.1:0", "--in-memory"].map(str::to_owned);
        let mut process = Process::start(&folder.join("tradepost"), &arguments, Stdio::piped());
        let mut lines = BufReader::new(process.child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            line.split_whitespace().nth(1).map(str::to_owned).filter(|word| word.starts_with("http://"))
        });
        (address.expect("the engine says where it listens"), process)
    };
    &ENGINE.get_or_init(start).await.0
}

/// The running processes of one platform.
pub struct Processes {
    /// Stopped in this order: the gateway first.
    _processes: Vec<Process>,
    /// Public addresses, the gateway's last.
    addresses: Vec<SocketAddr>,
    http: reqwest::Client,
}

impl Processes {
    /// Starts a platform with these settings, once more if somebody else took one of its ports meanwhile.
    pub async fn start(mut keys: BTreeMap<String, String>) -> (Self, Dynamo) {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let folder = binaries().expect("TRADEPOST_STANDALONE");
        let storage = StorageSettings {
            engine: EngineKind::Dynamodb,
            embedded_in_production: false,
            create_tables: false,
            table_prefix: format!("t{}_", NUMBER.fetch_add(1, Ordering::Relaxed)),
            region: "local".to_owned(),
            endpoint: engine(&folder).await.to_owned(),
            access_key_id: "tradepost".to_owned().into(),
            secret_access_key: "tradepost".to_owned().into(),
        };
        for (key, value) in [
            ("engine", "dynamodb"),
            ("table_prefix", &storage.table_prefix),
            ("region", "local"),
            ("endpoint", &storage.endpoint),
            ("access_key_id", "tradepost"),
            ("secret_access_key", "tradepost"),
        ] {
            keys.insert(format!("storage.{key}"), value.to_owned());
        }
        let dynamo = Dynamo::connect(&storage).await;
        for table in tradepost::modules::tables(&crate::deployment::config(&keys)).unwrap() {
            table.create(&dynamo).await.unwrap();
        }
        for _ in 0..5 {
            let processes = Self::launch(&folder, &keys);
            if processes.are_ready().await {
                return (processes, dynamo);
            }
        }
        panic!("the processes do not become ready");
    }

    fn launch(folder: &Path, keys: &BTreeMap<String, String>) -> Self {
        let ports: [SocketAddr; 6] = free_ports();
        let [user, user_calls, inventory, inventory_calls, order, gateway] = ports;
        let peers = [("peers.user", user_calls), ("peers.inventory", inventory_calls)];
        let upstreams = [("gateway.user", user), ("gateway.order", order), ("gateway.inventory", inventory)];
        let url = |(key, address): (&str, SocketAddr)| (key.to_owned(), format!("http://{address}"));
        let called = |address: SocketAddr| vec![("server.internal_listen".to_owned(), address.to_string())];
        let start = |module: &str, listen: SocketAddr, own: Vec<(String, String)>| {
            let mut keys = keys.clone();
            keys.extend(own);
            keys.insert("server.listen".to_owned(), listen.to_string());
            let settings =
                keys.iter().flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]);
            let arguments: Vec<_> = settings.collect();
            Process::start(&folder.join(module), &arguments, Stdio::null())
        };
        let processes = vec![
            start("gateway", gateway, upstreams.map(url).to_vec()),
            start("order", order, peers.map(url).to_vec()),
            start("inventory", inventory, called(inventory_calls)),
            start("user", user, called(user_calls)),
        ];
        let http = reqwest::Client::new();
        Self { _processes: processes, addresses: vec![user, inventory, order, gateway], http }
    }

    /// Whether all processes become ready within a minute.
    async fn are_ready(&self) -> bool {
        for address in &self.addresses {
            let mut ready = false;
            for _ in 0..600 {
                let answer = self.http.get(format!("http://{address}/health/ready")).send().await;
                ready = answer.is_ok_and(|answer| answer.status().is_success());
                if ready {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            if !ready {
                return false;
            }
        }
        // The gateway's readiness does not wait for its upstreams; its first look at them may be too early.
        self.serves_through_the_gateway().await
    }

    async fn serves_through_the_gateway(&self) -> bool {
        let address = self.address();
        for _ in 0..100 {
            let mut all = true;
            for path in ["/.well-known/jwks.json", "/api/v1/inventory/assets/BTC", "/api/v1/orders"] {
                let answer = self.http.get(format!("http://{address}{path}")).send().await;
                all &= answer.is_ok_and(|answer| !answer.status().is_server_error());
            }
            if all {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }

    /// Where the gateway listens.
    pub fn address(&self) -> SocketAddr {
        *self.addresses.last().unwrap()
    }

    /// Reads and writes of all processes so far, from their metrics.
    pub async fn storage_calls(&self) -> (u64, u64) {
        let (mut reads, mut writes) = (0, 0);
        for address in &self.addresses {
            let metrics = self.http.get(format!("http://{address}/metrics")).send().await.unwrap();
            for line in metrics.text().await.unwrap().lines() {
                let Some(rest) = line.strip_prefix("tradepost_storage_calls_total{operation=\"") else {
                    continue;
                };
                let (operation, count) = rest.split_once("\"} ").unwrap();
                let count: u64 = count.parse().unwrap();
                let is_read = ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&operation);
                *(if is_read { &mut reads } else { &mut writes }) += count;
            }
        }
        (reads, writes)
    }
}

/// Ports that nobody has at this moment.
fn free_ports<const N: usize>() -> [SocketAddr; N] {
    let sockets = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    sockets.each_ref().map(|socket| socket.local_addr().unwrap())
}
