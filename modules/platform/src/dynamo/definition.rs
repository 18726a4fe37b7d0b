//! What a table is, and making it. `create-tables` and the local start read the same definitions.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use tradepost_problem::Outage;

use super::{Dynamo, PK, SK};

/// A table as its module defines it. All keys are text.
#[derive(Clone, Copy, Debug)]
pub struct TableDefinition {
    /// The name without the prefix.
    pub name: &'static str,
    /// The global secondary indexes; each projects whole items.
    pub indexes: &'static [IndexDefinition],
    /// The attribute with the Unix second after which an item is rubbish.
    pub expires_at: Option<&'static str>,
}

/// A sparse index: an item is in it while it has both attributes.
#[derive(Clone, Copy, Debug)]
pub struct IndexDefinition {
    /// The name of the index.
    pub name: &'static str,
    /// The attribute that is its partition key.
    pub pk: &'static str,
    /// The attribute that is its sort key.
    pub sk: &'static str,
}

impl TableDefinition {
    /// Makes the table unless it exists, and waits until it can be used. Answers whether it was made.
    ///
    /// # Errors
    /// [`Outage`] when the store refuses or does not answer within a minute.
    pub async fn create(&self, dynamo: &Dynamo) -> Result<bool, Outage> {
        let made = !self.is_active(dynamo).await? && self.send_create(dynamo).await?;
        for _ in 0..600 {
            if self.is_active(dynamo).await? {
                self.enable_expiry(dynamo).await?;
                return Ok(made);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Outage::storage("create table", &format!("{} did not become active", self.name)))
    }

    /// Whether the table is there and can be used.
    ///
    /// # Errors
    /// [`Outage`] when the store does not answer.
    pub async fn is_active(&self, dynamo: &Dynamo) -> Result<bool, Outage> {
        let table = dynamo.table(self.name);
        match dynamo.client.describe_table().table_name(table.name()).send().await {
            Ok(answer) => {
                let status = answer.table.and_then(|table| table.table_status);
                Ok(status == Some(TableStatus::Active))
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                Ok(false)
            }
            Err(error) => Err(super::read::outage("describe table", &error)),
        }
    }

    async fn send_create(&self, dynamo: &Dynamo) -> Result<bool, Outage> {
        let index_keys = self.indexes.iter().flat_map(|index| [index.pk, index.sk]);
        let attributes = [PK, SK].into_iter().chain(index_keys).map(attribute).collect::<Result<_, _>>()?;
        let indexes = self.indexes.iter().map(index).collect::<Result<Vec<_>, _>>()?;
        let outcome = dynamo
            .client
            .create_table()
            .table_name(dynamo.table(self.name).name())
            .set_attribute_definitions(Some(attributes))
            .set_key_schema(Some(key_schema(PK, SK)?))
            .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(true),
            // Another process was faster, or made it before we looked.
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => {
                Ok(false)
            }
            Err(error) => Err(super::read::outage("create table", &error)),
        }
    }

    async fn enable_expiry(&self, dynamo: &Dynamo) -> Result<(), Outage> {
        let Some(name) = self.expires_at else { return Ok(()) };
        let table = dynamo.table(self.name);
        let present = dynamo.client.describe_time_to_live().table_name(table.name()).send().await;
        let present = present.map_err(|error| super::read::outage("describe expiry", &error))?;
        let is_off = |status: &TimeToLiveStatus| *status == TimeToLiveStatus::Disabled;
        let status = present.time_to_live_description.and_then(|expiry| expiry.time_to_live_status);
        if !status.as_ref().is_none_or(is_off) {
            return Ok(());
        }
        let setting = TimeToLiveSpecification::builder().attribute_name(name).enabled(true).build();
        let setting = setting.map_err(|error| Outage::internal("expiry", &error))?;
        let request =
            dynamo.client.update_time_to_live().table_name(table.name()).time_to_live_specification(setting);
        request.send().await.map(|_| ()).map_err(|error| super::read::outage("enable expiry", &error))
    }
}

fn attribute(name: &str) -> Result<AttributeDefinition, Outage> {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(ScalarAttributeType::S)
        .build()
        .map_err(|error| Outage::internal("table definition", &error))
}

fn key_schema(pk: &str, sk: &str) -> Result<Vec<KeySchemaElement>, Outage> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    [element(pk, KeyType::Hash), element(sk, KeyType::Range)]
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| Outage::internal("table definition", &error))
}

fn index(definition: &IndexDefinition) -> Result<GlobalSecondaryIndex, Outage> {
    GlobalSecondaryIndex::builder()
        .index_name(definition.name)
        .set_key_schema(Some(key_schema(definition.pk, definition.sk)?))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .map_err(|error| Outage::internal("table definition", &error))
}
