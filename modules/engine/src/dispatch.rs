//! From an operation's name and JSON to the engine's typed call and back.

use dynoxide::Database;
use dynoxide::actions::transact_write_items::{TransactWriteItemsRequest, TransactWriteItemsResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, read};
use crate::worker::Worker;

/// What DynamoDB's operations are prefixed with in the header `X-Amz-Target`.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// Performs the DynamoDB operation that a target header names.
pub(crate) async fn perform(worker: &Worker, target: &str, body: &[u8]) -> Answer {
    let Some(operation) = target.strip_prefix(TARGET_PREFIX) else { return Answer::unknown_operation() };
    match operation {
        "CreateTable" => call(worker, body, Database::create_table).await,
        "DescribeTable" => call(worker, body, Database::describe_table).await,
        "ListTables" => call(worker, body, Database::list_tables).await,
        "UpdateTable" => call(worker, body, Database::update_table).await,
        "DeleteTable" => call(worker, body, Database::delete_table).await,
        "UpdateTimeToLive" => call(worker, body, Database::update_time_to_live).await,
        "DescribeTimeToLive" => call(worker, body, Database::describe_time_to_live).await,
        "GetItem" => call(worker, body, Database::get_item).await,
        "PutItem" => call(worker, body, Database::put_item).await,
        "UpdateItem" => call(worker, body, Database::update_item).await,
        "DeleteItem" => call(worker, body, Database::delete_item).await,
        "Query" => call(worker, body, Database::query).await,
        "Scan" => call(worker, body, Database::scan).await,
        "BatchGetItem" => call(worker, body, Database::batch_get_item).await,
        "BatchWriteItem" => call(worker, body, Database::batch_write_item).await,
        "TransactWriteItems" => call(worker, body, transact_write_items).await,
        "TransactGetItems" => call(worker, body, Database::transact_get_items).await,
        _ => Answer::unknown_operation(),
    }
}

/// Reads the request and writes the answer on the caller's thread, so that the engine's does only what it
/// alone can.
async fn call<Request, Response>(
    worker: &Worker,
    body: &[u8],
    operation: impl FnOnce(&Database, Request) -> dynoxide::Result<Response> + Send + 'static,
) -> Answer
where
    Request: DeserializeOwned + Send + 'static,
    Response: Serialize + Send + 'static,
{
    let request = match read(body) {
        Ok(request) => request,
        Err(error) => return Answer::error(&error),
    };
    match worker.run(move |database| operation(database, request)).await {
        Ok(Ok(response)) => Answer::success(&response),
        Ok(Err(error)) => Answer::error(&error),
        Err(_) => Answer::internal("The storage engine gave no answer; its log says why."),
    }
}

/// The SDK puts a token of its own making into every transaction. The engine would keep each for ten minutes
/// and walk through all of them at every call, for an idempotency that does not survive a restart.
fn transact_write_items(
    database: &Database,
    mut request: TransactWriteItemsRequest,
) -> dynoxide::Result<TransactWriteItemsResponse> {
    request.client_request_token = None;
    database.transact_write_items(request)
}
