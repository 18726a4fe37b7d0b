//! What `reconcile` finds: nothing in books that are right, also while they change; and whatever is wrong in books
//! that somebody has tampered with, with the id of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tradepost::modules::prove;
use tradepost_platform::dynamo::{AttributeValue, Expect, Key, Write, from_item};
use tradepost_testkit::{Answer, Setup, Shape, User, World, block_on};

const ORDERS: &str = "/api/v1/orders";

async fn keyed(user: &User, method: Method, path: &str, key: &str, body: Value) -> Answer {
    user.client.send(user.request(method, path).header("Idempotency-Key", key).json(&body)).await
}

fn order(order_type: &str, price: &str) -> Value {
    json!({ "order_type": order_type, "asset_id": "SOL", "quantity": "0.5", "price": price })
}

/// Somebody who has done a bit of everything: cash in and out, a trade, an open, a cancelled and a refused order, most
/// of it under keys.
async fn busy_user(world: &World) -> User {
    let user = world.new_user().await;
    let cash = |amount: &str| json!({ "amount": amount });
    keyed(&user, Method::POST, "/api/v1/balance/deposit", "in", cash("1000")).await.expect(201);
    keyed(&user, Method::POST, "/api/v1/balance/withdraw", "out", cash("1")).await.expect(201);
    keyed(&user, Method::POST, "/api/v1/balance/withdraw", "much", cash("5000")).await.expect(422);
    keyed(&user, Method::POST, ORDERS, "buy", order("market_buy", "1")).await.expect(201);
    let mut open = order("limit_buy", "5");
    open["client_order_id"] = json!("mine");
    keyed(&user, Method::POST, ORDERS, "wait", open).await.expect(201);
    let cancelled = user.post(ORDERS, &order("limit_buy", "6")).await.expect(201).field("data.order_id");
    keyed(&user, Method::DELETE, &format!("{ORDERS}/{cancelled}"), "end", json!({})).await.expect(200);
    keyed(&user, Method::POST, ORDERS, "small", order("limit_buy", "0.01")).await.expect(422);
    user
}

/// An item, as it is kept.
struct Item {
    table: &'static str,
    key: Key,
    fields: Value,
}

/// The items of one user, of which the sort key starts like this and a test holds.
async fn items(
    world: &World,
    table: &'static str,
    pk: &str,
    sk: &str,
    is_wanted: fn(&Value) -> bool,
) -> Vec<Item> {
    let all = world.store().table(table).partition(pk).await.unwrap();
    let text = |value: &AttributeValue| value.as_s().unwrap().clone();
    let item = |item: std::collections::HashMap<String, AttributeValue>| {
        let key = Key::new(text(&item["pk"]), text(&item["sk"]));
        (text(&item["sk"]), Item { table, key, fields: from_item(item).unwrap() })
    };
    let of_kind =
        all.into_iter().map(item).filter(|(found, item)| found.starts_with(sk) && is_wanted(&item.fields));
    of_kind.map(|(_, item)| item).collect()
}

async fn put(world: &World, item: &Item, fields: &Value) {
    let table = world.store().table(item.table);
    Write::new(world.store(), "tampered")
        .put(&table, &item.key, fields, &Expect::Present, ())
        .commit()
        .await
        .unwrap();
}

async fn wrong(world: &World) -> Vec<String> {
    let report = prove(world.store()).await.unwrap().to_string();
    report.lines().filter_map(|line| line.strip_prefix("WRONG: ")).map(str::to_owned).collect()
}

/// Something to tamper with, and what must be said of it.
struct Tampering {
    table: &'static str,
    pk: &'static str,
    sk: &'static str,
    is_wanted: fn(&Value) -> bool,
    change: fn(&mut Value),
    says: &'static str,
}

const fn tampering(
    (table, pk, sk): (&'static str, &'static str, &'static str),
    is_wanted: fn(&Value) -> bool,
    change: fn(&mut Value),
    says: &'static str,
) -> Tampering {
    Tampering { table, pk, sk, is_wanted, change, says }
}

const POSITION: (&str, &str, &str) = ("users", "U#", "P#USD");
const ENTRY: (&str, &str, &str) = ("users", "L#", "");
const OUTCOME: (&str, &str, &str) = ("users", "U#", "S#");
const CASH_KEY: (&str, &str, &str) = ("users", "U#", "I#");
const ORDER: (&str, &str, &str) = ("orders", "U#", "O#");
const CLIENT_ORDER_ID: (&str, &str, &str) = ("orders", "U#", "C#");
const ORDER_KEY: (&str, &str, &str) = ("orders", "U#", "I#");

fn any(_: &Value) -> bool {
    true
}

fn is_answered(item: &Value, status: u16) -> bool {
    item["answer"]["status"] == status
}

const ALL: &[Tampering] = &[
    tampering(POSITION, any, |item| item["available"] = json!("1000000"), "entries sum to"),
    tampering(POSITION, any, |item| item["held"] = json!("0.01"), "open holds sum to"),
    tampering(ENTRY, |item| item["seq"] == 1, |item| item["seq"] = json!(7), "is missing"),
    tampering(ENTRY, |item| item["seq"] == 2, |item| item["balance_after"] = json!("1"), "is left"),
    tampering(ENTRY, |item| item["seq"] == 2, |item| item["amount"] = json!("2"), "is left"),
    tampering(ENTRY, |item| item["seq"] == 3, |item| item["total"] = json!("1.00"), "are not its trade"),
    tampering(
        OUTCOME,
        |item| item["outcome"] == "settled",
        |item| item["outcome"] = json!("released"),
        "its money is",
    ),
    tampering(
        OUTCOME,
        |item| item["outcome"] == "held",
        |item| item["amount"] = json!("1"),
        "open holds sum to",
    ),
    tampering(
        ORDER,
        |item| item["status"] == "open",
        |item| item["status"] = json!("cancelled"),
        "it is cancelled",
    ),
    tampering(
        ORDER,
        |item| item["status"] == "cancelled",
        |item| item["status"] = json!("open"),
        "it is open",
    ),
    tampering(
        ORDER,
        |item| item["status"] == "completed",
        |item| item["status"] = json!("failed"),
        "it is failed",
    ),
    tampering(
        ORDER,
        |item| item["status"] == "completed",
        |item| item["total"] = json!("1.00"),
        "are not its trade",
    ),
    tampering(
        ORDER,
        |item| item["status"] == "open",
        |item| item["work_pk"] = json!("WORK#dead"),
        "nobody can finish",
    ),
    tampering(
        ORDER,
        |item| item["status"] == "open",
        |item| item["client_order_id"] = json!("yours"),
        "client order id",
    ),
    tampering(
        CLIENT_ORDER_ID,
        any,
        |item| item["order_id"] = json!("019a0c1e-5b7a-7c3e"),
        "no order that has it",
    ),
    tampering(CASH_KEY, |item| is_answered(item, 201), |item| item["work"] = json!("x"), "does not answer"),
    tampering(
        CASH_KEY,
        |item| is_answered(item, 201),
        |item| item["answer"]["status"] = json!(422),
        "does not answer",
    ),
    tampering(
        CASH_KEY,
        |item| is_answered(item, 422),
        |item| item["answer"]["status"] = json!(201),
        "does not answer",
    ),
    tampering(CASH_KEY, any, |item| item["answer"] = Value::Null, "does not answer"),
    tampering(
        ORDER_KEY,
        |item| is_answered(item, 201),
        |item| item["work"] = json!("019a0c1e-5b7a"),
        "does not answer",
    ),
    tampering(
        ORDER_KEY,
        |item| is_answered(item, 201),
        |item| item["answer"] = Value::Null,
        "does not answer",
    ),
    tampering(
        ORDER_KEY,
        |item| is_answered(item, 200),
        |item| item["answer"] = Value::Null,
        "does not answer",
    ),
    tampering(
        ORDER_KEY,
        |item| is_answered(item, 422),
        |item| item["answer"]["status"] = json!(201),
        "does not answer",
    ),
];

#[test]
fn whatever_is_tampered_with_is_found_with_its_id() {
    block_on(async {
        let world = World::shared(Shape::Monolith).await.own(Setup::default()).await;
        let user = busy_user(&world).await;
        let claims: Value = jsonwebtoken::dangerous::insecure_decode_claims(&user.token).unwrap();
        let id = claims["uid"].as_str().unwrap();
        assert_eq!(wrong(&world).await, Vec::<String>::new());
        for Tampering { table, pk, sk, is_wanted, change, says } in ALL {
            let suffix = if *pk == "L#" { "#USD" } else { "" };
            let found = items(&world, table, &format!("{pk}{id}{suffix}"), sk, *is_wanted).await;
            let item = found.first().unwrap_or_else(|| panic!("there is no {table} {sk} to say: {says}"));
            let mut fields = item.fields.clone();
            change(&mut fields);
            put(&world, item, &fields).await;
            let wrong_now = wrong(&world).await;
            assert!(
                wrong_now.iter().any(|problem| problem.contains(says)),
                "{table} {sk} {says}: {wrong_now:?}"
            );
            put(&world, item, &item.fields).await;
            assert_eq!(wrong(&world).await, Vec::<String>::new(), "{says}: restored");
        }
    });
}

#[test]
fn nothing_is_wrong_with_books_that_are_read_while_they_change() {
    block_on(async {
        let world = World::shared(Shape::Monolith).await.own(Setup::default()).await;
        let stop = Arc::new(AtomicBool::new(false));
        let mut traffic = JoinSet::new();
        for _ in 0..4 {
            let (world, stop) = (world.clone(), Arc::clone(&stop));
            traffic.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    busy_user(&world).await;
                }
            });
        }
        for _ in 0..15 {
            assert_eq!(wrong(&world).await, Vec::<String>::new());
        }
        stop.store(true, Ordering::SeqCst);
        traffic.join_all().await;
        assert_eq!(wrong(&world).await, Vec::<String>::new());
    });
}
