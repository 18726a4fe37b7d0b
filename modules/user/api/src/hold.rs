//! Setting money or an asset aside for an order, and giving it back.

use serde::{Deserialize, Serialize};
use tradepost_kernel::{Amount, AssetId, OrderId, Timestamp, UserId};

/// The order to set something aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Whose.
    pub user: UserId,
    /// The order it is set aside for; also the id that makes the call repeatable.
    pub order: OrderId,
    /// Of what: [`AssetId::USD`] to buy, the asset itself to sell.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
    /// Refused after this moment, unless it has an outcome already.
    pub hold_by: Timestamp,
}

/// A hold that took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// When.
    pub at: Timestamp,
}

/// The order to give back what is set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Whose.
    pub user: UserId,
    /// The order it was set aside for.
    pub order: OrderId,
    /// Of what, as in the hold, so that hold and position can be read at once.
    pub asset: AssetId,
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum HoldEnd {
    /// Given back, or never made and never to be.
    Released {
        /// When.
        at: Timestamp,
    },
    /// The order was settled.
    Settled {
        /// When.
        at: Timestamp,
    },
    /// The hold, or the settlement, was refused: nothing was ever set aside.
    Refused,
}
