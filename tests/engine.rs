//! `tradepost engine`: one engine, shared by several processes of the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;
use support::{Client, Server, run, text, tradepost};
use tempfile::TempDir;

const SECRET: &str = "only the services know";

fn engine(folder: &Path, arguments: &[&str]) -> Server {
    let mut command = tradepost(folder, &["engine", "--listen", "127.0.0.1:0"]);
    command.args(arguments).env("TRADEPOST__ENGINE__SECRET", SECRET);
    Server::spawn(command)
}

/// A command that works on the engine, with this secret and one set of keys for all.
fn with_store(folder: &Path, endpoint: &str, secret: &str, arguments: &[&str]) -> Command {
    let mut command = tradepost(folder, arguments);
    for (name, value) in [
        ("ENGINE", "dynamodb"),
        ("ENDPOINT", endpoint),
        ("REGION", "local"),
        ("ACCESS_KEY_ID", "tradepost"),
        ("SECRET_ACCESS_KEY", secret),
    ] {
        command.env(format!("TRADEPOST__STORAGE__{name}"), value);
    }
    command.args(["--data-dir", "keys"]);
    command
}

fn create_tables(folder: &Path, endpoint: &str, secret: &str) -> Output {
    with_store(folder, endpoint, secret, &["create-tables"]).output().unwrap()
}

fn serve(folder: &Path, endpoint: &str) -> Server {
    Server::spawn(with_store(folder, endpoint, SECRET, &["serve", "--listen", "127.0.0.1:0"]))
}

#[tokio::test]
async fn processes_share_what_it_keeps() {
    let folder = TempDir::new().unwrap();
    let shared = engine(folder.path(), &[]);
    for said in ["Data        ./data", "storage.endpoint", "storage.region = local", "AWS_SECRET_ACCESS_KEY"]
    {
        assert!(shared.said.contains(said), "{said} is missing in {}", shared.said);
    }
    assert!(!shared.said.contains(SECRET));
    let made = create_tables(folder.path(), &shared.base, SECRET);
    assert!(text(&made.stdout).contains("tradepost_users: made"), "{}", text(&made.stderr));

    let (one, other) = (serve(folder.path(), &shared.base), serve(folder.path(), &shared.base));
    let client = Client::register(&one.base, "sharer_1").await;
    assert_eq!(client.post("/balance/deposit", json!({ "amount": "12.34" })).await.unwrap().0, 201);
    let elsewhere = Client::log_in(&other.base, "sharer_1", "TestPassword123!").await.unwrap();
    assert_eq!(elsewhere.get("/balance").await["current_balance"], "12.34");
    assert!(one.stop() && other.stop());

    let proof = with_store(folder.path(), &shared.base, SECRET, &["reconcile"]).output().unwrap();
    assert!(text(&proof.stdout).contains("The books are right."), "{}", text(&proof.stderr));
    assert!(shared.stop(), "a stop that was asked for is a success");
    let again = engine(folder.path(), &[]);
    let there = create_tables(folder.path(), &again.base, SECRET);
    assert!(text(&there.stdout).contains("tradepost_users: there already"), "{}", text(&there.stderr));
}

/// Waits until the process says that it is ready, or not.
async fn wait_for_ready(server: &Server, wanted: bool) {
    let path = format!("{}/health/ready", server.base);
    for _ in 0..1200 {
        if reqwest::get(&path).await.unwrap().status().is_success() == wanted {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{path} never turned to ready = {wanted}");
}

/// An engine's address before there is an engine, and an engine there.
fn address() -> String {
    let [port] = tradepost::split::ports::free().unwrap();
    format!("127.0.0.1:{port}")
}

fn engine_at(folder: &Path, address: &str) -> Server {
    let mut command = tradepost(folder, &["engine", "--listen", address, "--in-memory"]);
    command.env("TRADEPOST__ENGINE__SECRET", SECRET);
    Server::spawn(command)
}

#[tokio::test]
async fn a_server_waits_for_its_store_and_makes_its_tables_when_told_to() {
    let folder = TempDir::new().unwrap();
    let address = address();
    let base = format!("http://{address}");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--set", "storage.create_tables=true"];
    let server = Server::spawn(with_store(folder.path(), &base, SECRET, &arguments));
    assert_eq!(reqwest::get(format!("{}/health", server.base)).await.unwrap().status(), 200);
    wait_for_ready(&server, false).await;
    let shared = engine_at(folder.path(), &address);
    wait_for_ready(&server, true).await;
    Client::register(&server.base, "patient_1").await;
    shared.kill();
    wait_for_ready(&server, false).await;
    assert!(server.stop());
}

/// Several times, because the tables are made while everything else begins.
#[tokio::test]
async fn a_server_that_makes_its_tables_asks_nothing_of_them_before() {
    let folder = TempDir::new().unwrap();
    let shared = engine(folder.path(), &["--in-memory"]);
    for round in 0..5 {
        let prefix = format!("storage.table_prefix=round_{round}_");
        let mut command =
            with_store(folder.path(), &shared.base, SECRET, &["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--set", "storage.create_tables=true", "--set", &prefix]);
        let log = folder.path().join(format!("log-{round}"));
        let server = Server::spawn_logging(command, std::fs::File::create(&log).unwrap().into());
        wait_for_ready(&server, true).await;
        Client::register(&server.base, "first_one").await;
        assert!(server.stop());
        let log = std::fs::read_to_string(&log).unwrap();
        assert!(log.contains("made the table") && !log.contains("ERROR"), "{log}");
    }
}

#[tokio::test]
async fn a_server_that_makes_no_tables_waits_for_who_does() {
    let folder = TempDir::new().unwrap();
    let address = address();
    let base = format!("http://{address}");
    let server =
        Server::spawn(with_store(folder.path(), &base, SECRET, &["serve", "--listen", "127.0.0.1:0"]));
    wait_for_ready(&server, false).await;
    let _shared = engine_at(folder.path(), &address);
    wait_for_ready(&server, false).await;
    assert!(create_tables(folder.path(), &base, SECRET).status.success());
    wait_for_ready(&server, true).await;
    assert!(server.stop());
}

#[tokio::test]
async fn told_so_a_process_stops_when_its_input_ends() {
    let folder = TempDir::new().unwrap();
    for verb in ["serve", "engine"] {
        let address = address();
        let mut command =
            tradepost(folder.path(), &[verb, "--listen", &address, "--stop-with-stdin", "--data-dir", verb]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        while !run(folder.path(), &["health", "--address", &address]).status.success() {
            assert!(child.try_wait().unwrap().is_none(), "{verb} ended by itself");
        }
        child.stdin.as_mut().unwrap().write_all(b"this is not the end\n").unwrap();
        assert!(run(folder.path(), &["health", "--address", &address]).status.success(), "{verb}");
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success(), "{verb}");
    }
}

#[test]
fn a_wrong_secret_is_refused() {
    let folder = TempDir::new().unwrap();
    let shared = engine(folder.path(), &["--in-memory"]);
    let refused = create_tables(folder.path(), &shared.base, "another secret than that");
    assert!(!refused.status.success());
    assert!(create_tables(folder.path(), &shared.base, SECRET).status.success());
}

#[test]
fn it_holds_the_data_folder() {
    let folder = TempDir::new().unwrap();
    let shared = engine(folder.path(), &[]);
    for arguments in [&["serve", "--listen", "127.0.0.1:0"], &["engine", "--listen", "127.0.0.1:0"]] {
        let refused = run(folder.path(), arguments);
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && said.contains(&format!("process {}", shared.id())), "{said}");
    }
}

#[test]
fn in_memory_it_leaves_no_file() {
    let folder = TempDir::new().unwrap();
    let shared = engine(folder.path(), &["--in-memory"]);
    assert!(shared.said.contains("in memory"));
    let address = shared.base.trim_start_matches("http://");
    assert!(run(folder.path(), &["health", "--address", address]).status.success());
    assert!(create_tables(folder.path(), &shared.base, SECRET).status.success());
    assert!(shared.stop());
    assert!(!folder.path().join("data").exists());
}

const PRODUCTION: [&str; 2] = ["--set=environment=production", "--set=storage.embedded_in_production=true"];

#[test]
fn in_production_it_needs_no_key_of_the_services() {
    let folder = TempDir::new().unwrap();
    for secret in ["", SECRET] {
        let mut command = tradepost(folder.path(), &["engine", "--listen", "127.0.0.1:0", "--in-memory"]);
        command.args(PRODUCTION).env("TRADEPOST__ENGINE__SECRET", secret);
        assert!(Server::spawn(command).stop());
    }
    assert!(!folder.path().join("data").exists(), "no key was made up");
}

#[test]
fn what_would_let_strangers_in_is_refused() {
    let folder = TempDir::new().unwrap();
    let production = [PRODUCTION[0]];
    let open = [&PRODUCTION[..], &["--listen", "0.0.0.0:0"]].concat();
    let weak = [&open[..], &["--set", "engine.secret=fifteen letters"]].concat();
    for (arguments, named) in [
        (&open[..], "engine.secret"),
        (&weak[..], "at least 16"),
        (&["--listen", "0.0.0.0:0"][..], "engine.secret"),
        (&["--listen", "127.0.0.1:0", "--set", "engine.secret=fifteen letters"], "at least 16"),
        (&["--listen", "nonsense"], "engine.listen"),
        (&production[..], "storage.embedded_in_production"),
    ] {
        let refused = run(folder.path(), &[&["engine"], arguments].concat());
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && said.contains(named), "{arguments:?}: {said}");
    }
    let checked = run(folder.path(), &["check-config", "--set", "engine.listen=0.0.0.0:8000"]);
    assert!(!checked.status.success() && text(&checked.stderr).contains("engine.secret"));
    let checked = run(folder.path(), &["check-config", "--set", &format!("engine.secret={SECRET}")]);
    assert!(checked.status.success() && text(&checked.stdout).contains("engine.secret = ********"));
    assert!(!text(&checked.stdout).contains(SECRET));
}
