//! What the proof of the books reads.

use std::collections::BTreeSet;

use tradepost_kernel::{AssetId, OrderId, UserId};
use tradepost_platform::dynamo::{Dynamo, Item, Key, Rows, from_item};
use tradepost_platform::idempotency::KeyUse;
use tradepost_problem::Outage;
use tradepost_user_api::Entry;

use super::{TABLE, keys};
use crate::domain::{Holding, Outcome};

/// One page of everything that matters for the proof of the books, in no particular order.
///
/// # Errors
/// [`Outage`] when the store does not answer, or holds what cannot be read.
pub async fn records(dynamo: &Dynamo, after: Option<Key>) -> Result<Rows<LedgerRecord>, Outage> {
    let page = dynamo.table(TABLE.name).scan_page(after).await?;
    let records = page.items.into_iter().filter_map(|item| LedgerRecord::of(item).transpose());
    Ok(Rows { items: records.collect::<Result<_, _>>()?, more_after: page.more_after })
}

/// Everything of one user that matters for the proof of the books, with the ledgers of these assets and of those that
/// the user has a position of.
///
/// # Errors
/// [`Outage`] when the store does not answer, or holds what cannot be read.
pub async fn records_of(
    dynamo: &Dynamo,
    user: UserId,
    assets: impl IntoIterator<Item = AssetId>,
) -> Result<Vec<LedgerRecord>, Outage> {
    let table = dynamo.table(TABLE.name);
    let read = async |pk: String| -> Result<Vec<LedgerRecord>, Outage> {
        let items = table.partition(&pk).await?;
        items.into_iter().filter_map(|item| LedgerRecord::of(item).transpose()).collect()
    };
    let mut records = read(keys::partition(user)).await?;
    let held = records.iter().filter_map(|record| match record.stored {
        Stored::Position { asset, .. } => Some(asset),
        _ => None,
    });
    for asset in held.chain(assets).collect::<BTreeSet<_>>() {
        records.extend(read(keys::ledger(user, asset)).await?);
    }
    Ok(records)
}

/// An item of the `users` table that matters for the proof of the books.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerRecord {
    /// Whose.
    pub user: UserId,
    /// What.
    pub stored: Stored,
}

/// The items that matter for the proof of the books.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// A position: its asset, available and held together, and the sequence number of its newest entry.
    Position {
        /// Of what.
        asset: AssetId,
        /// Available and held together.
        total: tradepost_kernel::Amount,
        /// What is held.
        held: tradepost_kernel::Amount,
        /// The sequence number of the newest entry.
        seq: u64,
        /// One more with each change.
        version: u64,
    },
    /// A ledger entry.
    Entry {
        /// Of what.
        asset: AssetId,
        /// The entry.
        entry: Box<Entry>,
    },
    /// What became of the money of an order.
    Outcome {
        /// Which order.
        order: OrderId,
        /// What became of it.
        outcome: Outcome,
    },
    /// What an idempotency key was used for.
    KeyUse {
        /// The route and the key.
        scope: String,
        /// The use.
        key_use: KeyUse,
    },
}

impl LedgerRecord {
    fn of(item: Item) -> Result<Option<Self>, Outage> {
        let text =
            |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        let (pk, sk) = (text("pk"), text("sk"));
        let broken = || Outage::internal("read item", &format!("the key {pk} {sk} is malformed"));
        let (user, stored) = match (pk.split_once('#'), sk.split_once('#')) {
            (Some(("L", ledger)), _) => {
                let (user, asset) = ledger.split_once('#').ok_or_else(broken)?;
                let asset = asset.parse().map_err(|_| broken())?;
                (user.to_owned(), Stored::Entry { asset, entry: Box::new(from_item(item)?) })
            }
            (Some(("U", user)), Some(("P", _))) => {
                let user = user.to_owned();
                let holding: Holding = from_item(item)?;
                let total = holding.total().map_err(|_| broken())?;
                let Holding { asset, held, seq, version, .. } = holding;
                (user, Stored::Position { asset, total, held, seq, version })
            }
            (Some(("U", user)), Some(("S", order))) => {
                let (user, order) = (user.to_owned(), order.parse().map_err(|_| broken())?);
                (user, Stored::Outcome { order, outcome: from_item(item)? })
            }
            (Some(("U", user)), Some(("I", scope))) => {
                let (user, scope) = (user.to_owned(), scope.to_owned());
                (user, Stored::KeyUse { scope, key_use: from_item(item)? })
            }
            _ => return Ok(None),
        };
        Ok(Some(Self { user: user.parse().map_err(|_| broken())?, stored }))
    }
}
