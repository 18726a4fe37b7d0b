//! What the catalog refuses.

use tradepost_kernel::{AssetId, Usd};
use tradepost_problem::{About, Failure, Kind, Outage};

const ASSET_NOT_FOUND: About = About {
    code: "asset_not_found",
    kind: Kind::NotFound,
    title: "No such asset",
    explanation: "The catalog has no asset of this symbol. `GET /api/v1/inventory/assets?active_only=false` \
                  lists all it has.",
};

const ASSET_EXISTS: About = About {
    code: "asset_exists",
    kind: Kind::Conflict,
    title: "The symbol is taken",
    explanation: "The catalog has an asset of this symbol already. Change that one, or choose another symbol.",
};

const PRICE_OF_FEED: About = About {
    code: "price_of_feed",
    kind: Kind::Invalid,
    title: "The price comes from the feed",
    explanation: "Administrators set the prices of assets that no feed prices: those that they added, and those that the \
                  feed never named.",
};

const LIMITS_CROSSED: About = About {
    code: "limits_crossed",
    kind: Kind::Invalid,
    title: "No order could keep to the limits",
    explanation: "The smallest value of an order on the asset would be larger than the largest.",
};

const TOO_MANY_STREAMS: About = About {
    code: "too_many_streams",
    kind: Kind::Limited,
    title: "Too many streams",
    explanation: "This address has as many streams of prices open as it may. Close one that nobody reads, or ask for \
                  several assets on one. Of IPv6 addresses, a /64 counts as one.",
};

/// The problems of this module.
pub const PROBLEMS: &[&About] =
    &[&ASSET_NOT_FOUND, &ASSET_EXISTS, &PRICE_OF_FEED, &LIMITS_CROSSED, &TOO_MANY_STREAMS];

/// A stream that was left is noticed when something is sent on it.
const NOTICED_AFTER_S: u64 = 15;

/// Why a request about the catalog is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// A well-formed symbol that nothing in the catalog has.
    #[error("The catalog has no asset {0}.")]
    AssetNotFound(AssetId),
    /// An asset that is to be added is there.
    #[error("The catalog has an asset {0} already.")]
    AssetExists(AssetId),
    /// The price of an asset that a feed prices is to be set.
    #[error("The price of {0} comes from the feed.")]
    PriceOfFeed(AssetId),
    /// Limits that exclude each other.
    #[error("An order on {asset} would have to be worth at least ${min} and at most ${max}.")]
    LimitsCrossed {
        /// Of which asset.
        asset: AssetId,
        /// The smallest value.
        min: Usd,
        /// The largest.
        max: Usd,
    },
    /// See [`Outage`].
    #[error(transparent)]
    Outage(#[from] Outage),
    /// A client has as many streams open as it may.
    #[error("There may be {0} streams of prices from one address.")]
    TooManyStreams(u32),
}

impl Failure for InventoryError {
    fn about(&self) -> &'static About {
        match self {
            Self::AssetNotFound(_) => &ASSET_NOT_FOUND,
            Self::AssetExists(_) => &ASSET_EXISTS,
            Self::PriceOfFeed(_) => &PRICE_OF_FEED,
            Self::LimitsCrossed { .. } => &LIMITS_CROSSED,
            Self::TooManyStreams(_) => &TOO_MANY_STREAMS,
            Self::Outage(outage) => outage.about(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooManyStreams(_) => Some(NOTICED_AFTER_S),
            Self::Outage(outage) => outage.retry_after_s(),
            _ => None,
        }
    }
}
