//! A trade, as the ledger of an asset has it.

use tradepost_kernel::{Amount, OrderId, Price, Timestamp, Usd};
use tradepost_user_api::{Entry, EntryKind, Side};

/// An asset bought or sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    pub side: Side,
    pub quantity: Amount,
    pub price: Price,
    pub total: Usd,
    pub order: OrderId,
    pub at: Timestamp,
}

impl Trade {
    /// The trade behind a ledger entry, or `None` if the asset came or went in another way.
    pub fn of(entry: Entry) -> Option<Self> {
        let side = match entry.kind {
            EntryKind::Purchase => Side::Buy,
            EntryKind::Sale => Side::Sell,
            EntryKind::Deposit | EntryKind::Withdrawal => return None,
        };
        Some(Self {
            side,
            quantity: entry.amount,
            price: entry.price?,
            total: entry.total?,
            order: entry.order?,
            at: entry.created_at,
        })
    }
}
