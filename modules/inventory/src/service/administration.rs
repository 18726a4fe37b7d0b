//! What administrators do with the catalog. Each change is recorded with who made it, in the same write, and every
//! process shows it after its next look at the table; this one at once.

use std::sync::Arc;

use tradepost_kernel::{AssetId, EntryId, Timestamp};
use tradepost_problem::Outage;

use super::Inventory;
use crate::InventoryError;
use crate::domain::{Amendment, Change, Custom, Terms, Unchangeable};
use crate::entry::Entry;
use crate::store::{AuditEvent, AuditPlace, Store};

/// How often a change is tried again that somebody else's change overtook.
const MOST_RACES: usize = 5;

impl Inventory {
    /// Changes an asset, on behalf of the administrator of this name, and answers how it is shown now. A change that
    /// changes nothing is not recorded.
    ///
    /// # Errors
    /// A refusal; or [`InventoryError::Outage`], after which it is not known whether it was changed.
    pub async fn change(
        &self,
        asset: AssetId,
        change: Change,
        by: &str,
    ) -> Result<Arc<Entry>, InventoryError> {
        let store = self.store()?;
        let _turn = self.changing.lock().await;
        for _ in 0..MOST_RACES {
            let head = store.catalog_head().await?;
            self.take_amendments(store, head.map_or(0, |head| head.revision)).await?;
            let before = self.known().amendments.get(&asset).cloned();
            self.check(asset, &change)?;
            let at = self.clock.now();
            let known = before.as_deref().cloned().unwrap_or_else(|| Amendment::none(asset));
            let after = self.priced_by_hand(known.clone(), &change, at);
            let after = after.with(&change, at).map_err(|why| refused(asset, why))?;
            if after != known {
                let event = event(&change, before.as_deref(), after, by, at);
                let Some(head) = store.amend(head.as_ref(), &event).await? else { continue };
                tracing::info!(target: "audit", by, %asset, action = event.action, event = %event.id, "catalog changed");
                self.take_amendments(store, head.revision).await?;
            }
            return self.shown(asset);
        }
        Err(Outage::busy("change catalog").into())
    }

    /// What administrators did, the newest first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn audit(
        &self,
        before: Option<&AuditPlace>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, InventoryError> {
        Ok(self.store()?.audit(before, limit).await?)
    }

    /// The price of an asset that no feed prices is an administrator's to set.
    fn priced_by_hand(&self, known: Amendment, change: &Change, at: Timestamp) -> Amendment {
        let Change::Set(Terms { price: Some(price), .. }) = change else { return known };
        match self.shown(known.asset) {
            Ok(entry) if entry.quote.is_none() => {
                let custom = Custom { name: entry.asset.name.clone(), price: *price, priced_at: at };
                Amendment { custom: Some(custom), ..known }
            }
            _ => known,
        }
    }

    fn check(&self, asset: AssetId, change: &Change) -> Result<(), InventoryError> {
        match (self.shown(asset), change) {
            (Ok(_), Change::Add { .. }) => Err(InventoryError::AssetExists(asset)),
            (Err(_), Change::Add { .. }) | (Ok(_), _) => Ok(()),
            (Err(error), _) => Err(error),
        }
    }

    fn shown(&self, asset: AssetId) -> Result<Arc<Entry>, InventoryError> {
        self.snapshot().get(asset).cloned().ok_or(InventoryError::AssetNotFound(asset))
    }

    fn store(&self) -> Result<&Store, Outage> {
        self.store.as_ref().ok_or_else(|| Outage::internal("change catalog", &"this process has no store"))
    }
}

fn refused(asset: AssetId, why: Unchangeable) -> InventoryError {
    match why {
        Unchangeable::PriceOfFeed => InventoryError::PriceOfFeed(asset),
        Unchangeable::Limits { min, max } => InventoryError::LimitsCrossed { asset, min, max },
    }
}

fn event(
    change: &Change,
    before: Option<&Amendment>,
    after: Amendment,
    by: &str,
    at: Timestamp,
) -> AuditEvent {
    AuditEvent {
        id: EntryId::generate().to_string(),
        at,
        by: by.to_owned(),
        action: change.name().to_owned(),
        asset: after.asset,
        before: before.cloned(),
        after,
    }
}
