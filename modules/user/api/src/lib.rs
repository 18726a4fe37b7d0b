//! What the user module offers to the others: the positions of a user, setting money aside for an order and giving
//! it back, the one way to trade, and the ledger.
//!
//! Every method may be called twice with the same arguments; no answer means unknown, never refused.

mod error;
mod hold;
pub mod wire;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{
    Amount, AssetId, Decimal, EntryId, OrderId, Page, PageLimit, Price, Quantity, Timestamp, Usd, UserId,
};

pub use error::{AccountsError, PROBLEMS};
pub use hold::{Held, Hold, HoldEnd, Release};

/// The accounts of all users: cash, assets, and the ledger of every change to them.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Positions of a user, by asset id. Of an asset never held there is no position.
    ///
    /// # Errors
    /// [`AccountsError::Outage`].
    async fn positions(&self, user: UserId, which: Positions) -> Result<Vec<Position>, AccountsError>;

    /// Sets something aside for an order, so that nothing else can spend it. The first outcome for an order is its
    /// outcome for ever: a hold stays refused, and one that took place is answered the same whatever became of it.
    /// After `hold_by` an order without an outcome is refused.
    ///
    /// # Errors
    /// A refusal, which is final: [`AccountsError::HoldReleased`] of an order that was released before. Or
    /// [`AccountsError::Outage`], after which the outcome is unknown.
    async fn hold(&self, hold: Hold) -> Result<Held, AccountsError>;

    /// Gives back what is set aside for an order and answers how its hold ended, which is not how this call would
    /// have it when something else ended it first. An order of which nothing is known is released as well, so that
    /// a hold that comes later is refused.
    ///
    /// # Errors
    /// [`AccountsError::Outage`], after which the outcome is unknown.
    async fn release(&self, release: Release) -> Result<HoldEnd, AccountsError>;

    /// Exchanges cash and an asset at the price agreed, in one atomic write. The first outcome for an order,
    /// success or refusal, is its outcome for ever; nothing is priced again.
    ///
    /// From what is available: after `settle_by` an order without an outcome is refused, and a refusal is final.
    /// From a hold: what the trade leaves of it becomes available again in the same write. A refusal then leaves
    /// the hold as it is: [`AccountsError::HoldReleased`] is final, and so is the refusal of the hold itself.
    ///
    /// # Errors
    /// A refusal, or [`AccountsError::Outage`], after which the outcome is unknown.
    async fn settle(&self, settlement: Settlement) -> Result<Settled, AccountsError>;

    /// The ledger of one asset of a user, newest first, with the number of all its entries.
    ///
    /// # Errors
    /// [`AccountsError::Outage`].
    async fn ledger(&self, query: LedgerQuery) -> Result<LedgerPage, AccountsError>;
}

/// Which positions are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "which", content = "assets")]
pub enum Positions {
    /// All there are, cash included: one query.
    All,
    /// Those of these assets.
    Of(Vec<AssetId>),
}

/// What a user holds of one asset ([`AssetId::USD`] is cash).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Of what.
    pub asset: AssetId,
    /// What can be spent or sold.
    pub available: Amount,
    /// What is set aside for open orders.
    pub held: Amount,
    /// Dollars paid per unit on average, to twelve places; zero for cash and when nothing is left.
    pub average_cost: Decimal,
    /// When the asset was first held.
    pub created_at: Timestamp,
    /// When the position last changed.
    pub updated_at: Timestamp,
}

impl Position {
    /// Available and held together.
    #[must_use]
    pub fn total(&self) -> Amount {
        // Both are parts of an amount that was within bounds when it came in.
        self.available.plus(self.held).unwrap_or(self.available)
    }
}

/// Which way a trade goes, as the user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Cash for an asset.
    Buy,
    /// An asset for cash.
    Sell,
}

/// The order to exchange cash and an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Whose.
    pub user: UserId,
    /// The order that is settled; also the id that makes the call repeatable.
    pub order: OrderId,
    /// Which way.
    pub side: Side,
    /// What is bought or sold.
    pub asset: AssetId,
    /// How much of it.
    pub quantity: Quantity,
    /// Dollars per unit, as quoted at acceptance.
    pub price: Price,
    /// Dollars in all, as rounded at acceptance.
    pub total: Usd,
    /// Refused after this moment, unless it has an outcome already. Of no meaning for a settlement from a hold.
    pub settle_by: Timestamp,
    /// Where what is given away comes from.
    #[serde(default)]
    pub from: Source,
}

/// Where a settlement takes what is given away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// From what is available.
    #[default]
    Available,
    /// From what is held for the order.
    Hold,
}

/// A settlement that took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// When.
    pub at: Timestamp,
}

/// Which entries of a ledger are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerQuery {
    /// Whose.
    pub user: UserId,
    /// The ledger of which asset.
    pub asset: AssetId,
    /// Only entries that `filter` lets pass.
    pub filter: LedgerFilter,
    /// Where to start; `None` is the newest entry.
    pub place: Option<LedgerPlace>,
    /// How many entries are wanted.
    pub limit: PageLimit,
}

/// Conditions on ledger entries; those absent let everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerFilter {
    /// Only this kind.
    pub kind: Option<EntryKind>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

impl LedgerFilter {
    /// Whether everything passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A place in a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerPlace {
    /// Only entries with a smaller sequence number; `None` starts at the newest.
    pub before: Option<u64>,
    /// How many matching entries are passed over first.
    pub skip: u64,
}

/// A page of a ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LedgerPage {
    /// The entries, and where the next page starts. A filtered page may be short and still have a next one.
    pub page: Page<Entry, LedgerPlace>,
    /// The number of all entries of this ledger, whatever the filter.
    pub total: u64,
}

/// Why cash or an asset moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Cash came in from outside.
    Deposit,
    /// Cash went out.
    Withdrawal,
    /// An asset was bought: cash out, asset in.
    Purchase,
    /// An asset was sold: asset out, cash in.
    Sale,
}

/// The two sides of every transfer; the sum over all accounts of an asset is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// The user whose ledger it is.
    User,
    /// The world outside the platform.
    External,
    /// The platform, counterparty of every trade.
    House,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::External => "external",
            Self::House => "house",
        })
    }
}

/// One entry of the ledger of a user and an asset. The sequence has no gaps and time never runs backwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Unique over all ledgers.
    pub id: EntryId,
    /// 1 for the first entry of the ledger.
    pub seq: u64,
    /// Why.
    pub kind: EntryKind,
    /// Where it came from.
    pub debit: Account,
    /// Where it went.
    pub credit: Account,
    /// How much.
    pub amount: Amount,
    /// Available and held together, after the entry.
    pub balance_after: Amount,
    /// The order behind it, for trades.
    pub order: Option<OrderId>,
    /// Dollars per unit, for trades.
    pub price: Option<Price>,
    /// Dollars in all, for trades.
    pub total: Option<Usd>,
    /// What the user wrote.
    pub description: Option<String>,
    /// When.
    pub created_at: Timestamp,
}
