//! Reading a ledger. Its entries are numbered without gaps, so an offset is arithmetic and the newest number is
//! the count of all.

use tradepost_kernel::Page;
use tradepost_user_api::{AccountsError, Entry, LedgerFilter, LedgerPage, LedgerPlace, LedgerQuery};

use super::UserService;

/// A filtered page reads at most so many entries and may then be short.
const MOST_READ: usize = 1000;
/// Entries are read in chunks no larger than this, which keeps the embedded engine responsive.
const CHUNK: usize = 100;

impl UserService {
    pub(super) async fn read_ledger(&self, query: &LedgerQuery) -> Result<LedgerPage, AccountsError> {
        let newest = self.store.holding(query.user, query.asset).await?.map_or(0, |holding| holding.seq);
        let place = query.place.unwrap_or(LedgerPlace { before: None, skip: 0 });
        let before = place.before.unwrap_or(newest + 1);
        let page = if query.filter.is_empty() {
            self.numbered(query, before.saturating_sub(place.skip)).await?
        } else {
            self.filtered(query, LedgerPlace { before: Some(before), ..place }).await?
        };
        Ok(LedgerPage { page, total: newest })
    }

    async fn numbered(
        &self,
        query: &LedgerQuery,
        before: u64,
    ) -> Result<Page<Entry, LedgerPlace>, AccountsError> {
        let items = self.store.entries(query.user, query.asset, before, query.limit.get()).await?;
        let next = items.last().filter(|entry| entry.seq > 1);
        let next = next.map(|entry| LedgerPlace { before: Some(entry.seq), skip: 0 });
        Ok(Page { items, next })
    }

    /// Reads one match more than wanted, so that "there is more" is known and not guessed.
    async fn filtered(
        &self,
        query: &LedgerQuery,
        place: LedgerPlace,
    ) -> Result<Page<Entry, LedgerPlace>, AccountsError> {
        let (mut before, mut skip) = (place.before.unwrap_or(1), place.skip);
        let mut items: Vec<Entry> = Vec::new();
        for _ in 0..MOST_READ / CHUNK {
            let chunk = self.store.entries(query.user, query.asset, before, CHUNK).await?;
            let Some(oldest) = chunk.last().map(|entry| entry.seq) else {
                return Ok(Page { items, next: None });
            };
            for entry in chunk {
                if query.filter.from.is_some_and(|from| entry.created_at < from) {
                    return Ok(Page { items, next: None });
                }
                if !passes(&entry, &query.filter) {
                } else if skip > 0 {
                    skip -= 1;
                } else if items.len() == query.limit.get() {
                    return Ok(Page {
                        items,
                        next: Some(LedgerPlace { before: Some(entry.seq + 1), skip: 0 }),
                    });
                } else {
                    items.push(entry);
                }
            }
            before = oldest;
        }
        let next = (before > 1).then_some(LedgerPlace { before: Some(before), skip });
        Ok(Page { items, next })
    }
}

fn passes(entry: &Entry, filter: &LedgerFilter) -> bool {
    filter.kind.is_none_or(|kind| entry.kind == kind) && filter.to.is_none_or(|to| entry.created_at < to)
}
