//! Why an order is refused, or a thing asked for is not there.

use tradepost_inventory_api::CatalogError;
use tradepost_kernel::{AssetId, Quantity, Usd};
use tradepost_platform::idempotency::KeyRefusal;
use tradepost_problem::{About, Failure, FieldError, Kind, Outage, http::VALIDATION};
use tradepost_user_api::AccountsError;

const UNKNOWN_ASSET: About = About {
    code: "unknown_asset",
    kind: Kind::Invalid,
    title: "Unknown asset",
    explanation: "The catalog has no asset of this id, so no order was placed. GET /api/v1/inventory/assets \
                  lists the assets there are.",
};
const ASSET_NOT_TRADABLE: About = About {
    code: "asset_not_tradable",
    kind: Kind::Invalid,
    title: "Asset not tradable",
    explanation: "The asset is inactive: it can be held and looked at, but neither bought nor sold now.",
};
const INVALID_QUANTITY_STEP: About = About {
    code: "invalid_quantity_step",
    kind: Kind::Invalid,
    title: "Invalid quantity step",
    explanation: "The asset is traded in whole steps, and the quantity is no whole multiple of its step; `detail` \
                  says the step. Only a sell of everything that is held of an asset may be of any quantity.",
};
const ORDER_VALUE_TOO_SMALL: About = About {
    code: "order_value_too_small",
    kind: Kind::Invalid,
    title: "Order value too small",
    explanation: "Quantity times price is below the least an order may be worth, on the platform or on this \
                  asset. Only a sell of everything that is held of an asset may be worth less.",
};
const ORDER_VALUE_TOO_LARGE: About = About {
    code: "order_value_too_large",
    kind: Kind::Invalid,
    title: "Order value too large",
    explanation: "Quantity times price is above the most an order may be worth, on the platform or on this \
                  asset. Split it into several orders.",
};
const PRICE_UNAVAILABLE: About = About {
    code: "price_unavailable",
    kind: Kind::Unavailable,
    title: "Price unavailable",
    explanation: "There is no fresh price of the asset now, so no order was placed. Try again after the time in \
                  `Retry-After`.",
};
const ORDER_NOT_FOUND: About = About {
    code: "order_not_found",
    kind: Kind::NotFound,
    title: "No such order",
    explanation: "The caller has no order of this id.",
};
const ORDER_NOT_OPEN: About = About {
    code: "order_not_open",
    kind: Kind::Conflict,
    title: "Order not open",
    explanation: "Only an open order can be cancelled. This one has ended, is being filled, or was accepted so \
                  recently that it is not open yet; look at its `status`.",
};
const CLIENT_ORDER_ID_TAKEN: About = About {
    code: "client_order_id_taken",
    kind: Kind::Conflict,
    title: "Client order id taken",
    explanation: "The caller has an order of this `client_order_id` with other content. Repeat an order with exactly \
                  the same content, and give a new one a new id.",
};
const ASSET_NOT_FOUND: About = About {
    code: "asset_not_found",
    kind: Kind::NotFound,
    title: "No such asset",
    explanation: "The catalog has no asset of this id.",
};
const POSITION_NOT_FOUND: About = About {
    code: "position_not_found",
    kind: Kind::NotFound,
    title: "Asset never held",
    explanation: "The caller has never held this asset. One that was sold out answers with quantity 0 instead.",
};

/// The problems of this module, besides those of the accounts and outages.
pub const PROBLEMS: &[&About] = &[
    &UNKNOWN_ASSET,
    &ASSET_NOT_TRADABLE,
    &INVALID_QUANTITY_STEP,
    &ORDER_VALUE_TOO_SMALL,
    &ORDER_VALUE_TOO_LARGE,
    &PRICE_UNAVAILABLE,
    &ORDER_NOT_FOUND,
    &ORDER_NOT_OPEN,
    &CLIENT_ORDER_ID_TAKEN,
    &ASSET_NOT_FOUND,
    &POSITION_NOT_FOUND,
];

/// Prices are renewed every few seconds.
const NEXT_PRICE_S: u64 = 5;

const EXPIRY_RULE: &str = "must be in the future, and at most 90 days away";

/// A refusal, something that is not there, or an outage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// An order names an asset the catalog does not have.
    #[error("There is no asset {asset}.")]
    UnknownAsset {
        /// Which.
        asset: AssetId,
    },
    /// The asset is inactive.
    #[error("{asset} cannot be traded now.")]
    AssetNotTradable {
        /// Which.
        asset: AssetId,
    },
    /// No whole number of steps.
    #[error(
        "The quantity of an order on {asset} must be a whole multiple of {step}; this one is {quantity}."
    )]
    InvalidQuantityStep {
        /// Of what.
        asset: AssetId,
        /// What it must be a multiple of.
        step: Quantity,
        /// What it is.
        quantity: Quantity,
    },
    /// Below the minimum.
    #[error("An order must be worth at least ${min}; this one is worth ${value}.")]
    OrderValueTooSmall {
        /// The least it may be worth.
        min: Usd,
        /// What it is worth.
        value: Usd,
    },
    /// Above the maximum.
    #[error("An order may be worth at most ${max}; this one is worth {}.", worth(value))]
    OrderValueTooLarge {
        /// The most it may be worth.
        max: Usd,
        /// What it is worth, if that can be written down at all.
        value: Option<Usd>,
    },
    /// No quote, or none that is fresh.
    #[error("There is no current price of {asset}. Please try again in a moment.")]
    PriceUnavailable {
        /// Of what.
        asset: AssetId,
    },
    /// Not an order of this user.
    #[error("You have no order of this id.")]
    OrderNotFound,
    /// It has ended, is about to, or is not open yet.
    #[error("This order is {status} and cannot be cancelled.")]
    OrderNotOpen {
        /// How far it has come.
        status: String,
    },
    /// Another order of the user has the id.
    #[error("You have another order with this client_order_id.")]
    ClientOrderIdTaken,
    /// An order that would never wait, or too long.
    #[error("expires_at {}", EXPIRY_RULE)]
    InvalidExpiry,
    /// A path names an asset the catalog does not have.
    #[error("There is no asset {asset}.")]
    AssetNotFound {
        /// Which.
        asset: AssetId,
    },
    /// The user never held the asset.
    #[error("You have never held {asset}.")]
    PositionNotFound {
        /// Which.
        asset: AssetId,
    },
    /// The outcome is unknown, or known to be nothing; see [`Outage`].
    #[error(transparent)]
    Outage(#[from] Outage),
    /// The key of the request was used before.
    #[error(transparent)]
    Key(#[from] KeyRefusal),
    /// The accounts refuse; told as they tell it.
    #[error(transparent)]
    Accounts(AccountsError),
}

fn worth(value: &Option<Usd>) -> String {
    value.map_or_else(|| "far more".to_owned(), |value| format!("${value}"))
}

impl From<AccountsError> for OrderError {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Outage(outage) => Self::Outage(outage),
            refusal => Self::Accounts(refusal),
        }
    }
}

impl From<CatalogError> for OrderError {
    fn from(error: CatalogError) -> Self {
        let CatalogError::Outage(outage) = error;
        Self::Outage(outage)
    }
}

impl OrderError {
    /// Whether a sell that empties a position is spared this refusal.
    pub(crate) const fn spares_emptying(&self) -> bool {
        matches!(self, Self::OrderValueTooSmall { .. } | Self::InvalidQuantityStep { .. })
    }
}

impl Failure for OrderError {
    fn about(&self) -> &'static About {
        match self {
            Self::UnknownAsset { .. } => &UNKNOWN_ASSET,
            Self::AssetNotTradable { .. } => &ASSET_NOT_TRADABLE,
            Self::InvalidQuantityStep { .. } => &INVALID_QUANTITY_STEP,
            Self::OrderValueTooSmall { .. } => &ORDER_VALUE_TOO_SMALL,
            Self::OrderValueTooLarge { .. } => &ORDER_VALUE_TOO_LARGE,
            Self::PriceUnavailable { .. } => &PRICE_UNAVAILABLE,
            Self::OrderNotFound => &ORDER_NOT_FOUND,
            Self::OrderNotOpen { .. } => &ORDER_NOT_OPEN,
            Self::ClientOrderIdTaken => &CLIENT_ORDER_ID_TAKEN,
            Self::InvalidExpiry => &VALIDATION,
            Self::AssetNotFound { .. } => &ASSET_NOT_FOUND,
            Self::PositionNotFound { .. } => &POSITION_NOT_FOUND,
            Self::Outage(outage) => outage.about(),
            Self::Key(refusal) => refusal.about(),
            Self::Accounts(error) => error.about(),
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::InvalidExpiry => {
                vec![FieldError { field: "expires_at".to_owned(), message: EXPIRY_RULE.to_owned() }]
            }
            _ => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::PriceUnavailable { .. } => Some(NEXT_PRICE_S),
            Self::Outage(outage) => outage.retry_after_s(),
            Self::Key(refusal) => refusal.retry_after_s(),
            Self::Accounts(error) => error.retry_after_s(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tradepost_kernel::{Quantity, Usd};
    use tradepost_problem::{Failure, Outage};
    use tradepost_user_api::AccountsError;

    use super::OrderError;

    fn usd(text: &str) -> Usd {
        Usd::parse(text).unwrap()
    }

    #[test]
    fn what_the_accounts_refuse_is_told_as_they_tell_it() {
        let refusal = AccountsError::InsufficientFunds { needed: usd("5"), available: usd("1") };
        let error = OrderError::from(refusal.clone());
        assert_eq!((error.about(), error.to_string()), (refusal.about(), refusal.to_string()));
        assert_eq!(OrderError::from(AccountsError::Outage(Outage::Busy)), OrderError::Outage(Outage::Busy));
    }

    #[test]
    fn messages_carry_the_numbers() {
        let small = OrderError::OrderValueTooSmall { min: usd("1"), value: usd("0.4") };
        assert_eq!(small.to_string(), "An order must be worth at least $1.00; this one is worth $0.40.");
        let step = OrderError::InvalidQuantityStep {
            asset: "BTC".parse().unwrap(),
            step: Quantity::parse("0.0010").unwrap(),
            quantity: Quantity::parse("0.00150").unwrap(),
        };
        let said = "The quantity of an order on BTC must be a whole multiple of 0.001; this one is 0.0015.";
        assert_eq!(step.to_string(), said);
        let large = OrderError::OrderValueTooLarge { max: usd("10000"), value: None };
        assert_eq!(large.to_string(), "An order may be worth at most $10000.00; this one is worth far more.");
    }
}
