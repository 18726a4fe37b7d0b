//! Reading the books: all of them, or those of one user.

use tradepost_kernel::{AssetId, UserId};
use tradepost_order::{OrderRecord, order_records, order_records_of};
use tradepost_platform::dynamo::Dynamo;
use tradepost_user::{LedgerRecord, records, records_of};

use super::Books;
use crate::StartError;

/// All books. Orders first: an order is pending before it is settled, so a settlement that is read has its order here,
/// or is newer than the reading.
pub async fn all(dynamo: &Dynamo) -> Result<Books, StartError> {
    let (mut books, mut after) = (Books::default(), None);
    loop {
        let rows = order_records(dynamo, after).await?;
        rows.items.into_iter().for_each(|record| books.add_order(record));
        after = rows.more_after;
        if after.is_none() {
            break;
        }
    }
    loop {
        let rows = records(dynamo, after).await?;
        rows.items.into_iter().for_each(|record| books.add(record));
        after = rows.more_after;
        if after.is_none() {
            return Ok(books);
        }
    }
}

/// The books of one user, as they were read.
#[derive(PartialEq)]
pub struct Reading {
    orders: Vec<OrderRecord>,
    accounts: Vec<LedgerRecord>,
}

/// The books of one user.
pub async fn of(dynamo: &Dynamo, user: UserId, assets: &[AssetId]) -> Result<Reading, StartError> {
    let orders = order_records_of(dynamo, user).await?;
    let accounts = records_of(dynamo, user, assets.iter().copied()).await?;
    Ok(Reading { orders, accounts })
}

impl Reading {
    pub fn into_books(self) -> Books {
        let mut books = Books::default();
        self.orders.into_iter().for_each(|record| books.add_order(record));
        self.accounts.into_iter().for_each(|record| books.add(record));
        books
    }
}
