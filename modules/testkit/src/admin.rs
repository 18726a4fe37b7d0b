//! Administrators, made as the operator makes them.

use std::sync::Arc;

use tradepost::{Config, Overrides};
use tradepost_kernel::SystemClock;
use tradepost_platform::auth::SessionCache;
use tradepost_platform::secrets::Secret;
use tradepost_user::{SigningKey, UserService};

use crate::{PASSWORD, User, World};

impl World {
    /// Signs up somebody new, makes them an administrator and logs them in.
    pub async fn new_admin(&self) -> User {
        let user = self.new_user().await;
        let config = Config::load(&Overrides::default()).unwrap();
        let operator = UserService::new(
            config.section("user").unwrap(),
            config.auth.tokens(),
            SigningKey::from_pem(&SigningKey::generate_pem().unwrap()).unwrap(),
            &Secret::from_bytes(b"a secret that signs nothing here"),
            self.store(),
            Arc::new(SessionCache::new()),
            Arc::new(SystemClock),
        );
        assert!(operator.unwrap().grant_admin(&user.username.parse().unwrap()).await.unwrap());
        self.log_in(&user.username, PASSWORD).await
    }
}
