//! What a login needs of the `users` table.

use tradepost_platform::dynamo::from_item;
use tradepost_problem::Outage;

use super::{Credentials, Store, keys};
use crate::domain::{Scope, Throttle};
use crate::fields::Username;

/// The attempts to log in that count in one scope.
#[derive(Clone, Debug)]
pub struct Counted {
    pub scope: Scope,
    pub throttle: Throttle,
}

impl Store {
    /// What a login needs, in one consistent read.
    pub async fn login(
        &self,
        username: &Username,
        scopes: Vec<Scope>,
    ) -> Result<(Option<Credentials>, Vec<Counted>), Outage> {
        let credentials = keys::credentials(username);
        let keys: Vec<_> =
            [credentials.clone()].into_iter().chain(scopes.iter().map(keys::throttle)).collect();
        let mut items = self.table.batch_get(&keys).await?;
        let counted = scopes.into_iter().map(|scope| {
            let throttle = items.remove(&keys::throttle(&scope)).map(from_item).transpose()?;
            Ok(Counted { scope, throttle: throttle.unwrap_or_default() })
        });
        let counted = counted.collect::<Result<_, Outage>>()?;
        Ok((items.remove(&credentials).map(from_item).transpose()?, counted))
    }
}
