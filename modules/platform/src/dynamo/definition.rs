//! What a table is, and making it. `create-tables` and the local start read the same definitions.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
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

/// What there is of a table.
enum Found {
    Nothing,
    /// It lacks an index that was defined after it was made.
    Lacks(IndexDefinition),
    /// It, or one of its indexes, is being made.
    Unready,
    Ready,
}

impl TableDefinition {
    /// Makes the table unless it exists, adds the indexes it lacks, and waits until all can be used. Answers
    /// whether the table was made.
    ///
    /// # Errors
    /// [`Outage`] when the store refuses or does not answer within ten minutes: a large table takes long to index.
    pub async fn create(&self, dynamo: &Dynamo) -> Result<bool, Outage> {
        let mut made = false;
        for _ in 0..6_000 {
            match self.look(dynamo).await? {
                Found::Nothing => made |= self.send_create(dynamo).await?,
                Found::Lacks(index) => self.send_index(dynamo, &index).await?,
                Found::Unready => tokio::time::sleep(Duration::from_millis(100)).await,
                Found::Ready => {
                    self.enable_expiry(dynamo).await?;
                    return Ok(made);
                }
            }
        }
        Err(Outage::storage("create table", &format!("{} did not become active", self.name)))
    }

    /// Whether the table is there, with all its indexes, and can be used.
    ///
    /// # Errors
    /// [`Outage`] when the store does not answer.
    pub async fn is_active(&self, dynamo: &Dynamo) -> Result<bool, Outage> {
        Ok(matches!(self.look(dynamo).await?, Found::Ready))
    }

    async fn look(&self, dynamo: &Dynamo) -> Result<Found, Outage> {
        let table = dynamo.table(self.name);
        let description = match dynamo.client.describe_table().table_name(table.name()).send().await {
            Ok(answer) => answer.table,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                return Ok(Found::Nothing);
            }
            Err(error) => return Err(super::read::outage("describe table", &error)),
        };
        let Some(table) = description.filter(|table| table.table_status == Some(TableStatus::Active)) else {
            return Ok(Found::Unready);
        };
        let indexes = table.global_secondary_indexes();
        // Only one index may be in the making at a time.
        if indexes.iter().any(|index| index.index_status != Some(IndexStatus::Active)) {
            return Ok(Found::Unready);
        }
        let exists = |wanted: &IndexDefinition| {
            indexes.iter().any(|index| index.index_name.as_deref() == Some(wanted.name))
        };
        Ok(self
            .indexes
            .iter()
            .find(|index| !exists(index))
            .map_or(Found::Ready, |index| Found::Lacks(*index)))
    }

    async fn send_index(&self, dynamo: &Dynamo, definition: &IndexDefinition) -> Result<(), Outage> {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .index_name(definition.name)
            .set_key_schema(Some(key_schema(definition.pk, definition.sk)?))
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build()
            .map_err(|error| Outage::internal("table definition", &error))?;
        let request = dynamo
            .client
            .update_table()
            .table_name(dynamo.table(self.name).name())
            .attribute_definitions(attribute(definition.pk)?)
            .attribute_definitions(attribute(definition.sk)?)
            .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build());
        match request.send().await {
            Ok(_) => {
                tracing::info!(table = self.name, index = definition.name, "added an index");
                Ok(())
            }
            // Another process was faster, if the index is there now.
            Err(error) => match self.look(dynamo).await? {
                Found::Lacks(index) if index.name == definition.name => {
                    Err(super::read::outage("add index", &error))
                }
                _ => Ok(()),
            },
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
