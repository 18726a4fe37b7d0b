//! The order in which processes start and stop.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::child::{Child, LOOK, Spec};
use crate::{StartError, probe};

/// How long a stage may take to become ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// The processes of a platform, in the order of their start.
pub struct Supervisor {
    program: PathBuf,
    grace: Duration,
    children: Vec<Child>,
}

impl Supervisor {
    /// Will run `program`; a process that does not stop within `grace` is killed.
    #[must_use]
    pub fn new(program: PathBuf, grace: Duration) -> Self {
        Self { program, grace, children: Vec::new() }
    }

    /// Starts the stages, each when those before it are ready. Nothing is started again yet: what dies here would
    /// hardly live the second time, and whoever waits wants to know.
    ///
    /// # Errors
    /// Which process failed, with its last lines. What was started still runs then.
    pub async fn start(&mut self, stages: Vec<Vec<Spec>>) -> Result<(), StartError> {
        for stage in stages {
            let mut unready: Vec<_> = stage.iter().map(|spec| (spec.name, spec.address.clone())).collect();
            for spec in stage {
                let name = spec.name;
                let child = Child::start(&self.program, spec).map_err(|error| {
                    StartError::new(format!("The process `{name}` cannot be started: {error}."))
                })?;
                self.children.push(child);
            }
            let begun = Instant::now();
            while let Some((name, address)) = unready.last() {
                self.refuse_dead()?;
                if matches!(probe::ask(address).await, Ok((true, _))) {
                    unready.pop();
                } else if begun.elapsed() >= PATIENCE {
                    return Err(self.late(name));
                } else {
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
        // Whoever answered for the last one may have been somebody else, who had its port before.
        self.refuse_dead()
    }

    fn refuse_dead(&mut self) -> Result<(), StartError> {
        for child in &mut self.children {
            if let Some((status, lines)) = child.end() {
                let name = child.spec.name;
                return Err(StartError::new(format!(
                    "The process `{name}` ended before all were ready ({status}). Its last lines:\n{}",
                    lines.join("\n")
                )));
            }
        }
        Ok(())
    }

    fn late(&self, name: &str) -> StartError {
        let child = self.children.iter().find(|child| child.spec.name == name);
        let lines = child.map(Child::lines_so_far).unwrap_or_default();
        StartError::new(format!(
            "The process `{name}` was not ready within {} seconds. Its last lines:\n{}",
            PATIENCE.as_secs(),
            lines.join("\n")
        ))
    }

    /// Starts again whatever dies, until this future is dropped.
    pub async fn keep(&mut self) {
        loop {
            for child in &mut self.children {
                child.tend(&self.program);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Stops the processes one after the other, the last one started first: whoever calls stops before whom it calls.
    pub async fn stop(&mut self) {
        for child in self.children.iter_mut().rev() {
            child.stop(self.grace).await;
        }
    }

    /// Ends all processes at once.
    pub fn kill(&mut self) {
        self.children.iter_mut().rev().for_each(Child::kill);
    }
}
