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

/// The problems of this module.
pub const PROBLEMS: &[&About] = &[&ASSET_NOT_FOUND];

/// Why a request about the catalog is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// A well-formed symbol that nothing in the catalog has.
    #[error("The catalog has no asset {0}.")]
    AssetNotFound(AssetId),
}

impl Failure for InventoryError {
    fn about(&self) -> &'static About {
        match self {
            Self::AssetNotFound(_) => &ASSET_NOT_FOUND,
        }
    }
}
