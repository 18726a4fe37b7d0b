//! What a user has ordered and traded.

use tradepost_kernel::{AssetId, OrderId, Page, PageLimit, UserId};
use tradepost_user_api::{LedgerFilter, LedgerPlace, LedgerQuery};

use super::OrderService;
use crate::OrderError;
use crate::domain::{ClientOrderId, Collector, Order, OrderFilter, OrderPlace, Trade};

impl OrderService {
    /// One order of a user.
    ///
    /// # Errors
    /// [`OrderError::OrderNotFound`], also for an order of somebody else; [`OrderError::Outage`].
    pub async fn order(&self, user: UserId, order: &OrderId) -> Result<Order, OrderError> {
        self.store.get(user, order).await?.ok_or(OrderError::OrderNotFound)
    }

    /// The orders of a user that pass the filter, newest first. A filtered page may be short and still have a
    /// next one.
    ///
    /// # Errors
    /// [`OrderError::Outage`].
    pub async fn orders(
        &self,
        user: UserId,
        filter: OrderFilter,
        place: OrderPlace,
        limit: PageLimit,
    ) -> Result<Page<Order, OrderPlace>, OrderError> {
        let by_client = filter.client_order_id.clone();
        let mut exhausted = filter.is_void();
        let mut list = Collector::new(filter, place, limit);
        if let Some(id) = by_client {
            // There is one at most.
            self.order_of_client(user, &id).await?.into_iter().for_each(|order| list.take(order));
            return Ok(list.page(true));
        }
        while !exhausted && list.wants() > 0 {
            let rows = self.store.page(user, list.filter(), list.after(), list.wants()).await?;
            exhausted = rows.more_after.is_none();
            rows.items.into_iter().for_each(|order| list.take(order));
        }
        Ok(list.page(exhausted))
    }

    async fn order_of_client(&self, user: UserId, id: &ClientOrderId) -> Result<Option<Order>, OrderError> {
        match self.store.claimed(user, id).await? {
            Some(claimed) => Ok(self.store.get(user, &claimed.order_id).await?),
            None => Ok(None),
        }
    }

    /// What a user bought and sold of an asset, newest first.
    ///
    /// # Errors
    /// [`OrderError::AssetNotFound`], [`OrderError::Outage`].
    pub async fn trades(
        &self,
        user: UserId,
        asset: AssetId,
        filter: LedgerFilter,
        place: LedgerPlace,
        limit: PageLimit,
    ) -> Result<Page<Trade, LedgerPlace>, OrderError> {
        self.require_asset(asset).await?;
        let query = LedgerQuery { user, asset, filter, place: Some(place), limit };
        let Page { items, next } = self.accounts.ledger(query).await?.page;
        Ok(Page { items: items.into_iter().filter_map(Trade::of).collect(), next })
    }
}
