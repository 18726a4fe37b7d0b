//! The shape of one process.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use rand::RngExt;
use tempfile::TempDir;

use crate::crowd::Crowd;
use crate::support::{Server, forget_settings};
use crate::{SETTINGS, reconcile, rounds, seed};

#[tokio::test]
async fn one_process_loses_and_repeats_nothing_when_it_is_killed() {
    let folder = TempDir::new().unwrap();
    let mut server = start(folder.path());
    let mut crowd = Crowd::gather(&server.base, seed()).await;
    for _ in 0..rounds() {
        let working = crowd.work_for_a_while().await;
        server.kill();
        crowd.collect(working).await;
        reconcile(folder.path());
        server = start(folder.path());
        if crowd.random.random_ratio(1, 3) {
            // It dies again while it finishes what the first death left unfinished.
            crowd.let_it_live_for_a_moment().await;
            server.kill();
            server = start(folder.path());
        }
        crowd.follow(&server.base);
        crowd.nothing_is_lost().await;
        crowd.settle().await;
        crowd.everything_is_right().await;
    }
    crowd.end_all().await;
    crowd.everything_is_right().await;
    assert!(server.stop(), "a stop that was asked for is a success");
    reconcile(folder.path());
    crowd.report("one process");
}

fn start(folder: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradepost"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(SETTINGS).current_dir(folder);
    forget_settings(&mut command);
    let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
    Server::spawn_logging(command, Stdio::from(log))
}
