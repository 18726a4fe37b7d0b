//! What the proof of the books reads.

use tradepost_kernel::{OrderId, UserId};
use tradepost_platform::dynamo::{Dynamo, Item, Key, Rows, from_item};
use tradepost_platform::idempotency::KeyUse;
use tradepost_problem::Outage;

use super::row::Row;
use super::{Claimed, TABLE, keys};
use crate::domain::Order;

/// An item of the `orders` table.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderRecord {
    /// Whose.
    pub user: UserId,
    /// What.
    pub stored: StoredOrder,
}

/// The items that matter for the proof of the books.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredOrder {
    Order {
        order: Box<Order>,
        /// Whether nobody could finish it in many attempts.
        is_dead: bool,
    },
    /// Which order has a client's id.
    ClientOrderId { id: String, order: OrderId },
    /// What an idempotency key was used for.
    KeyUse { scope: String, key_use: KeyUse },
}

/// One page of everything that matters for the proof of the books, in no particular order.
///
/// # Errors
/// [`Outage`] when the store does not answer, or holds what cannot be read.
pub async fn order_records(dynamo: &Dynamo, after: Option<Key>) -> Result<Rows<OrderRecord>, Outage> {
    let page = dynamo.table(TABLE.name).scan_page(after).await?;
    Ok(Rows { items: read(page.items)?, more_after: page.more_after })
}

/// Everything of one user that matters for the proof of the books.
///
/// # Errors
/// [`Outage`] when the store does not answer, or holds what cannot be read.
pub async fn order_records_of(dynamo: &Dynamo, user: UserId) -> Result<Vec<OrderRecord>, Outage> {
    read(dynamo.table(TABLE.name).partition(&keys::user(user)).await?)
}

fn read(items: Vec<Item>) -> Result<Vec<OrderRecord>, Outage> {
    items.into_iter().filter_map(|item| OrderRecord::of(item).transpose()).collect()
}

impl OrderRecord {
    fn of(item: Item) -> Result<Option<Self>, Outage> {
        let text =
            |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        let (pk, sk) = (text("pk"), text("sk"));
        let (Some(("U", user)), Some((kind, name))) = (pk.split_once('#'), sk.split_once('#')) else {
            return Ok(None);
        };
        let stored = match kind {
            "O" => {
                let row: Row = from_item(item)?;
                StoredOrder::Order { is_dead: row.is_dead(), order: Box::new(row.order) }
            }
            "C" => {
                let claimed: Claimed = from_item(item)?;
                StoredOrder::ClientOrderId { id: name.to_owned(), order: claimed.order_id }
            }
            "I" => StoredOrder::KeyUse { scope: name.to_owned(), key_use: from_item(item)? },
            _ => return Ok(None),
        };
        let broken = |_| Outage::internal("read item", &format!("the key {pk} {sk} is malformed"));
        Ok(Some(Self { user: user.parse().map_err(broken)?, stored }))
    }
}
