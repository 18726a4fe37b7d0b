//! What administrators changed, and the record of it.

use serde::{Deserialize, Serialize};
use tradepost_kernel::{RequestId, Timestamp};
use tradepost_platform::dynamo::{Expect, Query, Rows, SortKeys, Write, WriteError};
use tradepost_problem::Outage;

use super::{Store, keys};
use crate::domain::Amendment;

/// How often the catalog was changed: one more with every change, which holds only if nobody else made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogHead {
    pub revision: u64,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// What an administrator did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditEvent {
    pub id: String,
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub action: String,
    pub asset: tradepost_kernel::AssetId,
    /// How the asset was changed before, and how it is now.
    pub before: Option<Amendment>,
    pub after: Amendment,
}

/// Where an event stands in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPlace {
    pub at: Timestamp,
    pub id: String,
}

/// Somebody else changed the catalog first.
#[derive(Clone, Copy, Debug)]
struct Overtaken;

impl Store {
    pub async fn catalog_head(&self) -> Result<Option<CatalogHead>, Outage> {
        self.table.get(&keys::catalog_head()).await
    }

    /// Everything that was ever changed.
    pub async fn amendments(&self) -> Result<Vec<Amendment>, Outage> {
        let mut query = Query {
            pk: keys::CATALOG.to_owned(),
            keys: SortKeys::Prefix(keys::AMENDMENT.to_owned()),
            newest_first: false,
            limit: 200,
            after: None,
        };
        let mut all = Vec::new();
        loop {
            let Rows { items, more_after } = self.table.query(&query).await?;
            all.extend(items);
            query.after = more_after;
            if query.after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Writes a change with the record of it, if the catalog is still as `before` says. Answers its head, if it was.
    pub async fn amend(
        &self,
        before: Option<&CatalogHead>,
        event: &AuditEvent,
    ) -> Result<Option<CatalogHead>, Outage> {
        let revision = before.map_or(1, |before| before.revision + 1);
        let head = CatalogHead { revision, changed_at: event.at };
        let expect = before.map_or(Expect::Absent, |before| Expect::number("revision", before.revision));
        // The head guards all changes: nobody else makes one while it is as it was.
        let known = if event.before.is_some() { Expect::Present } else { Expect::Absent };
        let write = Write::new(&self.dynamo, RequestId::generate().as_str())
            .put(&self.table, &keys::catalog_head(), &head, &expect, Overtaken)
            .put(&self.table, &keys::amendment(event.asset), &event.after, &known, Overtaken)
            .insert(&self.table, &keys::audit(event.at, &event.id), event, Overtaken);
        match write.commit().await {
            Ok(()) => Ok(Some(head)),
            Err(WriteError::Lost(_)) => Ok(None),
            Err(WriteError::Outage(outage)) => Err(outage),
        }
    }

    /// What administrators did before this event, the newest first; everything without one.
    pub async fn audit(&self, before: Option<&AuditPlace>, limit: usize) -> Result<Vec<AuditEvent>, Outage> {
        let (pk, keys) = (keys::AUDIT.to_owned(), SortKeys::All);
        let after = before.map(|place| keys::audit(place.at, &place.id));
        let query = Query { pk, keys, newest_first: true, limit, after };
        Ok(self.table.query(&query).await?.items)
    }
}
