//! A page of a user's orders: which pass, where it starts, and when it is full.

use serde::{Deserialize, Serialize};
use tradepost_kernel::{AssetId, OrderId, Page, PageLimit, Timestamp};

use super::{ClientOrderId, Order, OrderType, Status};

/// How many orders are read in one go.
const CHUNK: usize = 200;
/// How many orders a filtered request reads before it answers with what it has.
const FILTERED_READS: usize = 1_000;

/// Conditions on orders; those absent let everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFilter {
    pub asset_id: Option<AssetId>,
    pub order_type: Option<OrderType>,
    pub status: Option<Status>,
    pub client_order_id: Option<ClientOrderId>,
    /// Accepted at this moment or later.
    pub from: Option<Timestamp>,
    /// Accepted before this moment.
    pub to: Option<Timestamp>,
}

impl OrderFilter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether nothing can ever pass.
    pub fn is_void(&self) -> bool {
        matches!((self.from, self.to), (Some(from), Some(to)) if from >= to)
    }

    pub fn passes(&self, order: &Order) -> bool {
        self.asset_id.is_none_or(|asset| asset == order.asset)
            && self.order_type.is_none_or(|order_type| order_type == order.order_type)
            && self.status.is_none_or(|status| status == order.status)
            && (self.client_order_id.is_none() || self.client_order_id == order.client_order_id)
            && self.from.is_none_or(|from| order.created_at >= from)
            && self.to.is_none_or(|to| order.created_at < to)
    }
}

/// A place in the list of orders, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlace {
    /// Only older orders than this; `None` starts at the newest.
    pub after: Option<OrderId>,
    /// How many orders that pass the filter are passed over first.
    pub skip: u64,
}

/// Collects a page from orders that are read newest first, a chunk at a time.
pub struct Collector {
    filter: OrderFilter,
    place: OrderPlace,
    limit: usize,
    reads_left: usize,
    orders: Vec<Order>,
    more: bool,
}

impl Collector {
    pub fn new(filter: OrderFilter, place: OrderPlace, limit: PageLimit) -> Self {
        let reads_left = if filter.is_empty() { usize::MAX } else { FILTERED_READS };
        Self { filter, place, limit: limit.get(), reads_left, orders: Vec::new(), more: false }
    }

    /// How many orders to read next; 0 when the page is done.
    pub fn wants(&self) -> usize {
        if self.more {
            return 0;
        }
        // One more than fits shows whether there is a next page.
        let missing = usize::try_from(self.place.skip).unwrap_or(CHUNK).saturating_add(self.room() + 1);
        let wanted = if self.filter.is_empty() { missing } else { CHUNK };
        wanted.min(CHUNK).min(self.reads_left)
    }

    /// The order behind which to read next.
    pub fn after(&self) -> Option<&OrderId> {
        self.place.after.as_ref()
    }

    pub fn filter(&self) -> &OrderFilter {
        &self.filter
    }

    /// Takes the next older order.
    pub fn take(&mut self, order: Order) {
        self.reads_left = self.reads_left.saturating_sub(1);
        let passes = self.filter.passes(&order);
        self.more |= passes && self.place.skip == 0 && self.room() == 0;
        if self.more {
            return;
        }
        self.place.after = Some(order.order_id.clone());
        if passes && self.place.skip > 0 {
            self.place.skip -= 1;
        } else if passes {
            self.orders.push(order);
        }
    }

    /// The page; `exhausted` says that there were no more orders to take.
    pub fn page(self, exhausted: bool) -> Page<Order, OrderPlace> {
        let next = (self.more || !exhausted).then_some(self.place);
        Page { items: self.orders, next }
    }

    fn room(&self) -> usize {
        self.limit - self.orders.len()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
    use tradepost_kernel::PageLimit;

    use super::super::fixtures::order;
    use super::{Collector, FILTERED_READS, Order, OrderFilter, OrderPlace, OrderType, Status};

    /// Newest first; every third is a sell.
    fn orders(count: usize) -> Vec<Order> {
        let one = |number: usize| {
            let mut order = order("1");
            order.created_at += TimeDelta::milliseconds(i64::try_from(number).unwrap());
            if number.is_multiple_of(3) {
                order.order_type = OrderType::MarketSell;
            }
            order
        };
        (0..count).rev().map(one).collect()
    }

    fn sells() -> OrderFilter {
        OrderFilter { order_type: Some(OrderType::MarketSell), ..OrderFilter::default() }
    }

    /// Reads as the service does, from a list instead of a store.
    fn collect(
        all: &[Order],
        filter: OrderFilter,
        place: OrderPlace,
        limit: u64,
    ) -> tradepost_kernel::Page<Order, OrderPlace> {
        let mut list = Collector::new(filter, place, PageLimit::new(limit).unwrap());
        let mut exhausted = false;
        while !exhausted && list.wants() > 0 {
            let start = list.after().map_or(0, |id| all.iter().position(|o| o.order_id == *id).unwrap() + 1);
            let chunk: Vec<_> = all[start..].iter().take(list.wants()).cloned().collect();
            exhausted = start + chunk.len() == all.len();
            chunk.into_iter().for_each(|order| list.take(order));
        }
        list.page(exhausted)
    }

    #[test]
    fn every_condition_counts() {
        let order = order("1");
        let passes = |filter: OrderFilter| filter.passes(&order);
        let all = OrderFilter::default;
        assert!(passes(all()));
        assert!(passes(OrderFilter { asset_id: Some(order.asset), status: Some(Status::Pending), ..all() }));
        assert!(!passes(OrderFilter { asset_id: "ETH".parse().ok(), ..all() }));
        assert!(!passes(OrderFilter { status: Some(Status::Failed), ..all() }));
        assert!(!passes(sells()));
        let at = Some(order.created_at);
        assert!(passes(OrderFilter { from: at, ..all() }), "from is inclusive");
        assert!(!passes(OrderFilter { to: at, ..all() }), "to is exclusive");
        assert!(OrderFilter { from: at, to: at, ..all() }.is_void());
    }

    #[test]
    fn a_filtered_request_reads_a_thousand_orders_and_says_there_is_more() {
        let all = orders(FILTERED_READS + 10);
        let nothing = OrderFilter { status: Some(Status::Failed), ..OrderFilter::default() };
        let page = collect(&all, nothing.clone(), OrderPlace::default(), 50);
        assert!(page.items.is_empty());
        let rest = collect(&all, nothing, page.next.unwrap(), 50);
        assert!(rest.items.is_empty() && rest.next.is_none());
    }

    #[test]
    fn what_remains_to_be_skipped_goes_along_with_the_cursor() {
        let all = orders(3 * FILTERED_READS);
        let place = OrderPlace { after: None, skip: 500 };
        let page = collect(&all, sells(), place, 10);
        assert!(page.items.is_empty());
        let rest = collect(&all, sells(), page.next.unwrap(), 10);
        let expected: Vec<_> = all.iter().filter(|order| sells().passes(order)).skip(500).take(10).collect();
        assert_eq!(rest.items.iter().collect::<Vec<_>>(), expected);
    }

    proptest! {
        #[test]
        fn pages_put_together_are_the_list_and_the_last_one_knows_it(
            count in 0_usize..450, limit in 1_u64..100, skip in 0_u64..450, filtered: bool,
        ) {
            let all = orders(count);
            let filter = if filtered { sells() } else { OrderFilter::default() };
            let mut seen = Vec::new();
            let mut place = Some(OrderPlace { after: None, skip });
            while let Some(start) = place {
                let page = collect(&all, filter.clone(), start, limit);
                prop_assert!(page.next.is_none() || page.items.len() == usize::try_from(limit).unwrap());
                place = page.next;
                prop_assert!(place.is_none() || !page.items.is_empty());
                seen.extend(page.items);
            }
            let expected = all.into_iter().filter(|order| filter.passes(order));
            prop_assert_eq!(seen, expected.skip(usize::try_from(skip).unwrap()).collect::<Vec<_>>());
        }
    }
}
