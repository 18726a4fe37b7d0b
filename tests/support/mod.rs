//! Processes of the real binary, and clients of theirs.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod split;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

/// The binary in an empty folder, so that no file of the repository is read.
pub fn tradepost(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradepost"));
    command.args(arguments).current_dir(folder);
    forget_settings(&mut command);
    command
}

/// Whoever runs the tests may have settings in their environment.
pub fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRADEPOST__")) {
        command.env_remove(name);
    }
}

pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    tradepost(folder, arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A process of the real binary that serves, killed when it is dropped.
pub struct Server {
    child: Child,
    pub base: String,
    pub said: String,
}

impl Server {
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with(folder, arguments, "exec \"$0\" \"$@\"")
    }

    /// Starts it through a line of shell, which may set limits first.
    pub fn start_with(folder: &Path, arguments: &[&str], line: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", line, env!("CARGO_BIN_EXE_tradepost"), "serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).current_dir(folder);
        forget_settings(&mut command);
        Self::spawn(command)
    }

    /// Starts what says where it listens.
    pub fn spawn(command: Command) -> Self {
        Self::spawn_logging(command, Stdio::null())
    }

    /// The same, with its log lines.
    pub fn spawn_logging(mut command: Command, log: Stdio) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            said += &format!("{line}\n");
            if line.starts_with("Stop it") {
                break;
            }
        }
        let address = said.split("http://").nth(1).unwrap_or_else(|| panic!("{said}"));
        let base = format!("http://{}", address.split(['/', '\n']).next().unwrap());
        Self { child, base, said }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> bool {
        let id = self.child.id().to_string();
        assert!(Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub base: String,
    pub token: String,
}

impl Client {
    pub async fn post(&self, path: &str, body: Value) -> Option<(u16, Value)> {
        let request =
            self.http.post(format!("{}/api/v1{path}", self.base)).bearer_auth(&self.token).json(&body);
        let response = request.send().await.ok()?;
        Some((response.status().as_u16(), response.json().await.ok()?))
    }

    pub async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}/api/v1{path}", self.base)).bearer_auth(&self.token);
        request.send().await.unwrap().json().await.unwrap()
    }

    pub async fn log_in(base: &str, username: &str, password: &str) -> Option<Self> {
        let mut client = Self { http: reqwest::Client::new(), base: base.to_owned(), token: String::new() };
        let login = json!({ "username": username, "password": password });
        let (status, body) = client.post("/auth/login", login).await.unwrap();
        client.token = body["access_token"].as_str()?.to_owned();
        (status == 200).then_some(client)
    }

    pub async fn register(base: &str, username: &str) -> Self {
        let client = Self { http: reqwest::Client::new(), base: base.to_owned(), token: String::new() };
        let body = json!({
            "username": username, "email": format!("{username}@example.com"), "password": "TestPassword123!",
            "first_name": "Jane", "last_name": "Doe",
        });
        assert_eq!(client.post("/auth/register", body).await.unwrap().0, 201);
        Self::log_in(base, username, "TestPassword123!").await.unwrap()
    }
}

pub fn reconcile(folder: &Path) {
    let proof = run(folder, &["reconcile"]);
    assert!(proof.status.success(), "{}{}", text(&proof.stdout), text(&proof.stderr));
    assert!(text(&proof.stdout).contains("The books are right."));
}
