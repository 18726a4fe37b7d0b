//! A platform of the real binary in one of its shapes, with its data on the disk that the build is on.

use std::collections::VecDeque;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Failure, Outcome};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tradepost");
/// Nothing is to be refused but what is wrong.
const SETTINGS: [&str; 6] = [
    "rate_limits.per_address=0",
    "rate_limits.per_user=0",
    "rate_limits.auth_per_address=0",
    "rate_limits.money_per_user=0",
    "rate_limits.reads_per_address=0",
    "user.daily_deposit_limit=1000000.00",
];
const LOG_LINES: usize = 20;
const READY_ATTEMPTS: usize = 600;

/// How a platform is spread over processes.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One process.
    Monolith,
    /// The gateway, a process per module, and one for the engine that they share.
    Split,
}

/// A running platform, killed when it is dropped.
pub struct Platform {
    shape: Shape,
    /// Where it answers, e.g. `http://127.0.0.1:4711`.
    pub base: String,
    child: Child,
    folder: TempDir,
    log: LastLines,
}

type LastLines = Arc<Mutex<VecDeque<String>>>;

impl Shape {
    const fn verb(self) -> &'static str {
        match self {
            Self::Monolith => "serve",
            Self::Split => "split",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Monolith => "monolith",
            Self::Split => "split",
        })
    }
}

impl Platform {
    /// Starts one on a free port, and waits until it is ready.
    pub async fn start(shape: Shape) -> Outcome<Self> {
        // Not where temporary files usually are: that is often memory, where a write on disk costs nothing.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let mut command = command(&folder, shape.verb());
        command.args(["--listen", "127.0.0.1:0"]);
        command.args(SETTINGS.iter().flat_map(|setting| ["--set", setting]));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let log = LastLines::default();
        if let Some(output) = child.stderr.take() {
            let log = Arc::clone(&log);
            thread::spawn(move || read_log(output, &log));
        }
        let mut platform = Self { shape, base: String::new(), child, folder, log };
        platform.base = platform.said_address()?;
        platform.wait_until_ready().await?;
        Ok(platform)
    }

    /// It prints where it answers once it does.
    fn said_address(&mut self) -> Outcome<String> {
        let said = self.child.stdout.take().ok_or("its output is not to be had")?;
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        let api = lines.find_map(|line| Some(line.trim().strip_prefix("API")?.trim().to_owned()));
        let base = api.as_deref().and_then(|api| api.strip_suffix("/api/v1"));
        Ok(base.ok_or_else(|| self.blame("it does not start"))?.to_owned())
    }

    async fn wait_until_ready(&self) -> Outcome<()> {
        for _ in 0..READY_ATTEMPTS {
            let answer = reqwest::get(format!("{}/health/ready", self.base)).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(self.blame("it does not become ready"))
    }

    /// Stops it as an operator would, and demands that no cent is missing.
    pub fn stop_and_prove(mut self) -> Outcome<()> {
        let terminate = format!("kill -TERM {}", self.child.id());
        let told = Command::new("sh").args(["-c", &terminate]).status()?;
        if !told.success() || !self.child.wait()?.success() {
            return Err(self.blame("it does not stop"));
        }
        let proof = command(&self.folder, "reconcile").output()?;
        let said = String::from_utf8_lossy(&proof.stdout);
        eprintln!("reconcile of the {}:\n{}", self.shape, said.trim_end());
        if proof.status.success() {
            Ok(())
        } else {
            Err(format!("{} reconcile: {}", self.shape, String::from_utf8_lossy(&proof.stderr)).into())
        }
    }

    /// What went wrong, with the last lines of the log.
    pub fn blame(&self, what: &str) -> Failure {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let last = log.make_contiguous().join("\n");
        format!("{}: {what}. Its last lines:\n{last}", self.shape).into()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary in a folder without configuration, and without the settings of whoever runs this.
fn command(folder: &TempDir, verb: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args([verb, "--data-dir", "data"]).current_dir(folder.path());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRADEPOST__")) {
        command.env_remove(name);
    }
    command
}

/// Every request is logged, as in earnest, so somebody must read it; but on disk it would be in the way of the data.
fn read_log(output: impl Read, last: &LastLines) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LOG_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
}
