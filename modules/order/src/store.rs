//! The table `orders`.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | order | `U#{user_id}` | `O#{order_id}`, in the order of time |
//! | in the index `open-work`, while pending | `WORK#{shard}` | `{due}#{order_id}` |

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{OrderId, Page, RequestId, Timestamp, UserId};
use tradepost_platform::dynamo::{
    Dynamo, Expect, IndexDefinition, Item, Key, Query, Rows, SortKeys, Table, TableDefinition, Write,
    WriteError, from_item,
};
use tradepost_problem::Outage;

use crate::domain::{Order, OrderFilter, Status};

/// The table of this module.
pub const TABLE: TableDefinition =
    TableDefinition { name: "orders", indexes: &[OPEN_WORK], expires_at: None };

const OPEN_WORK: IndexDefinition = IndexDefinition { name: "open-work", pk: "work_pk", sk: "work_sk" };

mod keys {
    use tradepost_kernel::{OrderId, Timestamp, UserId};
    use tradepost_platform::dynamo::Key;

    /// Every sort key of an order starts with this.
    pub const ORDER: &str = "O#";
    /// Sorts behind every order.
    pub const BEHIND_ORDERS: &str = "O#~";
    /// Enough that no partition of the index is hot, few enough to look through all of them.
    pub const SHARDS: u8 = 4;

    pub fn user(user: UserId) -> String {
        format!("U#{user}")
    }

    pub fn order(user_id: UserId, order: &OrderId) -> Key {
        Key::new(user(user_id), format!("{ORDER}{order}"))
    }

    /// Sorts before every order whose id was made at this moment or later: the first 48 bits of a UUID of
    /// version 7 are the Unix time in milliseconds (RFC 9562 section 5.7).
    pub fn made_at(moment: Timestamp) -> String {
        let ms = moment.timestamp_millis().clamp(0, 0xFFFF_FFFF_FFFF);
        format!("{ORDER}{:08x}-{:04x}", ms >> 16, ms & 0xFFFF)
    }

    pub fn work_of(order: &OrderId) -> String {
        let sum = order.as_str().bytes().fold(0_u8, u8::wrapping_add);
        work(sum % SHARDS)
    }

    pub fn work(shard: u8) -> String {
        format!("WORK#{shard}")
    }

    pub fn due(moment: Timestamp, order: &OrderId) -> String {
        format!("{}{order}", until(moment))
    }

    /// Sorts behind all work due before this moment. The width is fixed, so that text sorts as time does.
    pub fn until(moment: Timestamp) -> String {
        moment.format("%Y-%m-%dT%H:%M:%S%.3fZ#").to_string()
    }
}

/// An order id is stamped by the machine's clock, `created_at` by the platform's. They are read one after the
/// other, but nothing says that they agree, so a range of ids is taken wider than the range of times.
const CLOCK_SLACK: TimeDelta = TimeDelta::hours(1);

/// The item of an order.
#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    order: Order,
    #[serde(flatten)]
    work: Option<Work>,
}

/// What puts an order into the index of open work.
#[derive(Serialize, Deserialize)]
struct Work {
    work_pk: String,
    work_sk: String,
    attempts: u32,
}

impl Work {
    fn on(order: &Order, due: Timestamp, attempts: u32) -> Self {
        let (work_pk, work_sk) = (keys::work_of(&order.order_id), keys::due(due, &order.order_id));
        Self { work_pk, work_sk, attempts }
    }
}

/// A pending order that somebody should finish.
pub struct DueOrder {
    pub order: Order,
    /// How often somebody tried.
    pub attempts: u32,
    /// What a claim must find unchanged.
    due_key: String,
}

/// How the last write of an order went.
pub enum Closing {
    /// It is final now.
    Written,
    /// It was final before, in this form.
    Earlier(Box<Order>),
}

/// The numbers of the partitions of open work.
pub fn shards() -> impl Iterator<Item = u8> {
    0..keys::SHARDS
}

/// Orders, as they are kept.
pub struct Store {
    dynamo: Dynamo,
    table: Table,
}

impl Store {
    pub fn new(dynamo: Dynamo) -> Self {
        Self { table: dynamo.table(TABLE.name), dynamo }
    }

    /// Keeps a new order, and puts it on the list of open work if it is due some time.
    pub async fn insert(&self, order: &Order, due: Option<Timestamp>) -> Result<(), Outage> {
        let work = due.map(|due| Work::on(order, due, 0));
        match self.put(order, work, &Expect::Absent).await {
            // Nobody else makes this id: it is this very order, on which recovery was faster than a lost answer.
            Ok(()) | Err(WriteError::Lost(_)) => Ok(()),
            Err(WriteError::Outage(outage)) => Err(outage),
        }
    }

    /// Keeps the final state of an order that is still pending, and takes it off the list of open work.
    pub async fn close(&self, order: &Order) -> Result<Closing, Outage> {
        let pending = Expect::text("status", Status::Pending.as_str());
        match self.put(order, None, &pending).await {
            Ok(()) => Ok(Closing::Written),
            Err(WriteError::Outage(outage)) => Err(outage),
            Err(WriteError::Lost(lost)) => {
                let found = lost.found.ok_or_else(|| Outage::internal("close order", &"there is none"))?;
                Ok(Closing::Earlier(Box::new(from_item::<Row>(found)?.order)))
            }
        }
    }

    /// Takes an order to finish it, unless somebody else was faster: nobody takes it again before `until`.
    pub async fn claim(&self, due: &DueOrder, until: Timestamp) -> Result<bool, Outage> {
        let work = Work::on(&due.order, until, due.attempts.saturating_add(1));
        let unclaimed = Expect::text(OPEN_WORK.sk, due.due_key.as_str());
        match self.put(&due.order, Some(work), &unclaimed).await {
            Ok(()) => Ok(true),
            Err(WriteError::Lost(_)) => Ok(false),
            Err(WriteError::Outage(outage)) => Err(outage),
        }
    }

    /// One order of a user.
    pub async fn get(&self, user: UserId, order: &OrderId) -> Result<Option<Order>, Outage> {
        let row = self.table.get::<Row>(&keys::order(user, order)).await?;
        Ok(row.map(|row| row.order))
    }

    /// Orders of a user, newest first, of which all that `filter` lets pass are among those read.
    pub async fn page(
        &self,
        user: UserId,
        filter: &OrderFilter,
        after: Option<&OrderId>,
        limit: usize,
    ) -> Result<Rows<Order>, Outage> {
        let after = after.map(|order| keys::order(user, order));
        let query = Query { pk: keys::user(user), keys: range(filter), newest_first: true, limit, after };
        let Rows { items, more_after } = self.table.query::<Row>(&query).await?;
        Ok(Rows { items: items.into_iter().map(|row| row.order).collect(), more_after })
    }

    /// The orders of one shard that are due, the longest due first.
    pub async fn due(&self, shard: u8, now: Timestamp, limit: usize) -> Result<Vec<DueOrder>, Outage> {
        let keys = SortKeys::Between("0".to_owned(), keys::until(now));
        let query = Query { pk: keys::work(shard), keys, newest_first: false, limit, after: None };
        let rows = self.table.query_index::<Row>(&OPEN_WORK, &query).await?.items;
        let due = |Row { order, work }: Row| {
            let Work { work_sk, attempts, .. } = work?;
            Some(DueOrder { order, attempts, due_key: work_sk })
        };
        Ok(rows.into_iter().filter_map(due).collect())
    }

    async fn put(&self, order: &Order, work: Option<Work>, expect: &Expect) -> Result<(), WriteError<()>> {
        let key = keys::order(order.user, &order.order_id);
        let row = Row { order: order.clone(), work };
        let operation = RequestId::generate();
        Write::new(&self.dynamo, operation.as_str()).put(&self.table, &key, &row, expect, ()).commit().await
    }
}

/// A place in the sequence of all orders of all users.
#[derive(Clone, Debug)]
pub struct ScanPlace(Key);

/// All orders of all users, a page at a time and in no particular order. For proofs and administration, never
/// on a request path.
///
/// # Errors
/// [`Outage`] when the store does not answer, or an order is not of this form.
pub async fn orders_page(
    dynamo: &Dynamo,
    after: Option<ScanPlace>,
) -> Result<Page<Order, ScanPlace>, Outage> {
    let rows = dynamo.table(TABLE.name).scan_page(after.map(|place| place.0)).await?;
    let orders = rows.items.into_iter().filter(is_order).map(from_item::<Row>);
    let items = orders.map(|row| row.map(|row| row.order)).collect::<Result<_, _>>()?;
    Ok(Page { items, next: rows.more_after.map(ScanPlace) })
}

fn is_order(item: &Item) -> bool {
    let sk = item.get("sk").and_then(|sk| sk.as_s().ok());
    sk.is_some_and(|sk| sk.starts_with(keys::ORDER))
}

fn range(filter: &OrderFilter) -> SortKeys {
    let first = filter.from.map(|from| keys::made_at(from - CLOCK_SLACK));
    let last = filter.to.map(|to| keys::made_at(to + CLOCK_SLACK));
    match (first, last) {
        (None, None) => SortKeys::Prefix(keys::ORDER.to_owned()),
        (first, last) => SortKeys::Between(
            first.unwrap_or_else(|| keys::ORDER.to_owned()),
            last.unwrap_or_else(|| keys::BEHIND_ORDERS.to_owned()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};
    use tradepost_kernel::{OrderId, Timestamp};

    use super::{OrderFilter, SortKeys, keys, range};

    #[test]
    fn due_moments_sort_as_time_does() {
        let moment = Timestamp::from_timestamp_millis(1_767_225_600_000).unwrap();
        let order = OrderId::generate();
        assert!(keys::due(moment, &order).starts_with("2026-01-01T00:00:00.000Z#"));
        let later = moment + TimeDelta::milliseconds(1);
        assert!(keys::due(moment, &order) < keys::until(later));
        assert!(
            keys::due(later, &order) > keys::until(later),
            "due at this very moment is for the next look"
        );
    }

    #[test]
    fn a_range_of_times_holds_the_orders_made_in_it() {
        let id: OrderId = "019b76da-a800-7abc-8def-0123456789ab".parse().unwrap();
        let made = Timestamp::from_timestamp_millis(0x019b_76da_a800).unwrap();
        let key = format!("O#{id}");
        assert!(keys::made_at(made) < key && key < keys::made_at(made + TimeDelta::milliseconds(1)));
        assert!(key.as_str() < keys::BEHIND_ORDERS);
        let filter = OrderFilter { from: Some(made), to: Some(made), ..OrderFilter::default() };
        let SortKeys::Between(first, last) = range(&filter) else { panic!("a range is bounded") };
        assert!(first < key && key < last);
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        for text in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"] {
            let end = chrono::DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc);
            let filter = OrderFilter { from: Some(end), to: None, ..OrderFilter::default() };
            assert!(matches!(range(&filter), SortKeys::Between(first, last) if first < last));
        }
    }

    #[test]
    fn every_order_has_one_of_the_shards() {
        let work: Vec<_> = super::shards().map(keys::work).collect();
        assert!((0..100).all(|_| work.contains(&keys::work_of(&OrderId::generate()))));
    }
}
