//! The item of an order, with what puts it into the indexes, and that of a key.

use serde::{Deserialize, Serialize};
use tradepost_kernel::Timestamp;
use tradepost_platform::idempotency::KeyUse;

use super::keys;
use crate::domain::{Order, Stage};

/// The item of an order.
#[derive(Serialize, Deserialize)]
pub struct Row {
    #[serde(flatten)]
    pub order: Order,
    #[serde(flatten)]
    pub work: Option<Work>,
    #[serde(flatten)]
    pub open: Option<Open>,
}

/// What puts an order into the index of open work.
#[derive(Serialize, Deserialize)]
pub struct Work {
    pub work_pk: String,
    pub work_sk: String,
    pub attempts: u32,
}

/// What puts an order into the index of open orders.
#[derive(Serialize, Deserialize)]
pub struct Open {
    pub open_pk: String,
    pub open_sk: String,
}

impl Row {
    /// The item of an order; its stage alone says in which indexes it is.
    pub fn of(order: Order) -> Self {
        let work = order.due().map(|due| Work::on(&order, due, 0, false));
        Self { work, open: Open::of(&order), order }
    }

    /// Whether nobody could finish it in many attempts.
    pub fn is_dead(&self) -> bool {
        self.work.as_ref().is_some_and(|work| work.work_pk == keys::DEAD)
    }
}

impl Work {
    pub fn on(order: &Order, due: Timestamp, attempts: u32, is_dead: bool) -> Self {
        let work_pk = if is_dead { keys::DEAD.to_owned() } else { keys::work_of(&order.order_id) };
        Self { work_pk, work_sk: keys::due(due, order), attempts }
    }
}

impl Open {
    fn of(order: &Order) -> Option<Self> {
        let (direction, awaited) = order.order_type.direction().zip(order.limit_price)?;
        (order.stage() == Stage::Waiting).then(|| Self {
            open_pk: keys::open_of(order.asset, direction, &order.order_id),
            open_sk: keys::awaited(awaited, &order.order_id),
        })
    }
}

/// The item of a key that was used.
#[derive(Serialize)]
pub struct KeyRow<'a> {
    #[serde(flatten)]
    pub key_use: &'a KeyUse,
    /// Unix second after which the store may sweep it. An order has an `expires_at`, and is never swept.
    pub rubbish_at: i64,
}
