//! Servers in processes of their own, and what the system knows of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Outcome, WORKERS};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tradepost");
const READY_ATTEMPTS: usize = 600;
/// What the system counts the time of processors in, for all to see: `USER_HZ` of Linux.
const TICK: Duration = Duration::from_millis(10);

/// A running server, killed when it is dropped.
pub struct Running {
    pub address: SocketAddr,
    child: Child,
    /// Where it keeps what it needs.
    folder: Option<TempDir>,
}

/// Starts the real binary on a free port, and waits until it is ready. It logs to nowhere.
pub async fn start(settings: &[&str]) -> Outcome<Running> {
    let folder = TempDir::new()?;
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]).current_dir(folder.path());
    let workers = format!("server.workers={WORKERS}");
    command.args(["--set", &workers]).args(settings.iter().flat_map(|each| ["--set", each]));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRADEPOST__")) {
        command.env_remove(name);
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let address = |line: &str| {
        let api = line.trim().strip_prefix("API")?.trim();
        api.strip_prefix("http://")?.strip_suffix("/api/v1")?.parse().ok()
    };
    let mut running = said(child, address)?;
    running.folder = Some(folder);
    running.wait_until_ready().await?;
    Ok(running)
}

/// A process that says where it answers.
pub fn said(mut child: Child, address: impl Fn(&str) -> Option<SocketAddr>) -> Outcome<Running> {
    let said = child.stdout.take().ok_or("its output is not to be had")?;
    let mut lines = BufReader::new(said).lines().map_while(Result::ok);
    let Some(address) = lines.find_map(|line| address(&line)) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err("a server does not start".into());
    };
    Ok(Running { address, child, folder: None })
}

impl Running {
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

    /// How much time of processors it took so far.
    pub fn processor_time(&self) -> Outcome<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name before may have blanks in it; behind it, the 12th and 13th are for the program and for the system.
        let behind = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        let ticks = behind.map(str::parse::<u32>).sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Only now is the folder not in use any more.
        drop(self.folder.take());
    }
}
