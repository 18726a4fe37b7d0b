//! The table `orders`.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | order | `U#{user_id}` | `O#{order_id}`, in the order of time |
//! | the order of a client's id | `U#{user_id}` | `C#{client_order_id}` |
//! | use of an idempotency key | `U#{user_id}` | `I#{route}#{key}` |
//! | in the index `open-work`, until final | `WORK#{shard}` | `{due}#{order_id}`, and `#{intent or open}` |
//! | there, after too many attempts | `WORK#dead` | the same |
//! | in the index `open-orders`, while waiting | `{asset}#{fall or rise}#{shard}` | `{price}#{order_id}` |

mod row;
mod scan;
mod write;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{AssetId, OrderId, Timestamp, UserId};
use tradepost_platform::dynamo::{
    Dynamo, IndexDefinition, Key, Query, Rows, SortKeys, Table, TableDefinition, from_item,
};
use tradepost_platform::idempotency::{KeyUse, KeyedRequest};
use tradepost_problem::Outage;

use self::row::{Row, Work};
pub use self::scan::{OrderRecord, StoredOrder, order_records, order_records_of};
pub use self::write::{Closing, Inserted};
use crate::domain::{ClientOrderId, Direction, Order, OrderFilter};

/// The table of this module.
pub const TABLE: TableDefinition =
    TableDefinition { name: "orders", indexes: &[OPEN_WORK, OPEN_ORDERS], expires_at: Some("rubbish_at") };

const OPEN_WORK: IndexDefinition = IndexDefinition { name: "open-work", pk: "work_pk", sk: "work_sk" };
const OPEN_ORDERS: IndexDefinition = IndexDefinition { name: "open-orders", pk: "open_pk", sk: "open_sk" };

mod keys {
    use tradepost_kernel::{AssetId, OrderId, Price, Timestamp, UserId};
    use tradepost_platform::dynamo::Key;

    use crate::domain::{ClientOrderId, Direction, Order, Stage};

    /// Every sort key of an order starts with this.
    pub const ORDER: &str = "O#";
    /// Sorts behind every order.
    pub const BEHIND_ORDERS: &str = "O#~";
    /// Enough that no partition of the index is hot, few enough to look through all of them.
    pub const SHARDS: u8 = 4;
    /// Each look at the open orders of an asset reads all of these, so there are fewer.
    pub const OPEN_SHARDS: u8 = 2;
    /// Where dead letters are.
    pub const DEAD: &str = "WORK#dead";

    pub fn user(user: UserId) -> String {
        format!("U#{user}")
    }

    pub fn order(user_id: UserId, order: &OrderId) -> Key {
        Key::new(user(user_id), format!("{ORDER}{order}"))
    }

    pub fn client_order(user_id: UserId, id: &ClientOrderId) -> Key {
        Key::new(user(user_id), format!("C#{id}"))
    }

    pub fn key_use(user_id: UserId, scope: &str) -> Key {
        Key::new(user(user_id), format!("I#{scope}"))
    }

    /// Sorts before every order whose id was made at this moment or later: the first 48 bits of a UUID of
    /// version 7 are the Unix time in milliseconds (RFC 9562 section 5.7).
    pub fn made_at(moment: Timestamp) -> String {
        let ms = moment.timestamp_millis().clamp(0, 0xFFFF_FFFF_FFFF);
        format!("{ORDER}{:08x}-{:04x}", ms >> 16, ms & 0xFFFF)
    }

    fn shard_of(order: &OrderId, shards: u8) -> u8 {
        order.as_str().bytes().fold(0_u8, u8::wrapping_add) % shards
    }

    pub fn work_of(order: &OrderId) -> String {
        work(shard_of(order, SHARDS))
    }

    pub fn work(shard: u8) -> String {
        format!("WORK#{shard}")
    }

    /// The stage is part of it, so that whoever read an order in one stage cannot take it up in another.
    pub fn due(moment: Timestamp, order: &Order) -> String {
        let due = format!("{}{}", until(moment), order.order_id);
        match order.stage() {
            Stage::Pending | Stage::Final => due,
            Stage::Waiting => format!("{due}#open"),
            Stage::Ending(intent) => format!("{due}#{}", intent.as_str()),
        }
    }

    /// Sorts behind all work due before this moment. The width is fixed, so that text sorts as time does.
    pub fn until(moment: Timestamp) -> String {
        moment.format("%Y-%m-%dT%H:%M:%S%.3fZ#").to_string()
    }

    pub fn open_of(asset: AssetId, direction: Direction, order: &OrderId) -> String {
        open(asset, direction, shard_of(order, OPEN_SHARDS))
    }

    pub fn open(asset: AssetId, direction: Direction, shard: u8) -> String {
        format!("{asset}#{}#{shard}", direction.as_str())
    }

    /// Ten digits before the point and twelve behind it, as many as a price has, so that text sorts as numbers do.
    pub fn awaited(price: Price, order: &OrderId) -> String {
        let text = price.to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((text.as_str(), ""));
        format!("{whole:0>10}.{fraction:0<12}#{order}")
    }
}

/// An order id is stamped by the machine's clock, `created_at` by the platform's. They are read one after the
/// other, but nothing says that they agree, so a range of ids is taken wider than the range of times.
const CLOCK_SLACK: TimeDelta = TimeDelta::hours(1);

/// How many dead letters are looked at; there should be none.
const DEAD_LETTERS: usize = 1_000;

/// An order that somebody should finish.
pub struct DueOrder {
    pub order: Order,
    /// How often somebody tried.
    pub attempts: u32,
    /// What a claim must find unchanged.
    due_key: String,
}

/// An order that waits for its price.
pub struct OpenOrder {
    pub order: Order,
    /// Its place in the index.
    pub place: String,
}

/// Which order has a client's id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claimed {
    pub order_id: OrderId,
    /// What that order said.
    pub content: String,
}

/// What a request needs to know before it does anything, read at once.
#[derive(Default)]
pub struct Known {
    /// The order it names, if it names one.
    pub order: Option<Order>,
    /// Which order has its client's id.
    pub claimed: Option<Claimed>,
    /// What its key was used for.
    pub key_use: Option<KeyUse>,
}

/// The numbers of the partitions of open work.
pub fn shards() -> impl Iterator<Item = u8> {
    0..keys::SHARDS
}

/// The numbers of the partitions of the open orders of an asset and a direction.
pub fn open_shards() -> impl Iterator<Item = u8> {
    0..keys::OPEN_SHARDS
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

    /// What is known of the order, the client's id and the key that a request names.
    pub async fn known(
        &self,
        user: UserId,
        order: Option<&OrderId>,
        id: Option<&ClientOrderId>,
        request: Option<&KeyedRequest>,
    ) -> Result<Known, Outage> {
        let order = order.map(|order| keys::order(user, order));
        let claimed = id.map(|id| keys::client_order(user, id));
        let key_use = request.map(|request| keys::key_use(user, &request.scope()));
        let wanted: Vec<_> = [&order, &claimed, &key_use].into_iter().flatten().cloned().collect();
        let mut items = match wanted.as_slice() {
            [] => return Ok(Known::default()),
            wanted => self.table.batch_get(wanted).await?,
        };
        let mut take = |key: Option<Key>| key.and_then(|key| items.remove(&key));
        Ok(Known {
            order: take(order).map(from_item::<Row>).transpose()?.map(|row| row.order),
            claimed: take(claimed).map(from_item).transpose()?,
            key_use: take(key_use).map(from_item).transpose()?,
        })
    }

    /// One order of a user.
    pub async fn get(&self, user: UserId, order: &OrderId) -> Result<Option<Order>, Outage> {
        let row = self.table.get::<Row>(&keys::order(user, order)).await?;
        Ok(row.map(|row| row.order))
    }

    /// What a key of a user was used for.
    pub async fn key_use(&self, user: UserId, request: &KeyedRequest) -> Result<Option<KeyUse>, Outage> {
        self.table.get(&keys::key_use(user, &request.scope())).await
    }

    /// Which order of a user has a client's id.
    pub async fn claimed(&self, user: UserId, id: &ClientOrderId) -> Result<Option<Claimed>, Outage> {
        self.table.get(&keys::client_order(user, id)).await
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
        self.work(Query { pk: keys::work(shard), keys, newest_first: false, limit, after: None }).await
    }

    /// The dead letters that there are, and which of them are due.
    pub async fn dead_letters(&self, now: Timestamp) -> Result<(usize, Vec<DueOrder>), Outage> {
        let pk = keys::DEAD.to_owned();
        let query = Query { pk, keys: SortKeys::All, newest_first: false, limit: DEAD_LETTERS, after: None };
        let mut all = self.work(query).await?;
        let (count, until) = (all.len(), keys::until(now));
        all.retain(|due| due.due_key < until);
        Ok((count, all))
    }

    /// Orders of an asset that wait for a fall or a rise, those first that the market reaches first, starting
    /// behind a place.
    pub async fn open_orders(
        &self,
        asset: AssetId,
        direction: Direction,
        shard: u8,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<OpenOrder>, Outage> {
        let newest_first = direction == Direction::Fall;
        let keys = match after.map(str::to_owned) {
            None => SortKeys::All,
            Some(place) if newest_first => SortKeys::Between("0".to_owned(), place),
            Some(place) => SortKeys::Between(place, "~".to_owned()),
        };
        // Both ends of a range belong to it, so the place itself is read once more.
        let limit = limit + usize::from(after.is_some());
        let query = Query { pk: keys::open(asset, direction, shard), keys, newest_first, limit, after: None };
        let rows = self.table.query_index::<Row>(&OPEN_ORDERS, &query).await?.items;
        let open = |row: Row| Some(OpenOrder { order: row.order, place: row.open?.open_sk });
        let behind = |open: &OpenOrder| after != Some(open.place.as_str());
        Ok(rows.into_iter().filter_map(open).filter(behind).collect())
    }

    async fn work(&self, query: Query) -> Result<Vec<DueOrder>, Outage> {
        let rows = self.table.query_index::<Row>(&OPEN_WORK, &query).await?.items;
        let due = |Row { order, work, .. }: Row| {
            let Work { work_sk, attempts, .. } = work?;
            Some(DueOrder { order, attempts, due_key: work_sk })
        };
        Ok(rows.into_iter().filter_map(due).collect())
    }
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
#[path = "store_tests.rs"]
mod tests;
