//! The store of a platform under test: an engine in memory, or tables of its own at the endpoint that the variable
//! `TRADEPOST_TEST_ENDPOINT` names.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tradepost::modules;
use tradepost_kernel::{Clock, SystemClock};
use tradepost_platform::dynamo::{Dynamo, StorageSettings, TableDefinition};

use crate::deployment::config;

/// What an engine that knows nobody is told.
const NOBODY: &str = "tradepost";

/// How often a table is asked for.
const ATTEMPTS: usize = 5;

/// Tables that are still to be deleted.
static LEFT: Mutex<Vec<Tables>> = Mutex::new(Vec::new());

/// Where the store under test is, if it is not to be one of the tests' own.
#[expect(
    clippy::disallowed_methods,
    reason = "says where the store under test is, which is no setting of it"
)]
pub fn endpoint() -> Option<String> {
    std::env::var("TRADEPOST_TEST_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the AWS chain reads it, and must not be talked over")]
fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// A store with the tables of one platform.
pub struct Store {
    pub dynamo: Dynamo,
    /// What the processes of the platform must be told to find it.
    pub keys: BTreeMap<String, String>,
    tables: Option<Tables>,
}

/// The tables of one platform in a store that others share.
#[derive(Clone)]
struct Tables {
    client: Client,
    names: Vec<String>,
}

impl Store {
    /// An engine in memory, in this process.
    pub fn in_memory() -> Self {
        let (dynamo, _) = modules::embedded::in_memory(&config(&BTreeMap::new())).unwrap();
        Self { dynamo, keys: BTreeMap::new(), tables: None }
    }

    /// Whatever a test connects to; only for platforms in this process.
    pub fn of_test(dynamo: Dynamo) -> Self {
        Self { dynamo, keys: BTreeMap::new(), tables: None }
    }

    /// Makes tables with a prefix of their own in a store elsewhere; they are deleted when this is dropped.
    pub async fn at(endpoint: &str) -> Self {
        let keys = keys(endpoint);
        let config = config(&keys);
        let dynamo = Dynamo::connect(&config.storage).await;
        let definitions = modules::tables(&config).unwrap();
        let names = definitions.iter().map(|table| dynamo.table(table.name).name().to_owned()).collect();
        let tables = Tables { client: client(&config.storage).await, names };
        LEFT.lock().unwrap().push(tables.clone());
        let mut making = JoinSet::new();
        for table in definitions {
            let dynamo = dynamo.clone();
            making.spawn(async move { make(&table, &dynamo).await });
        }
        making.join_all().await;
        Self { dynamo, keys, tables: Some(tables) }
    }
}

/// Makes a table, as a server would: an engine that has much to do may not answer at once.
async fn make(table: &TableDefinition, dynamo: &Dynamo) {
    for _ in 0..ATTEMPTS {
        if table.create(dynamo).await.is_ok() {
            return;
        }
    }
    panic!("the store does not make the table {}", table.name);
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(tables) = self.tables.take() {
            crate::world::spawn(async move { tables.delete().await });
        }
    }
}

impl Tables {
    async fn delete(&self) {
        let mut is_gone = true;
        for name in &self.names {
            is_gone &= match self.client.delete_table().table_name(name).send().await {
                Ok(_) => true,
                Err(error) => error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()),
            };
        }
        if is_gone {
            LEFT.lock().unwrap().retain(|tables| tables.names != self.names);
        }
    }
}

/// Deletes what tables are left, at the end of a run, and says which ones could not be deleted.
pub async fn clean_up() {
    let left = LEFT.lock().unwrap().clone();
    for tables in left {
        tables.delete().await;
    }
    for tables in LEFT.lock().unwrap().iter() {
        eprintln!("These tables could not be deleted: {}", tables.names.join(", "));
    }
}

/// The settings of a platform on tables at this endpoint. Region and credentials come from the settings or from AWS's
/// own variables, or are made up: an engine that is no AWS asks for some, and any will do.
fn keys(endpoint: &str) -> BTreeMap<String, String> {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let (time, process) = (SystemClock.now().timestamp(), std::process::id());
    let prefix = format!("test_{time}_{process}_{}_", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut keys = vec![("engine", "dynamodb"), ("endpoint", endpoint), ("table_prefix", &prefix)];
    let given = config(&BTreeMap::new()).storage;
    if given.region.is_empty() && !is_set("AWS_REGION") && !is_set("AWS_PROFILE") {
        keys.push(("region", "us-east-1"));
    }
    let has_credentials = !given.access_key_id.expose_secret().is_empty();
    if !has_credentials && !is_set("AWS_ACCESS_KEY_ID") && !is_set("AWS_PROFILE") {
        keys.extend([("access_key_id", NOBODY), ("secret_access_key", NOBODY)]);
    }
    keys.into_iter().map(|(key, value)| (format!("storage.{key}"), value.to_owned())).collect()
}

/// A client that can delete tables, which the platform's own cannot.
async fn client(settings: &StorageSettings) -> Client {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(&settings.endpoint);
    if !settings.region.is_empty() {
        loader = loader.region(Region::new(settings.region.clone()));
    }
    let (id, secret) = (settings.access_key_id.expose_secret(), settings.secret_access_key.expose_secret());
    if !id.is_empty() {
        loader = loader.credentials_provider(Credentials::new(id, secret, None, None, "settings"));
    }
    Client::new(&loader.load().await)
}
