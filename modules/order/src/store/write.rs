//! Writing orders: each write states what it must find, so of several writers one is the first.

use tradepost_kernel::{RequestId, Timestamp, UserId};
use tradepost_platform::dynamo::{Expect, Write, WriteError, from_item};
use tradepost_platform::idempotency::{KeyUse, KeyWrite};
use tradepost_problem::Outage;

use super::row::{KeyRow, Row, Work};
use super::{Claimed, DueOrder, OPEN_ORDERS, OPEN_WORK, Store, keys};
use crate::domain::{Order, Stage, Status};

/// How the last write of an order went.
pub enum Closing {
    /// It stands now as it was given.
    Written,
    /// Somebody else was faster, and it stands in this form.
    Earlier(Box<Order>),
    /// Not written, because this is what the key was used for meanwhile.
    Used(Option<KeyUse>),
}

/// How a new order was kept.
pub enum Inserted {
    Written,
    /// Not at all, because an order of its user has its client's id.
    Taken(Claimed),
    /// Not at all, because this is what the key was used for meanwhile.
    Used(Option<KeyUse>),
}

/// What stands in the way of a write.
#[derive(Clone, Copy)]
enum Clash {
    Order,
    ClientOrderId,
    Key,
}

impl Store {
    /// Keeps a new order, together with the id its client gave it, what it said, and the key it came under.
    pub async fn insert(
        &self,
        order: &Order,
        content: &str,
        key: Option<&KeyWrite>,
    ) -> Result<Inserted, Outage> {
        let mut write = self.write(order.user, key);
        if let Some(id) = &order.client_order_id {
            let claimed = Claimed { order_id: order.order_id.clone(), content: content.to_owned() };
            let key = keys::client_order(order.user, id);
            write = write.insert(&self.table, &key, &claimed, Clash::ClientOrderId);
        }
        let key = keys::order(order.user, &order.order_id);
        let write = write.insert(&self.table, &key, &Row::of(order.clone()), Clash::Order);
        let lost = match write.commit().await {
            Ok(()) => return Ok(Inserted::Written),
            Err(WriteError::Outage(outage)) => return Err(outage),
            Err(WriteError::Lost(lost)) => lost,
        };
        match (lost.error, lost.found) {
            // Nobody else makes this id: it is this very order, on which recovery was faster than a lost answer.
            (Clash::Order, _) => Ok(Inserted::Written),
            (Clash::Key, found) => {
                let found = found.map(from_item::<KeyUse>).transpose()?;
                let is_own = found.as_ref().is_some_and(|found| found.work == order.order_id.as_str());
                Ok(if is_own { Inserted::Written } else { Inserted::Used(found) })
            }
            (Clash::ClientOrderId, Some(found)) => Ok(Inserted::Taken(from_item(found)?)),
            (Clash::ClientOrderId, None) => Err(Outage::internal("insert order", &"the id is gone")),
        }
    }

    /// Keeps the use of a key under which nothing was done to an order.
    pub async fn keep(&self, user: UserId, key: &KeyWrite) -> Result<Inserted, Outage> {
        match self.write(user, Some(key)).commit().await {
            Ok(()) => Ok(Inserted::Written),
            Err(WriteError::Outage(outage)) => Err(outage),
            Err(WriteError::Lost(lost)) => Ok(Inserted::Used(lost.found.map(from_item).transpose()?)),
        }
    }

    /// Keeps the next state of an order, if it is still in the one before: pending, waiting, or about to end; and
    /// with it what a key is used for. One that waits is in the index of open orders, and no other is.
    pub async fn advance(
        &self,
        before: Stage<'_>,
        order: &Order,
        key: Option<&KeyWrite>,
    ) -> Result<Closing, Outage> {
        let unchanged = match before {
            Stage::Pending => Expect::text("status", Status::Pending.as_str()),
            Stage::Ending(_) => Expect::text("status", Status::Open.as_str()),
            Stage::Waiting => match order.order_type.direction() {
                Some(direction) => {
                    Expect::text(OPEN_ORDERS.pk, keys::open_of(order.asset, direction, &order.order_id))
                }
                None => return Err(Outage::internal("advance order", &"a market order does not wait")),
            },
            Stage::Final => return Err(Outage::internal("advance order", &"it is final")),
        };
        let lost = match self.put(&Row::of(order.clone()), &unchanged, key).await {
            Ok(()) => return Ok(Closing::Written),
            Err(WriteError::Outage(outage)) => return Err(outage),
            Err(WriteError::Lost(lost)) => lost,
        };
        match (lost.error, lost.found) {
            (Clash::Key, found) => Ok(Closing::Used(found.map(from_item).transpose()?)),
            (_, Some(found)) => Ok(Closing::Earlier(Box::new(from_item::<Row>(found)?.order))),
            (_, None) => Err(Outage::internal("advance order", &"there is none")),
        }
    }

    /// Takes an order to finish it, unless somebody else was faster: nobody takes it again before `until`. A dead
    /// letter is put aside from the others.
    pub async fn claim(&self, due: &DueOrder, until: Timestamp, is_dead: bool) -> Result<bool, Outage> {
        let work = Work::on(&due.order, until, due.attempts.saturating_add(1), is_dead);
        let unclaimed = Expect::text(OPEN_WORK.sk, due.due_key.as_str());
        match self.put(&Row { work: Some(work), ..Row::of(due.order.clone()) }, &unclaimed, None).await {
            Ok(()) => Ok(true),
            Err(WriteError::Lost(_)) => Ok(false),
            Err(WriteError::Outage(outage)) => Err(outage),
        }
    }

    async fn put(
        &self,
        row: &Row,
        expect: &Expect,
        key_use: Option<&KeyWrite>,
    ) -> Result<(), WriteError<Clash>> {
        let key = keys::order(row.order.user, &row.order.order_id);
        self.write(row.order.user, key_use).put(&self.table, &key, row, expect, Clash::Order).commit().await
    }

    /// A write of its own, and what it says of a key: whoever loses several races is told of the key, which decides.
    fn write(&self, user: UserId, key: Option<&KeyWrite>) -> Write<Clash> {
        let write = Write::new(&self.dynamo, RequestId::generate().as_str());
        let Some(KeyWrite { scope, item, expect }) = key else { return write };
        let row = KeyRow { key_use: item, rubbish_at: item.expires_at() };
        write.put(&self.table, &keys::key_use(user, scope), &row, expect, Clash::Key)
    }
}
