//! Why the accounts refuse.

use serde::{Deserialize, Serialize};
use tradepost_kernel::{Amount, AssetId, Usd};
use tradepost_problem::{About, Failure, Kind, Outage};

const INSUFFICIENT_FUNDS: About = About {
    code: "insufficient_funds",
    kind: Kind::Invalid,
    title: "Insufficient funds",
    explanation: "The available balance does not cover the amount. Money held for open orders is not available. \
                  Nothing was moved.",
};
const INSUFFICIENT_HOLDINGS: About = About {
    code: "insufficient_holdings",
    kind: Kind::Invalid,
    title: "Insufficient holdings",
    explanation: "The available quantity of the asset does not cover the order. Nothing was moved.",
};
const BALANCE_TOO_LARGE: About = About {
    code: "balance_too_large",
    kind: Kind::Invalid,
    title: "Balance too large",
    explanation: "The balance after this would be larger than the platform can keep exactly. Nothing was moved.",
};
const SETTLEMENT_EXPIRED: About = About {
    code: "settlement_expired",
    kind: Kind::Invalid,
    title: "Order not settled in time",
    explanation: "The order could not be settled while its price was valid, so it was given up. Nothing was \
                  moved; place it again.",
};
const HOLD_RELEASED: About = About {
    code: "hold_released",
    kind: Kind::Conflict,
    title: "Hold released",
    explanation: "What the order had set aside was given back, so the order can neither be opened nor filled any \
                  more. Nothing was moved.",
};
const NO_HOLD: About = About {
    code: "no_hold",
    kind: Kind::Conflict,
    title: "No hold",
    explanation: "Nothing was ever set aside for the order, so it cannot be filled from that. Nothing was moved.",
};
const SETTLEMENT_EXCEEDS_HOLD: About = About {
    code: "settlement_exceeds_hold",
    kind: Kind::Internal,
    title: "Settlement exceeds its hold",
    explanation: "A defect of the platform: it tried to fill an order from something other than what was set \
                  aside for it. Nothing was moved.",
};
const UNKNOWN_USER: About = About {
    code: "unknown_user",
    kind: Kind::NotFound,
    title: "Unknown user",
    explanation: "There is no account of this user any more.",
};

/// The problems an [`AccountsError`] can be, besides outages.
pub const PROBLEMS: &[&About] = &[
    &INSUFFICIENT_FUNDS,
    &INSUFFICIENT_HOLDINGS,
    &BALANCE_TOO_LARGE,
    &SETTLEMENT_EXPIRED,
    &HOLD_RELEASED,
    &NO_HOLD,
    &SETTLEMENT_EXCEEDS_HOLD,
    &UNKNOWN_USER,
];

/// A refusal of the accounts, or an outage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum AccountsError {
    /// Not enough cash is available.
    #[error("This needs ${needed}, and ${available} is available.")]
    InsufficientFunds {
        /// Dollars needed.
        needed: Usd,
        /// Dollars available.
        available: Usd,
    },
    /// Not enough of an asset is available.
    #[error("This needs {needed} {asset}, and {available} {asset} is available.")]
    InsufficientHoldings {
        /// Of what.
        asset: AssetId,
        /// How much is needed.
        needed: Amount,
        /// How much is available.
        available: Amount,
    },
    /// A balance would leave the range in which it is exact.
    #[error("The balance after this would be too large to keep.")]
    BalanceTooLarge,
    /// `settle_by` or `hold_by` passed before the order had an outcome.
    #[error("The order could not be settled in time. Nothing was moved.")]
    SettlementExpired,
    /// The order was released, so it can be neither held for nor settled any more.
    #[error("What was set aside for the order has been given back.")]
    HoldReleased,
    /// Nothing was ever set aside for the order.
    #[error("Nothing is set aside for the order.")]
    NoHold,
    /// A buy that costs more than its hold, a sale of another quantity than the one held, a trade of another
    /// asset, or one that would spare the hold. A defect of the caller; nothing is written.
    #[error("The settlement takes something other than what is set aside for the order.")]
    SettlementExceedsHold,
    /// There is no such user.
    #[error("There is no such user.")]
    UnknownUser,
    /// The outcome is unknown, or known to be nothing; see [`Outage`].
    #[error(transparent)]
    Outage(#[from] Outage),
}

impl Failure for AccountsError {
    fn about(&self) -> &'static About {
        match self {
            Self::InsufficientFunds { .. } => &INSUFFICIENT_FUNDS,
            Self::InsufficientHoldings { .. } => &INSUFFICIENT_HOLDINGS,
            Self::BalanceTooLarge => &BALANCE_TOO_LARGE,
            Self::SettlementExpired => &SETTLEMENT_EXPIRED,
            Self::HoldReleased => &HOLD_RELEASED,
            Self::NoHold => &NO_HOLD,
            Self::SettlementExceedsHold => &SETTLEMENT_EXCEEDS_HOLD,
            Self::UnknownUser => &UNKNOWN_USER,
            Self::Outage(outage) => outage.about(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Outage(outage) => outage.retry_after_s(),
            _ => None,
        }
    }
}
