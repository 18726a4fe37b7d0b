//! Positions and what can happen to them, as pure functions: a movement applied to a position gives the new
//! position and its ledger entry, or a refusal. Besides, the count of failed logins. Nothing here reads a clock or
//! a store.

mod hold;
mod outcome;
mod throttle;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{Amount, AssetId, Decimal, EntryId, OrderId, Price, Quantity, Timestamp, Usd};
use tradepost_user_api::{Account, AccountsError, Entry, EntryKind, Position, Settlement, Side};

use crate::UserError;

pub use outcome::{Course, OpenHold, Outcome};
pub use throttle::{AttemptId, Network, Scope, Throttle, whole_seconds};

/// A position as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    pub asset: AssetId,
    pub available: Amount,
    pub held: Amount,
    /// Dollars paid for what is held; zero for cash.
    pub cost: Decimal,
    /// Raised by every change; what a write is conditional on.
    pub version: u64,
    /// The sequence number of the newest ledger entry.
    pub seq: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// What went in and out on the last day on which something did; only for cash.
    pub day: Option<Day>,
}

/// What was deposited and withdrawn on a UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    date: NaiveDate,
    deposited: Usd,
    withdrawn: Usd,
}

/// A change to one position.
#[derive(Clone, Debug)]
pub enum Movement {
    /// Cash from outside; counted against a cap of the day where there is one.
    Deposit { amount: Usd, daily_limit: Option<Usd> },
    /// Cash to outside, within the cap of the day.
    Withdraw { amount: Usd, daily_limit: Usd },
    /// Cash for an asset.
    Pay { trade: Trade },
    /// Cash from an asset sold.
    Collect { trade: Trade },
    /// The asset bought.
    Acquire { trade: Trade },
    /// The asset sold.
    Dispose { trade: Trade },
}

/// The terms of a trade.
#[derive(Clone, Debug)]
pub struct Trade {
    pub order: OrderId,
    pub asset: AssetId,
    pub quantity: Quantity,
    pub price: Price,
    pub total: Usd,
}

/// What a movement is recorded with.
#[derive(Clone, Debug)]
pub struct Record {
    pub id: EntryId,
    pub at: Timestamp,
    pub description: Option<String>,
}

impl Holding {
    /// Nothing of an asset yet.
    pub fn empty(asset: AssetId, at: Timestamp) -> Self {
        Self {
            asset,
            available: Amount::ZERO,
            held: Amount::ZERO,
            cost: Decimal::ZERO,
            version: 0,
            seq: 0,
            created_at: at,
            updated_at: at,
            day: None,
        }
    }

    /// Available and held together.
    pub fn total(&self) -> Result<Amount, AccountsError> {
        self.available.plus(self.held).map_err(|_| AccountsError::BalanceTooLarge)
    }

    /// The position and the ledger entry after a movement. Entry time never runs backwards, whatever the clock.
    pub fn apply(&self, movement: &Movement, record: Record) -> Result<(Self, Entry), UserError> {
        let record = Record { at: record.at.max(self.updated_at), ..record };
        let mut next = self.clone();
        next.day = self.day_after(movement, record.at)?;
        let amount = movement.amount();
        if movement.adds() {
            next.available = self.available.plus(amount).map_err(|_| AccountsError::BalanceTooLarge)?;
        } else {
            next.available = self.available.minus(amount).ok_or_else(|| self.insufficient(amount))?;
        }
        next.cost = next.cost_after(self, movement)?;
        next.version += 1;
        next.seq += 1;
        next.updated_at = record.at;
        let entry = next.entry(movement, record)?;
        Ok((next, entry))
    }

    fn insufficient(&self, needed: Amount) -> AccountsError {
        match (needed.to_usd(), self.available.to_usd()) {
            (Ok(needed), Ok(available)) if self.asset == AssetId::USD => {
                AccountsError::InsufficientFunds { needed, available }
            }
            _ => AccountsError::InsufficientHoldings { asset: self.asset, needed, available: self.available },
        }
    }

    /// The sums of the day, or the refusal that a cap demands. Exactly the cap is allowed.
    fn day_after(&self, movement: &Movement, at: Timestamp) -> Result<Option<Day>, UserError> {
        let date = at.date_naive();
        let fresh = Day { date, deposited: Usd::ZERO, withdrawn: Usd::ZERO };
        let today = self.day.filter(|day| day.date == date).unwrap_or(fresh);
        match movement {
            Movement::Deposit { amount, daily_limit: Some(daily_limit) } => {
                let deposited = within(today.deposited, *amount, *daily_limit)?;
                Ok(Some(Day { deposited, ..today }))
            }
            Movement::Withdraw { amount, daily_limit } => {
                if self.available < Amount::from(*amount) {
                    return Err(self.insufficient((*amount).into()).into());
                }
                let withdrawn = within(today.withdrawn, *amount, *daily_limit)?;
                Ok(Some(Day { withdrawn, ..today }))
            }
            _ => Ok(self.day),
        }
    }

    /// The average cost method: buying adds what was paid, selling takes its share with it.
    fn cost_after(&self, before: &Self, movement: &Movement) -> Result<Decimal, AccountsError> {
        let cost = match movement {
            Movement::Acquire { trade } => before.cost.checked_add(trade.total.get()),
            Movement::Dispose { .. } => {
                let share = before.cost.checked_div(before.total()?.get());
                share.and_then(|share| share.checked_mul(self.total().ok()?.get()))
            }
            _ => Some(before.cost),
        };
        cost.map(|cost| cost.normalize()).ok_or(AccountsError::BalanceTooLarge)
    }

    /// Dollars per unit on average, to twelve places; zero when nothing is held.
    fn average_cost(&self) -> Decimal {
        let average = self.total().ok().and_then(|total| self.cost.checked_div(total.get()));
        average.unwrap_or_default().round_dp(12).normalize()
    }

    fn entry(&self, movement: &Movement, record: Record) -> Result<Entry, AccountsError> {
        let (debit, credit) = movement.accounts();
        let trade = movement.trade();
        Ok(Entry {
            id: record.id,
            seq: self.seq,
            kind: movement.kind(),
            debit,
            credit,
            amount: movement.amount(),
            balance_after: self.total()?,
            order: trade.map(|trade| trade.order.clone()),
            price: trade.map(|trade| trade.price),
            total: trade.map(|trade| trade.total),
            description: record.description.or_else(|| movement.description()),
            created_at: record.at,
        })
    }
}

fn within(so_far: Usd, amount: Usd, limit: Usd) -> Result<Usd, UserError> {
    let sum = so_far.plus(amount).map_err(|_| AccountsError::BalanceTooLarge)?;
    if sum > limit {
        return Err(UserError::DailyLimitExceeded { limit, left: limit.minus(so_far).unwrap_or(Usd::ZERO) });
    }
    Ok(sum)
}

impl Movement {
    /// The movements of cash and asset that make a trade.
    pub fn of_trade(settlement: &Settlement) -> (Self, Self) {
        let trade = Trade {
            order: settlement.order.clone(),
            asset: settlement.asset,
            quantity: settlement.quantity,
            price: settlement.price,
            total: settlement.total,
        };
        match settlement.side {
            Side::Buy => (Self::Pay { trade: trade.clone() }, Self::Acquire { trade }),
            Side::Sell => (Self::Collect { trade: trade.clone() }, Self::Dispose { trade }),
        }
    }

    fn amount(&self) -> Amount {
        match self {
            Self::Deposit { amount, .. } | Self::Withdraw { amount, .. } => (*amount).into(),
            Self::Pay { trade } | Self::Collect { trade } => trade.total.into(),
            Self::Acquire { trade } | Self::Dispose { trade } => trade.quantity.into(),
        }
    }

    fn adds(&self) -> bool {
        matches!(self, Self::Deposit { .. } | Self::Collect { .. } | Self::Acquire { .. })
    }

    fn kind(&self) -> EntryKind {
        match self {
            Self::Deposit { .. } => EntryKind::Deposit,
            Self::Withdraw { .. } => EntryKind::Withdrawal,
            Self::Pay { .. } | Self::Acquire { .. } => EntryKind::Purchase,
            Self::Collect { .. } | Self::Dispose { .. } => EntryKind::Sale,
        }
    }

    fn accounts(&self) -> (Account, Account) {
        let other = match self {
            Self::Deposit { .. } | Self::Withdraw { .. } => Account::External,
            _ => Account::House,
        };
        if self.adds() { (other, Account::User) } else { (Account::User, other) }
    }

    fn trade(&self) -> Option<&Trade> {
        match self {
            Self::Deposit { .. } | Self::Withdraw { .. } => None,
            Self::Pay { trade }
            | Self::Collect { trade }
            | Self::Acquire { trade }
            | Self::Dispose { trade } => Some(trade),
        }
    }

    fn description(&self) -> Option<String> {
        let trade = self.trade()?;
        let verb = if self.kind() == EntryKind::Purchase { "Bought" } else { "Sold" };
        Some(format!("{verb} {} {}", trade.quantity, trade.asset))
    }
}

impl From<Holding> for Position {
    fn from(holding: Holding) -> Self {
        Self {
            asset: holding.asset,
            average_cost: holding.average_cost(),
            available: holding.available,
            held: holding.held,
            created_at: holding.created_at,
            updated_at: holding.updated_at,
        }
    }
}

#[cfg(test)]
#[path = "domain_tests.rs"]
mod tests;
