//! A platform of `tradepost split`, whose processes can be found and killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::tradepost;

/// How many lines a failed test shows of what the processes said.
const LAST_LINES: usize = 60;

/// A split platform, killed when it is dropped.
pub struct Split {
    process: Child,
    pub base: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Split {
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = tradepost(folder, &["split", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
        let command = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, errors) = (Arc::clone(&log), process.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let api =
            said.find(|line| line.contains("API")).unwrap_or_else(|| panic!("{:#?}", log.lock().unwrap()));
        let base = api.trim().trim_start_matches("API").trim().trim_end_matches("/api/v1").to_owned();
        Self { process, base, log }
    }

    /// The id of a process, once the log has it.
    pub async fn id(&self, name: &str) -> String {
        self.id_after(name, "").await
    }

    /// The id of a process, once it is another.
    pub async fn id_after(&self, name: &str, before: &str) -> String {
        let started = format!("name=\"{name}\" id=");
        for _ in 0..1200 {
            let log = self.log.lock().unwrap().clone();
            let mut ids = log.iter().filter_map(|line| Some(line.split_once(&started)?.1.trim().to_owned()));
            if let Some(id) = ids.next_back().filter(|id| id != before) {
                return id;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} never started")
    }

    pub fn stop(mut self) {
        send("TERM", &self.process.id().to_string());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Split {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = self.log.lock().unwrap();
            log[log.len().saturating_sub(LAST_LINES)..].iter().for_each(|line| println!("{line}"));
        }
    }
}

pub fn send(signal: &str, id: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status().unwrap().success());
}
