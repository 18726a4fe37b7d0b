//! DynamoDB: tables, keys, reads, and [`Write`], the only way to change anything. Which engine answers (DynamoDB
//! itself, or the embedded one through the SDK's connector) nobody above can tell.

mod connect;
mod definition;
mod read;
mod write;

pub use aws_sdk_dynamodb::types::AttributeValue;
pub use connect::{Calls, Dynamo, EngineKind, StorageSettings};
pub use definition::{IndexDefinition, TableDefinition};
pub use read::{Query, Rows, SortKeys};
pub use write::{Expect, Lost, Write, WriteError};

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tradepost_problem::Outage;

/// The attributes of one item.
pub type Item = HashMap<String, AttributeValue>;

/// The name of the partition key in every table.
pub(crate) const PK: &str = "pk";
/// The name of the sort key in every table.
pub(crate) const SK: &str = "sk";
/// The attribute that names the write that last changed an item.
pub(crate) const OPERATION: &str = "op";
/// The attribute that holds the format version of an item.
const FORMAT: &str = "v";

/// The primary key of an item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The partition key.
    pub pk: String,
    /// The sort key.
    pub sk: String,
}

impl Key {
    /// A key from its two parts.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    fn of(item: &Item) -> Option<Self> {
        let part = |name| item.get(name)?.as_s().ok().cloned();
        Some(Self { pk: part(PK)?, sk: part(SK)? })
    }

    fn attributes(&self) -> Item {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

/// One table of this installation, under its full name.
#[derive(Clone)]
pub struct Table {
    dynamo: Dynamo,
    name: String,
}

impl Table {
    /// The full name, prefix included.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Reads an item into a type; attributes the type does not know are ignored.
///
/// # Errors
/// [`Outage::Internal`] when the item is not of this form.
pub fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, Outage> {
    serde_dynamo::from_item(item).map_err(|error| Outage::internal("read item", &error))
}

fn to_item<T: Serialize>(key: &Key, operation: &str, value: &T) -> Result<Item, Outage> {
    let mut item: Item =
        serde_dynamo::to_item(value).map_err(|error| Outage::internal("write item", &error))?;
    item.retain(|_, attribute| !matches!(attribute, AttributeValue::Null(_)));
    item.extend(key.attributes());
    item.insert(OPERATION.to_owned(), AttributeValue::S(operation.to_owned()));
    item.insert(FORMAT.to_owned(), AttributeValue::N("1".to_owned()));
    Ok(item)
}
