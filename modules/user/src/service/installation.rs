//! Processes on one store, for tests of what they do together.

use std::sync::{Arc, Mutex};

use tradepost_engine::Engine;
use tradepost_kernel::{Clock, EntryId, SystemClock, Timestamp, Usd, UserId};
use tradepost_platform::auth::{SessionCache, TokenSettings};
use tradepost_platform::dynamo::Dynamo;
use tradepost_platform::secrets::Secret;

use super::{Registration, Stale, UserService};
use crate::settings::{DepositPolicy, Settings};
use crate::store::{Credentials, Profile, TABLE};
use crate::tokens::SigningKey;

/// The password of everybody who is registered here.
pub const RIGHT: &str = "TestPassword123!";

/// A clock that stands still until it is moved.
pub struct Still(pub Mutex<Timestamp>);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Processes on one store, with one clock.
pub struct Installation {
    pub processes: Vec<Arc<UserService>>,
    pub clock: Arc<Still>,
    pub dynamo: Dynamo,
}

impl Installation {
    pub async fn start(processes: usize, per_account: usize, per_address: usize) -> Self {
        let dynamo = Dynamo::in_process(Engine::in_memory().unwrap().http_client(), "test_");
        Self::on(dynamo, processes, per_account, per_address).await
    }

    /// The same on a store that is there.
    pub async fn on(dynamo: Dynamo, processes: usize, per_account: usize, per_address: usize) -> Self {
        TABLE.create(&dynamo).await.unwrap();
        let clock = Arc::new(Still(Mutex::new(SystemClock.now())));
        let settings = settings(per_account, per_address);
        let processes = (0..processes).map(|_| process(settings.clone(), &dynamo, clock.clone())).collect();
        Self { processes, clock, dynamo }
    }

    /// A user without cash, who cannot log in.
    pub async fn open_account(&self) -> UserId {
        let (user, now) = (UserId::generate(), self.clock.now());
        let digits: String = user.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
        let name = digits[digits.len() - 12..].to_owned();
        let profile = Profile {
            user,
            username: format!("u{name}").parse().unwrap(),
            email: format!("{name}@example.com").parse().unwrap(),
            first_name: "Jane".parse().unwrap(),
            last_name: "Doe".parse().unwrap(),
            phone: None,
            date_of_birth: None,
            marketing_emails_consent: false,
            version: 0,
            created_at: now,
            updated_at: now,
        };
        let credentials = Credentials { user, role: "user".to_owned(), password_hash: String::new() };
        let write = self.processes[0].store.write(EntryId::generate());
        write.new_user(&profile, &credentials, Stale, Stale).into_write().commit().await.unwrap();
        user
    }

    pub async fn register(&self, username: &str) {
        let registration = Registration {
            username: username.parse().unwrap(),
            email: format!("{username}@example.com").parse().unwrap(),
            password: RIGHT.parse().unwrap(),
            first_name: "Jane".parse().unwrap(),
            last_name: "Doe".parse().unwrap(),
            phone: None,
            date_of_birth: None,
            marketing_emails_consent: false,
        };
        self.processes[0].register(registration).await.unwrap();
    }

    /// What is stored of somebody's password, replaced.
    pub async fn store_hash(&self, username: &str, password_hash: String) {
        let (store, username) = (&self.processes[0].store, username.parse().unwrap());
        let old = store.credentials(&username).await.unwrap().unwrap();
        let new = Credentials { password_hash, ..old.clone() };
        let write = store.write(EntryId::generate()).credentials(&username, &old, &new, Stale);
        write.into_write().commit().await.unwrap();
    }

    pub async fn stored_hash(&self, username: &str) -> String {
        let credentials = self.processes[0].store.credentials(&username.parse().unwrap()).await;
        credentials.unwrap().unwrap().password_hash
    }
}

fn settings(per_account: usize, per_address: usize) -> Settings {
    Settings {
        deposits: DepositPolicy::SelfService,
        self_service_in_production: false,
        daily_deposit_limit: Usd::parse("10000.00").unwrap(),
        daily_withdrawal_limit: Usd::parse("5000.00").unwrap(),
        access_token_minutes: 60,
        refresh_token_days: 30,
        concurrent_hashes: 2,
        login_failures_per_account: per_account,
        login_failures_per_address: per_address,
    }
}

fn process(settings: Settings, dynamo: &Dynamo, clock: Arc<Still>) -> Arc<UserService> {
    let tokens = TokenSettings { issuer: "i".to_owned(), audience: "a".to_owned() };
    let key = SigningKey::from_pem(&SigningKey::generate_pem().unwrap()).unwrap();
    let (secret, cache) = (Secret::from_bytes(b"test"), Arc::new(SessionCache::new()));
    UserService::new(settings, tokens, key, &secret, dynamo, cache, clock).unwrap()
}
