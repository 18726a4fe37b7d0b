//! What the proof of the books reads.

use tradepost_kernel::{AssetId, OrderId, UserId};
use tradepost_platform::dynamo::{Dynamo, Item, Key, Rows, from_item};
use tradepost_problem::Outage;
use tradepost_user_api::Entry;

use super::TABLE;
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

/// An item of the `users` table that matters for the proof of the books.
#[derive(Debug)]
pub struct LedgerRecord {
    /// Whose.
    pub user: UserId,
    /// What.
    pub stored: Stored,
}

/// The items that matter for the proof of the books.
#[derive(Debug)]
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
                let stored =
                    Stored::Position { asset: holding.asset, total, held: holding.held, seq: holding.seq };
                (user, stored)
            }
            (Some(("U", user)), Some(("S", order))) => {
                let (user, order) = (user.to_owned(), order.parse().map_err(|_| broken())?);
                (user, Stored::Outcome { order, outcome: from_item(item)? })
            }
            _ => return Ok(None),
        };
        Ok(Some(Self { user: user.parse().map_err(|_| broken())?, stored }))
    }
}
