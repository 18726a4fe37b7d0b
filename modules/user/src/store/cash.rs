//! What a movement of cash needs of the `users` table.

use tradepost_kernel::{AssetId, UserId};
use tradepost_platform::dynamo::from_item;
use tradepost_platform::idempotency::{KeyUse, KeyedRequest};
use tradepost_problem::Outage;

use super::{Store, keys};
use crate::domain::Holding;

/// What a movement of cash reads, at once.
pub struct CashState {
    pub cash: Option<Holding>,
    /// What is stored under the key of the request, if it has one.
    pub key_use: Option<KeyUse>,
}

impl Store {
    /// One consistent read, with a key or without.
    pub async fn cash(&self, user: UserId, request: Option<&KeyedRequest>) -> Result<CashState, Outage> {
        let Some(request) = request else {
            return Ok(CashState { cash: self.holding(user, AssetId::USD).await?, key_use: None });
        };
        let position = keys::position(user, AssetId::USD);
        let key = keys::key_use(user, &request.scope());
        let mut items = self.table.batch_get(&[position.clone(), key.clone()]).await?;
        Ok(CashState {
            cash: items.remove(&position).map(from_item).transpose()?,
            key_use: items.remove(&key).map(from_item).transpose()?,
        })
    }
}
