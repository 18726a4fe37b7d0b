//! All orders there are, for the proof of the books.

use tradepost_kernel::Page;
use tradepost_platform::dynamo::{Dynamo, Item, Key, from_item};
use tradepost_problem::Outage;

use super::row::Row;
use super::{TABLE, keys};
use crate::domain::Order;

/// A place in the sequence of all orders of all users.
#[derive(Clone, Debug)]
pub struct ScanPlace(Key);

/// An order as it is kept, with what the proof of the books needs to know besides.
pub struct OrderRecord {
    pub order: Order,
    /// Whether nobody could finish it in many attempts.
    pub is_dead: bool,
}

/// All orders of all users, a page at a time and in no particular order. For proofs and administration, never
/// on a request path.
///
/// # Errors
/// [`Outage`] when the store does not answer, or an order is not of this form.
pub async fn orders_page(
    dynamo: &Dynamo,
    after: Option<ScanPlace>,
) -> Result<Page<OrderRecord, ScanPlace>, Outage> {
    let rows = dynamo.table(TABLE.name).scan_page(after.map(|place| place.0)).await?;
    let orders = rows.items.into_iter().filter(is_order).map(from_item::<Row>);
    let record = |row: Row| OrderRecord { is_dead: row.is_dead(), order: row.order };
    let items = orders.map(|row| row.map(record)).collect::<Result<_, _>>()?;
    Ok(Page { items, next: rows.more_after.map(ScanPlace) })
}

fn is_order(item: &Item) -> bool {
    let sk = item.get("sk").and_then(|sk| sk.as_s().ok());
    sk.is_some_and(|sk| sk.starts_with(keys::ORDER))
}
