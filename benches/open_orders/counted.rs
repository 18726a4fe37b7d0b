//! The real accounts, with a count of the trades they settle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tradepost_kernel::UserId;
use tradepost_user_api::{
    Accounts, AccountsError, Held, Hold, HoldEnd, LedgerPage, LedgerQuery, Position, Positions, Release,
    Settled, Settlement,
};

pub struct Counted {
    pub accounts: Arc<dyn Accounts>,
    /// Shared by all who settle what waited for its price.
    pub settled: Arc<AtomicUsize>,
}

#[async_trait]
impl Accounts for Counted {
    async fn positions(&self, user: UserId, which: Positions) -> Result<Vec<Position>, AccountsError> {
        self.accounts.positions(user, which).await
    }

    async fn hold(&self, hold: Hold) -> Result<Held, AccountsError> {
        self.accounts.hold(hold).await
    }

    async fn release(&self, release: Release) -> Result<HoldEnd, AccountsError> {
        self.accounts.release(release).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, AccountsError> {
        let settled = self.accounts.settle(settlement).await?;
        self.settled.fetch_add(1, Ordering::SeqCst);
        Ok(settled)
    }

    async fn ledger(&self, query: LedgerQuery) -> Result<LedgerPage, AccountsError> {
        self.accounts.ledger(query).await
    }
}
