//! Reading: one item, a few items by key, a range of one partition. Reads are never repeated here.

use std::collections::HashMap;
use std::fmt::Debug;

use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde::de::DeserializeOwned;
use tradepost_problem::Outage;

use super::{Item, Key, PK, SK, Table, from_item};

/// Which sort keys of a partition a query reads.
#[derive(Clone, Debug)]
pub enum SortKeys {
    /// All.
    All,
    /// Those that start with a text.
    Prefix(String),
    /// Those from the first to the second, both included.
    Between(String, String),
}

/// A range of one partition, of the table (read consistently) or of an index (which may lag).
#[derive(Clone, Debug)]
pub struct Query {
    /// The partition.
    pub pk: String,
    /// The sort keys.
    pub keys: SortKeys,
    /// From the last sort key to the first.
    pub newest_first: bool,
    /// How many items are read at most.
    pub limit: usize,
    /// Starts behind this item.
    pub after: Option<Key>,
}

/// What a query read, and where the rest starts if there is more.
#[derive(Debug)]
pub struct Rows<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The last item read, if the range may go on behind it.
    pub more_after: Option<Key>,
}

impl Table {
    /// One item, read consistently.
    ///
    /// # Errors
    /// [`Outage`] when the store does not answer or the item is not of this form.
    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, Outage> {
        self.dynamo.count_read("GetItem");
        let request = self.dynamo.client.get_item().table_name(&self.name).consistent_read(true);
        let answer = request.set_key(Some(key.attributes())).send().await;
        answer.map_err(|error| outage("get item", &error))?.item.map(from_item).transpose()
    }

    /// Several items by key (100 at most), read consistently, in no particular order.
    ///
    /// # Errors
    /// [`Outage`] when the store does not answer, or not for all of them.
    pub async fn batch_get(&self, keys: &[Key]) -> Result<HashMap<Key, Item>, Outage> {
        self.dynamo.count_read("BatchGetItem");
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys.iter().map(Key::attributes).collect()))
            .consistent_read(true)
            .build()
            .map_err(|error| Outage::internal("batch get", &error))?;
        let answer = self.dynamo.client.batch_get_item().request_items(&self.name, keys).send().await;
        let answer = answer.map_err(|error| outage("batch get", &error))?;
        if answer.unprocessed_keys.is_some_and(|keys| !keys.is_empty()) {
            return Err(Outage::storage("batch get", &"some keys were not processed"));
        }
        let items = answer.responses.unwrap_or_default().remove(&self.name).unwrap_or_default();
        Ok(items.into_iter().filter_map(|item| Some((Key::of(&item)?, item))).collect())
    }

    /// A range of one partition of the table.
    ///
    /// # Errors
    /// [`Outage`] when the store does not answer or an item is not of this form.
    pub async fn query<T: DeserializeOwned>(&self, query: &Query) -> Result<Rows<T>, Outage> {
        self.run_query(query, None).await
    }

    /// A range of one partition of an index, from its start. What was just written may be missing.
    ///
    /// # Errors
    /// [`Outage`] when the store does not answer or an item is not of this form.
    pub async fn query_index<T: DeserializeOwned>(
        &self,
        index: &super::IndexDefinition,
        query: &Query,
    ) -> Result<Rows<T>, Outage> {
        self.run_query(query, Some(index)).await
    }

    /// Every item of the table, a page at a time, in no particular order. For proofs and administration, never
    /// on a request path.
    ///
    /// # Errors
    /// [`Outage`] when the store does not answer.
    pub async fn scan_page(&self, after: Option<Key>) -> Result<Rows<Item>, Outage> {
        self.dynamo.count_read("Scan");
        let request = self.dynamo.client.scan().table_name(&self.name).consistent_read(true).limit(100);
        let answer = request.set_exclusive_start_key(after.map(|key| key.attributes())).send().await;
        let answer = answer.map_err(|error| outage("scan", &error))?;
        let more_after = answer.last_evaluated_key.as_ref().and_then(Key::of);
        Ok(Rows { items: answer.items.unwrap_or_default(), more_after })
    }

    /// Every item of one partition. For proofs and administration: a partition may be large.
    ///
    /// # Errors
    /// [`Outage`] when the store does not answer.
    pub async fn partition(&self, pk: &str) -> Result<Vec<Item>, Outage> {
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let (pk, keys) = (pk.to_owned(), SortKeys::All);
            let query = Query { pk, keys, newest_first: false, limit: 1_000, after };
            let page = self.query_items(&query, None).await?;
            items.extend(page.items);
            after = page.more_after;
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    async fn run_query<T: DeserializeOwned>(
        &self,
        query: &Query,
        index: Option<&super::IndexDefinition>,
    ) -> Result<Rows<T>, Outage> {
        let Rows { items, more_after } = self.query_items(query, index).await?;
        Ok(Rows { items: items.into_iter().map(from_item).collect::<Result<_, _>>()?, more_after })
    }

    async fn query_items(
        &self,
        query: &Query,
        index: Option<&super::IndexDefinition>,
    ) -> Result<Rows<Item>, Outage> {
        if index.is_some() && query.after.is_some() {
            return Err(Outage::internal("query", &"an index is read from its start only"));
        }
        self.dynamo.count_read("Query");
        let (pk, sk) = index.map_or((PK, SK), |index| (index.pk, index.sk));
        let mut request = self
            .dynamo
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(index.map(|index| index.name.to_owned()))
            .consistent_read(index.is_none())
            .scan_index_forward(!query.newest_first)
            .limit(i32::try_from(query.limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(query.after.as_ref().map(Key::attributes))
            .expression_attribute_names("#pk", pk)
            .expression_attribute_values(":pk", AttributeValue::S(query.pk.clone()));
        let condition = match &query.keys {
            SortKeys::All => "#pk = :pk",
            SortKeys::Prefix(prefix) => {
                request = request.expression_attribute_values(":a", AttributeValue::S(prefix.clone()));
                "#pk = :pk AND begins_with(#sk, :a)"
            }
            SortKeys::Between(first, last) => {
                request = request
                    .expression_attribute_values(":a", AttributeValue::S(first.clone()))
                    .expression_attribute_values(":b", AttributeValue::S(last.clone()));
                "#pk = :pk AND #sk BETWEEN :a AND :b"
            }
        };
        if !matches!(query.keys, SortKeys::All) {
            request = request.expression_attribute_names("#sk", sk);
        }
        let answer = request.key_condition_expression(condition).send().await;
        let answer = answer.map_err(|error| outage("query", &error))?;
        let more_after = answer.last_evaluated_key.as_ref().and_then(Key::of);
        Ok(Rows { items: answer.items.unwrap_or_default(), more_after })
    }
}

/// An SDK error, logged with its whole chain.
pub(super) fn outage<E, R>(operation: &str, error: &SdkError<E, R>) -> Outage
where
    E: std::error::Error + 'static,
    R: Debug,
{
    Outage::storage(operation, &DisplayErrorContext(error))
}
