//! The data folder: its lock, its durability, its snapshots, and a disk that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use support::{Item, client, create_orders, get, item, put, text};
use tradepost_engine::{Engine, EngineError, snapshot};

fn order(sk: &str) -> Item {
    item([("pk", text("user#1")), ("sk", text(sk)), ("state", text("open"))])
}

async fn with_one_order(folder: &Path) -> Engine {
    let engine = Engine::open(folder, "a test").unwrap();
    let client = client(&engine);
    create_orders(&client).await;
    put(&client, order("1")).await;
    engine
}

#[tokio::test]
async fn a_folder_has_one_engine_and_says_whose() {
    let folder = tempfile::tempdir().unwrap();
    let holder = "process 4711, listening on 127.0.0.1:8080";
    let engine = Engine::open(folder.path(), holder).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("lock")).unwrap(), holder);
    let refused = Engine::open(folder.path(), "somebody else").unwrap_err();
    assert!(matches!(&refused, EngineError::Locked { .. }));
    let message = refused.to_string();
    assert!(message.contains(holder) && message.contains(&folder.path().display().to_string()), "{message}");
    drop(engine);
    Engine::open(folder.path(), "short").unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("lock")).unwrap(), "short");
}

#[tokio::test]
async fn a_client_alone_keeps_the_engine_running() {
    let folder = tempfile::tempdir().unwrap();
    let engine = with_one_order(folder.path()).await;
    let client = client(&engine);
    drop(engine);
    assert_eq!(get(&client, "user#1", "1").await, Some(order("1")));
    assert!(matches!(Engine::open(folder.path(), "b"), Err(EngineError::Locked { .. })));
    drop(client);
    Engine::open(folder.path(), "b").unwrap();
}

#[tokio::test]
async fn data_survives_closing_and_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("made/on/the/way");
    drop(with_one_order(&data).await);
    assert!(!data.join("tradepost.db-wal").exists(), "the database was not closed cleanly");
    let engine = Engine::open(&data, "a test").unwrap();
    assert_eq!(get(&client(&engine), "user#1", "1").await, Some(order("1")));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let folder = file.path().join("data");
    let refused = Engine::open(&folder, "a test").unwrap_err();
    assert!(matches!(refused, EngineError::Folder { .. }));
    assert!(refused.to_string().contains(&folder.display().to_string()), "{refused}");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_the_lock_given_back() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tradepost.db"), "x".repeat(5000)).unwrap();
    for _ in 0..2 {
        assert!(matches!(Engine::open(folder.path(), "a test"), Err(EngineError::Open { .. })));
    }
}

#[tokio::test]
async fn a_snapshot_of_a_running_engine_holds_what_was_answered_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = with_one_order(folder.path()).await;
    let copy = folder.path().join("it's a copy.db");
    snapshot(folder.path(), &copy).unwrap();
    put(&client(&engine), order("2")).await;
    let copied = client(&Engine::open_snapshot(&copy).unwrap());
    assert_eq!(get(&copied, "user#1", "1").await, Some(order("1")));
    assert_eq!(get(&copied, "user#1", "2").await, None);
    assert!(matches!(snapshot(folder.path(), &copy), Err(EngineError::SnapshotExists { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_never_holds_half_a_transaction() {
    use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
    let folder = tempfile::tempdir().unwrap();
    let engine = with_one_order(folder.path()).await;
    let writing = client(&engine);
    let writer = tokio::spawn(async move {
        for round in 0..200 {
            let half = |half| {
                let order = order(&format!("{round:03}-{half}"));
                let put = Put::builder().table_name("orders").set_item(Some(order)).build().unwrap();
                TransactWriteItem::builder().put(put).build()
            };
            let pair = writing.transact_write_items().transact_items(half("a")).transact_items(half("b"));
            pair.send().await.unwrap();
        }
    });
    for copy in ["1.db", "2.db", "3.db", "4.db"] {
        let copy = folder.path().join(copy);
        snapshot(folder.path(), &copy).unwrap();
        let copied = client(&Engine::open_snapshot(&copy).unwrap());
        let items = copied.scan().table_name("orders").send().await.unwrap().count;
        assert_eq!(items % 2, 1, "the one order and any number of pairs");
    }
    writer.await.unwrap();
}

#[test]
fn a_snapshot_needs_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("tradepost.db");
    let copy = folder.path().join("copy.db");
    let refused = snapshot(folder.path(), &copy).unwrap_err();
    assert_eq!(refused.to_string(), format!("there is no database at {}", database.display()));
    assert!(matches!(Engine::open_snapshot(&copy), Err(EngineError::NoDatabase { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
}

#[tokio::test]
async fn a_damaged_file_is_a_server_error() {
    let folder = tempfile::tempdir().unwrap();
    let engine = with_one_order(folder.path()).await;
    let filler = text("x".repeat(100_000));
    for sk in ["2", "3", "4", "5", "6", "7", "8", "9"] {
        let mut order = order(sk);
        order.insert("filler".to_owned(), filler.clone());
        put(&client(&engine), order).await;
    }
    drop(engine);
    let path = folder.path().join("tradepost.db");
    let length = fs::metadata(&path).unwrap().len();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(length / 4)).unwrap();
    file.write_all(&vec![0xff; (length / 2) as usize]).unwrap();
    let engine = Engine::open(folder.path(), "a test").unwrap();
    let failed = client(&engine).scan().table_name("orders").send().await.unwrap_err();
    assert_eq!(failed.raw_response().unwrap().status().as_u16(), 500, "{failed:?}");
    assert_eq!(failed.code(), Some("InternalServerError"));
}

/// Runs the test below in a process of its own, in which no file may grow past a megabyte.
#[cfg(unix)]
#[test]
fn a_full_disk_is_a_server_error() {
    let limited = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --ignored --exact on_a_full_disk";
    let run = Command::new("sh").arg("-c").arg(limited).arg(std::env::current_exe().unwrap()).output();
    let output = run.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "needs a limit on the size of files, under which another test runs it"]
async fn on_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let engine = with_one_order(folder.path()).await;
    let client = client(&engine);
    let filler = text("x".repeat(100_000));
    let mut accepted = 1;
    let failed = loop {
        let put = client.put_item().table_name("orders").set_item(Some(order(&format!("{accepted:04}"))));
        match put.item("filler", filler.clone()).send().await {
            Ok(_) => accepted += 1,
            Err(failed) => break failed,
        }
        assert!(accepted < 1000, "the disk never filled");
    };
    assert_eq!(failed.raw_response().unwrap().status().as_u16(), 500, "{failed:?}");
    assert_eq!(failed.code(), Some("InternalServerError"));
    assert_eq!(get(&client, "user#1", "1").await, Some(order("1")), "reading goes on");
    drop(client);
    drop(engine);
    let engine = Engine::open(folder.path(), "a test").unwrap();
    let mut pages = support::client(&engine).scan().table_name("orders").into_paginator().items().send();
    let mut kept = 0;
    while let Some(item) = pages.next().await {
        item.unwrap();
        kept += 1;
    }
    assert_eq!(kept, accepted, "what was answered is there, and nothing else");
}
