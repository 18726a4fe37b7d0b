//! A server of the real binary, with as many descriptors as it may have.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::Outcome;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tradepost");
/// Nothing is to be refused. What a request costs in the log is not what is measured.
const SETTINGS: [&str; 6] = [
    "server.max_connections=1000000",
    "inventory.streams_per_client=100000",
    "rate_limits.per_address=0",
    "rate_limits.reads_per_address=0",
    // Other work on the machine is no fault of a client.
    "server.client_timeout_ms=60000",
    "log.filter=error",
];
const READY_ATTEMPTS: usize = 600;

/// A running server, killed when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Server {
    /// Starts one on a free port, and waits until it is ready.
    pub async fn start(settings: &[&str]) -> Outcome<Self> {
        let folder = TempDir::new()?;
        let mut command = Command::new("sh");
        command.args(["-c", r#"ulimit -n "$(ulimit -Hn)"; exec "$@""#, "sh", PROGRAM, "serve"]);
        command.args(["--data-dir", "data", "--listen", "127.0.0.1:0"]).current_dir(folder.path());
        command.args(SETTINGS.iter().chain(settings).flat_map(|setting| ["--set", setting]));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRADEPOST__")) {
            command.env_remove(name);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let said = child.stdout.take().ok_or("its output is not to be had")?;
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        let api = lines.find_map(|line| Some(line.trim().strip_prefix("API")?.trim().to_owned()));
        let address = api.as_deref().and_then(|api| api.strip_prefix("http://")?.strip_suffix("/api/v1"));
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            let _ = child.kill();
            return Err("the server does not start".into());
        };
        let server = Self { address, child, _folder: folder };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&self) -> Outcome<()> {
        for _ in 0..READY_ATTEMPTS {
            let answer = reqwest::get(format!("http://{}/health/ready", self.address)).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("the server does not become ready".into())
    }

    /// What it has in memory.
    pub fn memory_kib(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(number.ok_or("the system does not say what is in memory")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many descriptors a server may have.
pub fn most_descriptors() -> Outcome<usize> {
    let limit = Command::new("sh").args(["-c", "ulimit -Hn"]).output()?;
    let limit = String::from_utf8(limit.stdout)?;
    Ok(limit.trim().parse().unwrap_or(usize::MAX))
}
