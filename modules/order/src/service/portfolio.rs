//! What a user has, and what it is worth now.

use tradepost_kernel::money::Overflow;
use tradepost_kernel::{AssetId, UserId};
use tradepost_problem::Outage;
use tradepost_user_api::Positions;

use super::OrderService;
use crate::OrderError;
use crate::domain::{Holding, Portfolio, held_assets};

impl OrderService {
    /// Everything a user has, at the newest prices.
    ///
    /// # Errors
    /// [`OrderError::Outage`].
    pub async fn portfolio(&self, user: UserId) -> Result<Portfolio, OrderError> {
        let positions = self.accounts.positions(user, Positions::All).await?;
        let assets: Vec<_> = held_assets(&positions).map(|position| position.asset).collect();
        let listings = if assets.is_empty() { Vec::new() } else { self.catalog.listings(assets).await? };
        Portfolio::of(&positions, &listings, self.clock.now()).map_err(too_large)
    }

    /// What a user has of one asset, also when that is nothing any more.
    ///
    /// # Errors
    /// [`OrderError::AssetNotFound`], [`OrderError::PositionNotFound`], [`OrderError::Outage`].
    pub async fn holding(&self, user: UserId, asset: AssetId) -> Result<Holding, OrderError> {
        let listing = self.require_asset(asset).await?;
        let positions = self.accounts.positions(user, Positions::Of(vec![asset])).await?;
        let position = positions.iter().find(|position| position.asset == asset);
        let position = position.ok_or(OrderError::PositionNotFound { asset })?;
        Holding::of(position, Some(&listing)).map_err(too_large)
    }
}

/// Orders are limited to far less than what can be valued exactly.
fn too_large(overflow: Overflow) -> OrderError {
    Outage::internal("valuation", &overflow).into()
}
