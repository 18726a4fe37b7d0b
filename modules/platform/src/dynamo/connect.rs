//! The client, its settings, and the count of what it was asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::Table;
use crate::settings::one_of;

/// Which engine stores the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// The engine inside this process, with a file in the data folder.
    Embedded,
    /// DynamoDB, or whatever speaks its protocol at `endpoint`.
    Dynamodb,
}

/// The section `[storage]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSettings {
    /// Which engine stores the data.
    #[serde(deserialize_with = "one_of")]
    pub engine: EngineKind,
    /// Allows the embedded engine in production.
    pub embedded_in_production: bool,
    /// Whether a server makes the tables that its store lacks; with the embedded engine it always does.
    pub create_tables: bool,
    /// Put before every table name, so that installations can share an account.
    pub table_prefix: String,
    /// The AWS region; empty takes it from the usual AWS chain.
    pub region: String,
    /// Another endpoint than the region's own; empty for AWS.
    pub endpoint: String,
    /// The access key id; empty takes the credentials from the usual AWS chain.
    pub access_key_id: SecretString,
    /// The secret access key that goes with it.
    pub secret_access_key: SecretString,
}

impl StorageSettings {
    /// Checks what one setting demands of another.
    ///
    /// # Errors
    /// A sentence that names the keys that are wrong.
    pub fn check(&self) -> Result<(), String> {
        let is_empty = |secret: &SecretString| secret.expose_secret().is_empty();
        if is_empty(&self.access_key_id) != is_empty(&self.secret_access_key) {
            return Err("storage.access_key_id and storage.secret_access_key go together.".to_owned());
        }
        Ok(())
    }

    /// None where they come from the usual AWS chain.
    fn credentials(&self) -> Option<Credentials> {
        let (id, secret) = (self.access_key_id.expose_secret(), self.secret_access_key.expose_secret());
        (!id.is_empty()).then(|| Credentials::new(id, secret, None, None, "settings"))
    }
}

/// How often the store was asked, for the budgets of the hot paths.
#[derive(Debug, Default)]
pub struct Calls {
    reads: AtomicU64,
    writes: AtomicU64,
    is_write_failing: AtomicBool,
}

impl Calls {
    /// Reads and writes so far.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        (self.reads.load(Ordering::Relaxed), self.writes.load(Ordering::Relaxed))
    }
}

/// A connection to the store. Cheap to clone.
#[derive(Clone)]
pub struct Dynamo {
    pub(super) client: Client,
    prefix: String,
    calls: Arc<Calls>,
}

impl Dynamo {
    /// Connects to an engine inside this process through its connector; nothing is signed.
    #[must_use]
    pub fn in_process(connector: SharedHttpClient, prefix: &str) -> Self {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("local"))
            .http_client(connector)
            .endpoint_url("http://in-process")
            .allow_no_auth()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts())
            .build();
        Self::with(Client::from_conf(config), prefix)
    }

    /// Connects to DynamoDB, with region and credentials from the usual AWS chain where the settings give none.
    pub async fn connect(settings: &StorageSettings) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts());
        if !settings.region.is_empty() {
            loader = loader.region(Region::new(settings.region.clone()));
        }
        if !settings.endpoint.is_empty() {
            loader = loader.endpoint_url(&settings.endpoint);
        }
        if let Some(credentials) = settings.credentials() {
            loader = loader.credentials_provider(credentials);
        }
        Self::with(Client::new(&loader.load().await), &settings.table_prefix)
    }

    fn with(client: Client, prefix: &str) -> Self {
        Self { client, prefix: prefix.to_owned(), calls: Arc::default() }
    }

    /// A table by the name its module gave it.
    #[must_use]
    pub fn table(&self, name: &str) -> Table {
        Table { dynamo: self.clone(), name: format!("{}{name}", self.prefix) }
    }

    /// What this connection was asked so far.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Whether the last write got no answer or an error, as it does while the disk is full.
    #[must_use]
    pub fn is_write_failing(&self) -> bool {
        self.calls.is_write_failing.load(Ordering::Relaxed)
    }

    pub(super) fn note_write(&self, failed: bool) {
        self.calls.is_write_failing.store(failed, Ordering::Relaxed);
    }

    pub(super) fn count_read(&self, operation: &'static str) {
        self.calls.reads.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("tradepost_storage_calls_total", "operation" => operation).increment(1);
    }

    pub(super) fn count_write(&self, operation: &'static str) {
        self.calls.writes.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("tradepost_storage_calls_total", "operation" => operation).increment(1);
    }
}

/// The SDK's own retries are off: they would repeat a conditional write that was applied and report it as
/// refused. [`Write`](super::Write) repeats what may be repeated.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_secs(3))
        .build()
}
