//! Reading from the embedded engine: single items, several by key, ranges of the table and of an index, whole
//! tables, and making the tables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeSet, HashMap};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tradepost_engine::Engine;
use tradepost_platform::dynamo::{
    AttributeValue, Dynamo, Expect, IndexDefinition, Item, Key, Query, Rows, SortKeys, Table,
    TableDefinition, Write, from_item,
};
use tradepost_problem::Outage;

const BY_STATE: IndexDefinition = IndexDefinition { name: "by_state", pk: "state", sk: "due" };
const TASKS: TableDefinition =
    TableDefinition { name: "tasks", indexes: &[BY_STATE], expires_at: Some("expires_at") };

/// In the index while it has both a state and a due time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Task {
    name: String,
    state: Option<String>,
    due: Option<String>,
    expires_at: Option<u64>,
}

/// A form that no task has.
#[derive(Debug, PartialEq, Deserialize)]
struct Stranger {
    shoe_size: u64,
}

struct World {
    engine: Engine,
    dynamo: Dynamo,
    table: Table,
}

impl World {
    async fn new() -> Self {
        let engine = Engine::in_memory().unwrap();
        let dynamo = Dynamo::in_process(engine.http_client(), "t_");
        assert!(TASKS.create(&dynamo).await.unwrap());
        let table = dynamo.table(TASKS.name);
        Self { engine, dynamo, table }
    }

    /// A world with the tasks 01 to 06 of alice and 01 of bob.
    async fn with_tasks() -> Self {
        let world = World::new().await;
        for (owner, number) in [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("a", 5), ("a", 6), ("b", 1)] {
            world.insert(&task_key(owner, number), &task(&format!("{owner}{number}"))).await;
        }
        world
    }

    async fn insert(&self, key: &Key, task: &Task) {
        Write::new(&self.dynamo, "setup").insert(&self.table, key, task, ()).commit().await.unwrap();
    }

    async fn query<T: DeserializeOwned>(&self, query: &Query) -> Rows<T> {
        self.table.query(query).await.unwrap()
    }

    async fn names(&self, query: &Query) -> Vec<String> {
        names(self.query::<Task>(query).await.items)
    }

    async fn names_by_state(&self, query: &Query) -> Vec<String> {
        names(self.table.query_index::<Task>(&BY_STATE, query).await.unwrap().items)
    }
}

fn task_key(owner: &str, number: usize) -> Key {
    Key::new(format!("user#{owner}"), format!("task#{number:02}"))
}

fn task(name: &str) -> Task {
    Task { name: name.to_owned(), ..Task::default() }
}

fn names(tasks: Vec<Task>) -> Vec<String> {
    tasks.into_iter().map(|task| task.name).collect()
}

fn all_of(pk: &str) -> Query {
    Query { pk: pk.to_owned(), keys: SortKeys::All, newest_first: false, limit: 100, after: None }
}

fn between(first: &str, last: &str) -> SortKeys {
    SortKeys::Between(first.to_owned(), last.to_owned())
}

#[tokio::test]
async fn a_table_is_made_once_and_then_left_alone() {
    let world = World::with_tasks().await;
    assert!(!TASKS.create(&world.dynamo).await.unwrap());
    assert_eq!(world.names(&all_of("user#b")).await, ["b1"]);
}

#[tokio::test]
async fn a_table_of_an_older_version_gets_the_index_it_lacks_with_what_it_holds() {
    let dynamo = Dynamo::in_process(Engine::in_memory().unwrap().http_client(), "t_");
    let older = TableDefinition { indexes: &[], ..TASKS };
    assert!(older.create(&dynamo).await.unwrap());
    assert!(older.is_active(&dynamo).await.unwrap() && !TASKS.is_active(&dynamo).await.unwrap());
    let task = Task { state: Some("open".to_owned()), due: Some("1".to_owned()), ..task("kept") };
    let table = dynamo.table(TASKS.name);
    Write::new(&dynamo, "setup").insert(&table, &task_key("a", 1), &task, ()).commit().await.unwrap();

    let (one, other) = tokio::join!(TASKS.create(&dynamo), TASKS.create(&dynamo));
    assert!(!one.unwrap() && !other.unwrap(), "it was there before");
    assert!(TASKS.is_active(&dynamo).await.unwrap() && older.is_active(&dynamo).await.unwrap());
    let found = table.query_index::<Task>(&BY_STATE, &all_of("open")).await.unwrap();
    assert_eq!(names(found.items), ["kept"]);
}

#[tokio::test]
async fn of_two_that_make_the_same_table_at_once_one_made_it() {
    let dynamo = Dynamo::in_process(Engine::in_memory().unwrap().http_client(), "t_");
    let (one, other) = tokio::join!(TASKS.create(&dynamo), TASKS.create(&dynamo));
    assert_eq!(u8::from(one.unwrap()) + u8::from(other.unwrap()), 1);
}

#[tokio::test]
async fn installations_with_different_prefixes_share_an_engine_and_no_item() {
    let world = World::with_tasks().await;
    let other = Dynamo::in_process(world.engine.http_client(), "other_");
    assert!(TASKS.create(&other).await.unwrap());
    let table = other.table(TASKS.name);
    assert_eq!((world.table.name(), table.name()), ("t_tasks", "other_tasks"));
    assert_eq!(table.get::<Task>(&task_key("a", 1)).await, Ok(None));
}

#[tokio::test]
async fn the_attribute_of_a_definition_makes_items_expire() {
    let world = World::new().await;
    for (number, expires_at) in [(1, Some(1_000)), (2, Some(99_000_000_000)), (3, None)] {
        let task = Task { expires_at, ..task("expiring") };
        world.insert(&task_key("a", number), &task).await;
    }
    world.engine.sweep_ttl().await.unwrap();
    for (number, there) in [(1, false), (2, true), (3, true)] {
        let found = world.table.get::<Task>(&task_key("a", number)).await.unwrap();
        assert_eq!(found.is_some(), there, "{number}");
    }
}

#[tokio::test]
async fn an_item_is_read_as_it_was_written_and_a_missing_one_is_none() {
    let world = World::new().await;
    let written =
        Task { state: Some("open".to_owned()), expires_at: Some(u64::MAX), ..task("höhe ☂ 高さ") };
    world.insert(&task_key("a", 1), &written).await;
    assert_eq!(world.table.get(&task_key("a", 1)).await, Ok(Some(written)));
    for missing in [task_key("a", 2), task_key("b", 1)] {
        assert_eq!(world.table.get::<Task>(&missing).await, Ok(None));
    }
}

#[tokio::test]
async fn an_item_carries_its_operation_and_format_version_and_no_nulls() {
    let world = World::with_tasks().await;
    let key = task_key("b", 1);
    let item = world.table.batch_get(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap();
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let expected: Item = HashMap::from([
        ("pk".to_owned(), text("user#b")),
        ("sk".to_owned(), text("task#01")),
        ("name".to_owned(), text("b1")),
        ("op".to_owned(), text("setup")),
        ("v".to_owned(), AttributeValue::N("1".to_owned())),
    ]);
    assert_eq!(item, expected);
}

#[tokio::test]
async fn an_item_of_another_form_is_a_defect_however_it_is_read() {
    let world = World::with_tasks().await;
    assert_eq!(world.table.get::<Stranger>(&task_key("a", 1)).await, Err(Outage::Internal));
    let queried = world.table.query::<Stranger>(&all_of("user#a")).await;
    assert_eq!(queried.unwrap_err(), Outage::Internal);
    let item = world.table.scan_page(None).await.unwrap().items.remove(0);
    assert_eq!(from_item::<Stranger>(item), Err(Outage::Internal));
}

#[tokio::test]
async fn a_missing_table_is_an_outage_of_the_store() {
    let table = World::new().await.dynamo.table("unheard_of");
    let key = task_key("a", 1);
    assert_eq!(table.get::<Task>(&key).await, Err(Outage::Storage));
    assert_eq!(table.batch_get(std::slice::from_ref(&key)).await, Err(Outage::Storage));
    assert_eq!(table.query::<Task>(&all_of("user#a")).await.unwrap_err(), Outage::Storage);
    assert_eq!(table.scan_page(None).await.unwrap_err(), Outage::Storage);
}

#[tokio::test]
async fn a_batch_answers_by_key_and_leaves_out_what_is_missing() {
    let world = World::with_tasks().await;
    let keys = [task_key("a", 2), task_key("b", 1), task_key("a", 99)];
    let found = world.table.batch_get(&keys).await.unwrap();
    let found: HashMap<Key, String> =
        found.into_iter().map(|(key, item)| (key, from_item::<Task>(item).unwrap().name)).collect();
    let expected = [(keys[0].clone(), "a2".to_owned()), (keys[1].clone(), "b1".to_owned())];
    assert_eq!(found, HashMap::from(expected));
}

#[tokio::test]
async fn a_query_reads_the_range_it_names_in_its_order_and_up_to_its_limit() {
    let world = World::with_tasks().await;
    let all = all_of("user#a");
    let keys = |keys| Query { keys, ..all.clone() };
    let prefix = |text: &str| keys(SortKeys::Prefix(text.to_owned()));
    let after = |number| Some(task_key("a", number));
    let newest = Query { newest_first: true, ..all.clone() };
    for (rule, query, expected) in [
        ("the whole partition", all.clone(), &["a1", "a2", "a3", "a4", "a5", "a6"][..]),
        ("another partition", all_of("user#b"), &["b1"]),
        ("a partition that does not exist", all_of("user#"), &[]),
        ("a prefix of all", prefix("task#"), &["a1", "a2", "a3", "a4", "a5", "a6"]),
        ("a prefix of one", prefix("task#03"), &["a3"]),
        ("a prefix of none", prefix("order#"), &[]),
        ("both ends included", keys(between("task#02", "task#04")), &["a2", "a3", "a4"]),
        ("ends that are not items", keys(between("task#021", "task#9")), &["a3", "a4", "a5", "a6"]),
        ("newest first", newest.clone(), &["a6", "a5", "a4", "a3", "a2", "a1"]),
        ("a limit", Query { limit: 2, ..all.clone() }, &["a1", "a2"]),
        ("a limit, newest first", Query { limit: 2, ..newest.clone() }, &["a6", "a5"]),
        ("after an item", Query { after: after(4), ..all.clone() }, &["a5", "a6"]),
        ("after an item, newest first", Query { after: after(4), ..newest.clone() }, &["a3", "a2", "a1"]),
        ("after the last", Query { after: after(6), ..all.clone() }, &[]),
        (
            "all at once",
            Query { keys: between("task#02", "task#06"), limit: 2, after: after(5), ..newest },
            &["a4", "a3"],
        ),
    ] {
        assert_eq!(world.names(&query).await, expected, "{rule}");
    }
}

#[tokio::test]
async fn pages_of_a_query_follow_each_other_without_gap_or_repetition() {
    let world = World::with_tasks().await;
    let forwards = ["a1", "a2", "a3", "a4", "a5", "a6"];
    for (newest_first, limit) in [(false, 1), (false, 4), (false, 6), (true, 1), (true, 4), (true, 7)] {
        let mut query = Query { newest_first, limit, ..all_of("user#a") };
        let mut read = Vec::new();
        loop {
            let rows = world.query::<Task>(&query).await;
            assert!(rows.items.len() <= limit);
            read.extend(names(rows.items));
            query.after = rows.more_after;
            if query.after.is_none() {
                break;
            }
        }
        let mut expected = forwards.to_vec();
        if newest_first {
            expected.reverse();
        }
        assert_eq!(read, expected, "newest first: {newest_first}, limit: {limit}");
    }
}

#[tokio::test]
async fn an_index_holds_the_items_that_have_both_attributes_in_the_order_of_its_own_key() {
    let world = World::new().await;
    for (number, name, state, due) in [
        (1, "late", Some("open"), Some("2026-03")),
        (2, "early", Some("open"), Some("2026-01")),
        (3, "middle", Some("open"), Some("2026-02")),
        (4, "closed", Some("closed"), Some("2026-01")),
        (5, "no due time", Some("open"), None),
        (6, "no state", None, Some("2026-01")),
        (7, "neither", None, None),
    ] {
        let task = Task { state: state.map(Into::into), due: due.map(Into::into), ..task(name) };
        world.insert(&task_key("a", number), &task).await;
    }
    let open = all_of("open");
    let keys = |keys| Query { keys, ..open.clone() };
    let newest = Query { newest_first: true, ..open.clone() };
    for (rule, query, expected) in [
        ("the whole partition", open.clone(), &["early", "middle", "late"][..]),
        ("another partition", all_of("closed"), &["closed"]),
        ("newest first", newest, &["late", "middle", "early"]),
        ("a limit", Query { limit: 1, ..open.clone() }, &["early"]),
        ("a prefix", keys(SortKeys::Prefix("2026-03".to_owned())), &["late"]),
        ("both ends included", keys(between("0", "2026-02")), &["early", "middle"]),
    ] {
        assert_eq!(world.names_by_state(&query).await, expected, "{rule}");
    }
}

#[tokio::test]
async fn an_item_that_loses_an_attribute_of_an_index_leaves_it() {
    let world = World::new().await;
    let (key, done) = (task_key("a", 1), task("done"));
    let open = Task { state: Some("open".to_owned()), due: Some("2026".to_owned()), ..done.clone() };
    world.insert(&key, &open).await;
    assert_eq!(world.names_by_state(&all_of("open")).await, ["done"]);
    let close = Write::new(&world.dynamo, "close").put(&world.table, &key, &done, &Expect::Present, ());
    close.commit().await.unwrap();
    assert_eq!(world.names_by_state(&all_of("open")).await, [""; 0]);
}

#[tokio::test]
async fn a_scan_reads_every_item_once_a_hundred_at_a_time() {
    let world = World::new().await;
    for hundred in 0..3 {
        let mut write = Write::new(&world.dynamo, "setup");
        for number in 0..80 {
            let key = task_key(&hundred.to_string(), number);
            write = write.insert(&world.table, &key, &task(&format!("{hundred}-{number}")), ());
        }
        write.commit().await.unwrap();
    }
    let (mut pages, mut read, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let Rows { items, more_after } = world.table.scan_page(after).await.unwrap();
        pages.push(items.len());
        read.extend(items.into_iter().map(|item| from_item::<Task>(item).unwrap().name));
        after = more_after;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [100, 100, 40]);
    assert_eq!(read.len(), 240);
    assert_eq!(read.into_iter().collect::<BTreeSet<_>>().len(), 240);
}

#[tokio::test]
async fn every_call_is_counted_once_as_what_it_is() {
    let world = World::with_tasks().await;
    let before = world.dynamo.calls().so_far();
    let key = task_key("a", 1);
    world.table.get::<Task>(&key).await.unwrap();
    world.table.batch_get(&[key.clone(), task_key("b", 1)]).await.unwrap();
    world.query::<Task>(&all_of("user#a")).await;
    world.names_by_state(&all_of("open")).await;
    world.table.scan_page(None).await.unwrap();
    world.insert(&task_key("c", 1), &task("c1")).await;
    Write::new(&world.dynamo, "pair")
        .insert(&world.table, &task_key("c", 2), &task("c2"), ())
        .check(&world.table, &key, &Expect::Present, ())
        .commit()
        .await
        .unwrap();
    let (reads, writes) = world.dynamo.calls().so_far();
    assert_eq!((reads - before.0, writes - before.1), (5, 2));
}
