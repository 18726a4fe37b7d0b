//! One process of a split platform: started, its lines passed on under its name, and started again when it dies.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a process is looked at.
pub const LOOK: Duration = Duration::from_millis(50);
/// The pause before the first new start; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Whoever has lived this long starts with the first pause again.
const HEALTHY: Duration = Duration::from_secs(60);
/// How many of its last lines are kept for when it fails.
const LAST_LINES: usize = 20;

/// What to run, and under which name.
#[derive(Clone)]
pub struct Spec {
    /// The name that its lines are marked with.
    pub name: &'static str,
    /// The arguments of the program.
    pub arguments: Vec<String>,
    /// What its environment has besides ours.
    pub environment: Vec<(String, String)>,
    /// Where it says whether it is ready.
    pub address: String,
}

/// A process that ought to run.
pub struct Child {
    pub spec: Spec,
    state: State,
    pause: Duration,
}

enum State {
    Running(Process),
    /// It died, and starts again at this moment.
    Waiting(Instant),
}

/// A process that runs, or has ended and not been asked yet how.
struct Process {
    inner: std::process::Child,
    since: Instant,
    lines: LastLines,
    readers: Vec<JoinHandle<()>>,
}

type LastLines = Arc<Mutex<VecDeque<String>>>;

impl Child {
    /// Starts the process.
    pub fn start(program: &Path, spec: Spec) -> io::Result<Self> {
        let state = State::Running(Process::spawn(program, &spec)?);
        Ok(Self { spec, state, pause: FIRST_PAUSE })
    }

    /// How it ended, if it has, and its last lines.
    pub fn end(&mut self) -> Option<(ExitStatus, Vec<String>)> {
        let State::Running(process) = &mut self.state else { return None };
        let status = process.status()?;
        Some((status, process.last_lines()))
    }

    /// Its last lines while it runs.
    pub fn lines_so_far(&self) -> Vec<String> {
        match &self.state {
            State::Running(process) => process.lines(),
            State::Waiting(_) => Vec::new(),
        }
    }

    /// Looks after the process: starts it again if it has ended, each time after a longer pause.
    pub fn tend(&mut self, program: &Path) {
        let name = self.spec.name;
        match &mut self.state {
            State::Running(process) => {
                let Some(status) = process.status() else { return };
                if process.since.elapsed() >= HEALTHY {
                    self.pause = FIRST_PAUSE;
                }
                tracing::error!(name, %status, pause = ?self.pause, "a process died and will be started again");
                self.wait();
            }
            State::Waiting(until) if Instant::now() < *until => {}
            State::Waiting(_) => match Process::spawn(program, &self.spec) {
                Ok(process) => self.state = State::Running(process),
                Err(error) => {
                    tracing::error!(name, %error, "a process cannot be started");
                    self.wait();
                }
            },
        }
    }

    fn wait(&mut self) {
        self.state = State::Waiting(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Ends its input, which it takes as the word to stop, and waits until it has. It is killed after `grace`.
    pub async fn stop(&mut self, grace: Duration) {
        let State::Running(process) = &mut self.state else { return };
        drop(process.inner.stdin.take());
        let asked = Instant::now();
        while process.status().is_none() {
            if asked.elapsed() >= grace {
                tracing::error!(name = self.spec.name, "a process did not stop in time and is killed");
                process.kill();
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        tracing::info!(name = self.spec.name, "stopped");
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let State::Running(process) = &mut self.state {
            process.kill();
        }
    }
}

impl Process {
    fn spawn(program: &Path, spec: &Spec) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(&spec.arguments).envs(spec.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        out_of_reach_of_the_terminal(&mut command);
        let mut inner = command.spawn()?;
        tracing::info!(name = spec.name, id = inner.id(), "started");
        let lines = LastLines::default();
        let outputs = [
            inner.stdout.take().map(|out| Box::new(out) as Box<dyn Read + Send>),
            inner.stderr.take().map(|out| Box::new(out) as Box<dyn Read + Send>),
        ];
        let name = spec.name;
        let read = |output| {
            let lines = Arc::clone(&lines);
            thread::spawn(move || pass_on(name, output, &lines))
        };
        let readers = outputs.into_iter().flatten().map(read).collect();
        Ok(Self { inner, since: Instant::now(), lines, readers })
    }

    /// How it ended, if it has. A process that cannot be asked counts as running.
    fn status(&mut self) -> Option<ExitStatus> {
        self.inner.try_wait().ok().flatten()
    }

    /// The last lines of a process that has ended, so that its outputs end too.
    fn last_lines(&mut self) -> Vec<String> {
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        self.lines()
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.inner.kill();
        let _ = self.inner.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A terminal sends Ctrl-C to every process of its foreground group; but who stops when is for the supervisor to say.
#[cfg(unix)]
fn out_of_reach_of_the_terminal(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn out_of_reach_of_the_terminal(_: &mut Command) {}

/// Writes each line to our standard error, under the name of its process.
fn pass_on(name: &str, output: impl Read, last: &LastLines) {
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        // Nobody may be reading any more; the process must not stand still for that.
        let _ = writeln!(io::stderr(), "{name:<9} | {line}");
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
}
