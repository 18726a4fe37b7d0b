//! What the catalog refuses.

use tradepost_kernel::AssetId;
use tradepost_problem::{About, Failure, Kind};

const ASSET_NOT_FOUND: About = About {
    code: "asset_not_found",
    kind: Kind::NotFound,
    title: "No such asset",
    explanation: "The catalog has no asset of this symbol. `GET /api/v1/inventory/assets?active_only=false` \
                  lists all it has.",
};

const TOO_MANY_STREAMS: About = About {
    code: "too_many_streams",
    kind: Kind::Limited,
    title: "Too many streams",
    explanation: "This address has as many streams of prices open as it may. Close one that nobody reads, or ask for \
                  several assets on one. Of IPv6 addresses, a /64 counts as one.",
};

/// The problems of this module.
pub const PROBLEMS: &[&About] = &[&ASSET_NOT_FOUND, &TOO_MANY_STREAMS];

/// A stream that was left is noticed when something is sent on it.
const NOTICED_AFTER_S: u64 = 15;

/// Why a request about the catalog is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// A well-formed symbol that nothing in the catalog has.
    #[error("The catalog has no asset {0}.")]
    AssetNotFound(AssetId),
    /// A client has as many streams open as it may.
    #[error("There may be {0} streams of prices from one address.")]
    TooManyStreams(u32),
}

impl Failure for InventoryError {
    fn about(&self) -> &'static About {
        match self {
            Self::AssetNotFound(_) => &ASSET_NOT_FOUND,
            Self::TooManyStreams(_) => &TOO_MANY_STREAMS,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        matches!(self, Self::TooManyStreams(_)).then_some(NOTICED_AFTER_S)
    }
}
