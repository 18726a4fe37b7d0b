//! The shape of a process for each module, of which one dies at a time while the others go on.

use rand::seq::SliceRandom;
use rust_decimal::Decimal;
use tempfile::TempDir;

use crate::choice::ASSETS;
use crate::crowd::Crowd;
use crate::operation::{NewOrder, Work};
use crate::support::split::{Split, send};
use crate::{ROUNDS_OF_A_SPLIT, SETTINGS, reconcile, rounds, seed};

#[tokio::test]
async fn a_split_platform_loses_and_repeats_nothing_when_its_processes_are_killed() {
    let folder = TempDir::new().unwrap();
    let mut split = Split::start(folder.path(), SETTINGS);
    let mut crowd = Crowd::gather(&split.base, seed()).await;
    for round in 0..rounds().div_ceil(ROUNDS_OF_A_SPLIT) {
        if round > 0 {
            // A supervisor waits longer each time before it starts the same process again; a new one does not.
            split.stop();
            reconcile(folder.path());
            split = Split::start(folder.path(), SETTINGS);
            crowd.follow(&split.base);
        }
        let mut names = ["engine", "user", "inventory", "order", "gateway"];
        names.shuffle(&mut crowd.random);
        for name in names {
            kill(&split, name, &mut crowd).await;
            reconcile(folder.path());
            crowd.nothing_is_lost().await;
        }
        crowd.settle().await;
        crowd.everything_is_right().await;
    }
    crowd.end_all().await;
    crowd.everything_is_right().await;
    split.stop();
    reconcile(folder.path());
    crowd.report("a split platform");
}

/// The clients go on until the platform does.
async fn kill(split: &Split, name: &str, crowd: &mut Crowd) {
    let id = split.id(name).await;
    let working = crowd.work_for_a_while().await;
    send("KILL", &id);
    split.id_after(name, &id).await;
    crowd.ask_everybody("back", Work::Deposit(Decimal::ONE)).await;
    let (asset_id, quantity) = ASSETS[0];
    let order = NewOrder { order_type: "market_buy", asset_id, quantity, price: None, expires_at: None };
    crowd.ask_everybody("again", Work::Place(order)).await;
    crowd.collect(working).await;
}
