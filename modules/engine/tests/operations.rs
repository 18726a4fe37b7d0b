//! The operations an application uses, through the real SDK.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Get, KeysAndAttributes, Put, PutRequest, ReturnValuesOnConditionCheckFailure,
    TimeToLiveStatus, TransactGetItem, TransactWriteItem, WriteRequest,
};
use support::{Item, client, create_orders, get, item, number, put, text};
use tradepost_engine::Engine;

fn order(sk: &str, state: &str) -> Item {
    item([("pk", text("user#1")), ("sk", text(sk)), ("state", text(state))])
}

fn insert(order: Item) -> TransactWriteItem {
    let put = Put::builder()
        .table_name("orders")
        .set_item(Some(order))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    TransactWriteItem::builder().put(put.build().unwrap()).build()
}

async fn orders() -> aws_sdk_dynamodb::Client {
    let client = client(&Engine::in_memory().unwrap());
    create_orders(&client).await;
    client
}

#[tokio::test]
async fn tables_are_described_listed_and_deleted() {
    let client = orders().await;
    let table = client.describe_table().table_name("orders").send().await.unwrap().table.unwrap();
    assert_eq!(table.global_secondary_indexes().len(), 1);
    let ttl = client.describe_time_to_live().table_name("orders").send().await.unwrap();
    let ttl = ttl.time_to_live_description.unwrap();
    assert_eq!(ttl.time_to_live_status, Some(TimeToLiveStatus::Enabled));
    assert_eq!(client.list_tables().send().await.unwrap().table_names(), ["orders"]);
    client.delete_table().table_name("orders").send().await.unwrap();
    let gone = client.describe_table().table_name("orders").send().await.unwrap_err().into_service_error();
    assert!(gone.is_resource_not_found_exception());
}

#[tokio::test]
async fn an_item_is_put_updated_and_deleted() {
    let client = orders().await;
    put(&client, order("1", "open")).await;
    let updated = client
        .update_item()
        .table_name("orders")
        .key("pk", text("user#1"))
        .key("sk", text("1"))
        .update_expression("SET filled = :f REMOVE #s")
        .expression_attribute_names("#s", "state")
        .expression_attribute_values(":f", number(3))
        .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
        .send()
        .await
        .unwrap();
    let expected = item([("pk", text("user#1")), ("sk", text("1")), ("filled", number(3))]);
    assert_eq!(updated.attributes, Some(expected.clone()));
    assert_eq!(get(&client, "user#1", "1").await, Some(expected));
    client
        .delete_item()
        .table_name("orders")
        .key("pk", text("user#1"))
        .key("sk", text("1"))
        .send()
        .await
        .unwrap();
    assert_eq!(get(&client, "user#1", "1").await, None);
}

#[tokio::test]
async fn a_query_reads_the_table_backwards_and_the_index_sparsely() {
    let client = orders().await;
    for sk in ["1", "2", "3"] {
        put(&client, order(sk, "open")).await;
    }
    put(&client, item([("pk", text("user#1")), ("sk", text("4"))])).await;
    let query = client.query().table_name("orders");
    let newest = query
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", text("user#1"))
        .scan_index_forward(false)
        .limit(2)
        .send()
        .await
        .unwrap();
    let keys: Vec<_> = newest.items().iter().map(|item| item["sk"].clone()).collect();
    assert_eq!(keys, [text("4"), text("3")]);
    assert!(newest.last_evaluated_key.is_some());
    let open = client
        .query()
        .table_name("orders")
        .index_name("open")
        .key_condition_expression("#s = :open")
        .expression_attribute_names("#s", "state")
        .expression_attribute_values(":open", text("open"))
        .send()
        .await
        .unwrap();
    assert_eq!(open.count, 3);
    assert_eq!(client.scan().table_name("orders").send().await.unwrap().count, 4);
}

#[tokio::test]
async fn batches_write_and_read() {
    let client = orders().await;
    let write = |sk| {
        let put = PutRequest::builder().set_item(Some(order(sk, "open"))).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    let written =
        client.batch_write_item().request_items("orders", vec![write("1"), write("2")]).send().await.unwrap();
    assert!(written.unprocessed_items.unwrap_or_default().is_empty());
    let keys = ["1", "2", "3"].map(|sk| item([("pk", text("user#1")), ("sk", text(sk))]));
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys.to_vec())).build().unwrap();
    let found = client.batch_get_item().request_items("orders", wanted).send().await.unwrap();
    assert_eq!(found.responses.unwrap()["orders"].len(), 2);
}

#[tokio::test]
async fn a_transaction_writes_all_and_another_reads_them() {
    let client = orders().await;
    let write = client.transact_write_items();
    write
        .transact_items(insert(order("1", "open")))
        .transact_items(insert(order("2", "open")))
        .send()
        .await
        .unwrap();
    let read = |sk: &str| {
        let get = Get::builder().table_name("orders").key("pk", text("user#1")).key("sk", text(sk));
        TransactGetItem::builder().get(get.build().unwrap()).build()
    };
    let both = client.transact_get_items().transact_items(read("1")).transact_items(read("2")).send();
    let both: Vec<_> = both.await.unwrap().responses.unwrap().into_iter().map(|found| found.item).collect();
    assert_eq!(both, [Some(order("1", "open")), Some(order("2", "open"))]);
}

#[tokio::test]
async fn a_failed_condition_cancels_the_whole_transaction_and_returns_the_item() {
    let client = orders().await;
    put(&client, order("2", "filled")).await;
    let refused = client
        .transact_write_items()
        .transact_items(insert(order("1", "open")))
        .transact_items(insert(order("2", "open")))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = refused else {
        panic!("{refused:?}");
    };
    let reasons = cancelled.cancellation_reasons();
    assert_eq!(reasons[0].code(), Some("None"));
    assert_eq!(reasons[1].code(), Some("ConditionalCheckFailed"));
    assert_eq!(reasons[1].item(), Some(&order("2", "filled")));
    assert_eq!(get(&client, "user#1", "1").await, None);
}

#[tokio::test]
async fn a_failed_condition_on_one_item_returns_it() {
    let client = orders().await;
    put(&client, order("1", "filled")).await;
    let refused = client
        .put_item()
        .table_name("orders")
        .set_item(Some(order("1", "open")))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failure) =
        refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(failure.item(), Some(&order("1", "filled")));
}

#[tokio::test]
async fn a_client_request_token_does_not_make_a_transaction_idempotent() {
    let client = orders().await;
    let delete = Delete::builder().table_name("orders").key("pk", text("user#1")).key("sk", text("1"));
    let delete = TransactWriteItem::builder().delete(delete.build().unwrap()).build();
    for sent in 0..2 {
        put(&client, order("1", "open")).await;
        let transaction = client.transact_write_items().transact_items(delete.clone());
        transaction.client_request_token("the-same").send().await.unwrap();
        assert_eq!(get(&client, "user#1", "1").await, None, "sent {sent} times before");
    }
}

#[tokio::test]
async fn a_malformed_key_or_value_is_a_validation_exception() {
    let client = orders().await;
    let malformed = [
        item([("pk", number(1)), ("sk", text("1"))]),
        item([("pk", text("user#1"))]),
        item([("pk", text("")), ("sk", text("1"))]),
        item([("pk", text("a")), ("sk", text("1")), ("x", AttributeValue::N("ten".to_owned()))]),
        item([("pk", text("a")), ("sk", text("1")), ("x", AttributeValue::Ss(vec![]))]),
    ];
    for item in malformed {
        let put = client.put_item().table_name("orders").set_item(Some(item.clone()));
        let refused = put.send().await.unwrap_err();
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), 400, "{item:?}");
        assert_eq!(refused.code(), Some("ValidationException"), "{item:?}");
    }
}

#[tokio::test]
async fn an_operation_the_engine_does_not_have_is_unknown() {
    let client = orders().await;
    let refused = client.list_backups().send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(refused.code(), Some("UnknownOperationException"));
}

#[tokio::test]
async fn a_sweep_deletes_what_has_expired_and_nothing_else() {
    let engine = Engine::in_memory().unwrap();
    let client = client(&engine);
    create_orders(&client).await;
    let expired = || ("expires_at", number(1_600_000_000));
    for sk in 0..60 {
        put(&client, item([("pk", text("session")), ("sk", text(format!("{sk:02}"))), expired()])).await;
    }
    let far = ("expires_at", number(32_000_000_000));
    put(&client, item([("pk", text("session")), ("sk", text("later")), far])).await;
    put(&client, item([("pk", text("session")), ("sk", text("never"))])).await;
    assert_eq!(engine.sweep_ttl().await.unwrap(), 60);
    assert_eq!(client.scan().table_name("orders").send().await.unwrap().count, 2);
    assert_eq!(engine.sweep_ttl().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_at_once_lose_no_update() {
    let client = orders().await;
    let increments = (0..64).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            let update = client.update_item().table_name("orders").key("pk", text("n")).key("sk", text("n"));
            let update = update.update_expression("ADD filled :one");
            update.expression_attribute_values(":one", number(1)).send().await.unwrap();
        })
    });
    for increment in increments.collect::<Vec<_>>() {
        increment.await.unwrap();
    }
    assert_eq!(get(&client, "n", "n").await.unwrap()["filled"], number(64));
}
