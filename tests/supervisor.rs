//! Processes under supervision: their lines, their restarts, the order of their stop, and that they outlive nobody.
//!
//! What is supervised here is an engine and the user module. The supervisor is a process of its own, this same
//! program, so that it can be killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use support::{forget_settings, run};
use tempfile::TempDir;
use tradepost::split::{Spec, ports, supervise};
use tradepost_platform::telemetry::{LogFormat, LogSettings, start_logging};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tradepost");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, first, rest @ ..] = &arguments[..]
        && first == "supervise"
    {
        return be_the_supervisor(rest);
    }
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let trials = vec![
        trial("lines_carry_the_name_of_their_process", lines_carry_the_name_of_their_process),
        trial("a_process_that_dies_is_started_again", a_process_that_dies_is_started_again),
        trial("callers_stop_before_whom_they_call", callers_stop_before_whom_they_call),
        trial("nobody_outlives_a_supervisor_that_is_killed", nobody_outlives_a_supervisor_that_is_killed),
        trial(
            "a_start_that_fails_says_why_and_leaves_nothing",
            a_start_that_fails_says_why_and_leaves_nothing,
        ),
        trial("who_does_not_stop_in_time_is_killed", who_does_not_stop_in_time_is_killed),
        trial("told_twice_it_kills", told_twice_it_kills),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Supervises an engine and the user module: ports, the grace in seconds, and a setting of the user module.
fn be_the_supervisor(arguments: &[String]) -> ExitCode {
    let [engine, user, grace, setting] = arguments else { panic!("{arguments:?}") };
    start_logging(&LogSettings { format: LogFormat::Pretty, filter: "info".to_owned() }).unwrap();
    let grace = Duration::from_secs(grace.parse().unwrap());
    let stages = vec![vec![engine_spec(engine)], vec![user_spec(user, engine, setting)]];
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(supervise(PROGRAM.into(), stages, grace, || println!("all are ready")));
    outcome.unwrap_or_else(|error| {
        eprintln!("failed: {error}");
        ExitCode::FAILURE
    })
}

fn spec(name: &'static str, port: &str, verb: &str, settings: &[String]) -> Spec {
    let mut arguments = vec![verb.to_owned(), "--stop-with-stdin".to_owned()];
    arguments.extend(settings.iter().map(|setting| format!("--set={setting}")));
    Spec { name, arguments, environment: Vec::new(), address: format!("127.0.0.1:{port}") }
}

fn engine_spec(port: &str) -> Spec {
    spec("engine", port, "engine", &[format!("engine.listen=127.0.0.1:{port}")])
}

fn user_spec(port: &str, engine: &str, setting: &str) -> Spec {
    let settings = [
        "serve=user".to_owned(),
        format!("server.listen=127.0.0.1:{port}"),
        "storage.engine=dynamodb".to_owned(),
        format!("storage.endpoint=http://127.0.0.1:{engine}"),
        "storage.region=local".to_owned(),
        "storage.access_key_id=x".to_owned(),
        "storage.secret_access_key=x".to_owned(),
        "storage.create_tables=true".to_owned(),
        setting.to_owned(),
    ];
    spec("user", port, "serve", &settings)
}

/// A supervisor, as a process, and what it writes.
struct Supervised {
    folder: TempDir,
    process: Child,
    engine: u16,
    user: u16,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Supervised {
    fn spawn(grace_s: u64, setting: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let [engine, user] = ports::free().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("supervise").args([engine.to_string(), user.to_string(), grace_s.to_string()]);
        command.arg(setting).current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        forget_settings(&mut command);
        let mut process = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (out, err) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        let collect = |output: Box<dyn std::io::Read + Send>| {
            let lines = Arc::clone(&lines);
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    lines.lock().unwrap().push(line);
                }
            });
        };
        collect(Box::new(out));
        collect(Box::new(err));
        Self { folder, process, engine, user, lines }
    }

    fn start(grace_s: u64) -> Self {
        let mut supervised = Self::spawn(grace_s, "log.format=pretty");
        supervised.wait_for_line(|line| line == "all are ready");
        supervised
    }

    fn line(&self, is_it: impl Fn(&str) -> bool) -> Option<usize> {
        self.lines.lock().unwrap().iter().position(|line| is_it(line))
    }

    fn wait_for_line(&mut self, is_it: impl Fn(&str) -> bool) -> usize {
        until(|| self.line(&is_it), || format!("no such line in {:#?}", self.lines.lock().unwrap()))
    }

    /// The ids under which a process was started so far, the newest last.
    fn ids(&self, name: &str) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        let of = lines.iter().filter_map(|line| {
            line.contains("started").then(|| line.split_once(&format!("name=\"{name}\" id=")))?
        });
        of.map(|(_, id)| id.trim().to_owned()).collect()
    }

    fn signal(&self, signal: &str) {
        send(signal, &self.process.id().to_string());
    }

    fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    fn is_ready(&self, port: u16) -> bool {
        run(self.folder.path(), &["health", "--address", &format!("127.0.0.1:{port}")]).status.success()
    }

    fn demand_nobody_listens(&self) {
        for port in [self.engine, self.user] {
            let refused = || std::net::TcpStream::connect(("127.0.0.1", port)).is_err().then_some(());
            until(refused, || format!("somebody still listens on {port}"));
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn send(signal: &str, id: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status().unwrap().success());
}

/// Asks until there is something, for up to a minute.
fn until<T>(ask: impl Fn() -> Option<T>, failed: impl Fn() -> String) -> T {
    for _ in 0..1200 {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{}", failed());
}

fn lines_carry_the_name_of_their_process() {
    let mut supervised = Supervised::start(30);
    for name in ["engine    | ", "user      | "] {
        supervised.wait_for_line(|line| line.starts_with(name) && line.contains("serving"));
    }
    let ready = supervised.wait_for_line(|line| line == "all are ready");
    let engine = supervised.wait_for_line(|line| line.contains("started name=\"engine\""));
    let user = supervised.wait_for_line(|line| line.contains("started name=\"user\""));
    assert!(engine < user && user < ready, "{engine} {user} {ready}");
}

fn a_process_that_dies_is_started_again() {
    let mut supervised = Supervised::start(30);
    for (name, port) in [("user", supervised.user), ("engine", supervised.engine)] {
        let id = supervised.ids(name).pop().unwrap();
        send("KILL", &id);
        let died = format!("name=\"{name}\" status=signal: 9");
        supervised.wait_for_line(|line| line.contains("will be started again") && line.contains(&died));
        until(|| (supervised.ids(name).len() == 2).then_some(()), || format!("{name} was not started again"));
        assert_ne!(supervised.ids(name).pop().unwrap(), id);
        until(|| supervised.is_ready(port).then_some(()), || format!("{name} is not ready"));
    }
    until(|| supervised.is_ready(supervised.user).then_some(()), || "user never came back".to_owned());
    supervised.signal("TERM");
    assert!(supervised.wait().success());
    supervised.demand_nobody_listens();
}

fn callers_stop_before_whom_they_call() {
    for signal in ["TERM", "INT"] {
        let mut supervised = Supervised::start(30);
        supervised.signal(signal);
        assert!(supervised.wait().success(), "{signal}");
        let mut at = |text: &str| supervised.wait_for_line(|line| line.contains(text));
        let (user, engine) = (at("stopped name=\"user\""), at("stopped name=\"engine\""));
        assert!(user < engine, "{signal}");
        let told =
            supervised.wait_for_line(|line| line.starts_with("engine    | ") && line.contains("stopping"));
        assert!(user < told, "{signal}: the engine was told before the user module had stopped");
        supervised.demand_nobody_listens();
    }
}

fn nobody_outlives_a_supervisor_that_is_killed() {
    let mut supervised = Supervised::start(30);
    supervised.signal("KILL");
    supervised.wait();
    supervised.demand_nobody_listens();
    let free = || {
        let again = run(supervised.folder.path(), &["create-tables"]);
        again.status.success().then_some(())
    };
    until(free, || "the data folder is still in use".to_owned());
}

fn a_start_that_fails_says_why_and_leaves_nothing() {
    let mut supervised = Supervised::spawn(30, "server.workers=many");
    assert!(!supervised.wait().success());
    supervised.wait_for_line(|line| line.contains("The process `user` ended before all were ready"));
    let why =
        supervised.wait_for_line(|line| line.starts_with("tradepost: ") && line.contains("server.workers"));
    let stopped = supervised.wait_for_line(|line| line.contains("stopped name=\"engine\""));
    assert!(stopped < why, "what was started is stopped before the end");
    supervised.demand_nobody_listens();
}

fn who_does_not_stop_in_time_is_killed() {
    let mut supervised = Supervised::start(0);
    send("STOP", &supervised.ids("user").pop().unwrap());
    supervised.signal("TERM");
    assert!(supervised.wait().success());
    supervised.wait_for_line(|line| line.contains("did not stop in time") && line.contains("name=\"user\""));
    supervised.demand_nobody_listens();
}

fn told_twice_it_kills() {
    let mut supervised = Supervised::start(3600);
    send("STOP", &supervised.ids("user").pop().unwrap());
    supervised.signal("TERM");
    supervised.wait_for_line(|line| line.ends_with("stopping") && !line.contains(" | "));
    supervised.signal("TERM");
    assert!(!supervised.wait().success());
    supervised.demand_nobody_listens();
}
