//! The `users` table.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | user | `U#{user}` | `USER` |
//! | position | `U#{user}` | `P#{asset}` |
//! | outcome of an order | `U#{user}` | `S#{order}` |
//! | session | `U#{user}` | `T#{session}` |
//! | role, if one was given | `U#{user}` | `ROLE` |
//! | audit event | `U#{user}` | `AUDIT#{time}#{id}` |
//! | use of an idempotency key | `U#{user}` | `I#{route}#{key}` |
//! | ledger entry | `L#{user}#{asset}` | sequence number, twelve digits |
//! | credentials | `N#{username}` | `CREDENTIALS` |
//! | failed logins of a name | `N#{username}` | `THROTTLE` |
//! | failed logins from an address | `A#{address}`, of IPv6 its /64 | `THROTTLE` |
//! | claim on an address | `E#{email}` | `EMAIL` |

mod cash;
mod logins;
mod records;
mod roles;
mod sessions;
mod write;

use std::collections::HashMap;

use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{AssetId, EntryId, OrderId, SessionId, Timestamp, UserId};
use tradepost_platform::dynamo::{
    Dynamo, Item, Key, Query, Rows, SortKeys, Table, TableDefinition, from_item,
};
use tradepost_problem::Outage;
use tradepost_user_api::Entry;

pub use self::cash::CashState;
pub use self::logins::Counted;
pub use self::records::{LedgerRecord, Stored, records, records_of};
pub use self::roles::{AuditEvent, Role};
pub use self::sessions::Session;
pub use self::write::StoreWrite;
use crate::domain::{Holding, Outcome, Scope};
use crate::fields::{DateOfBirth, Email, PersonName, Phone, Username};

/// The table of this module.
pub const TABLE: TableDefinition =
    TableDefinition { name: "users", indexes: &[], expires_at: Some("expires_at") };

mod keys {
    use super::{
        AssetId, Email, EntryId, Key, OrderId, Scope, SecondsFormat, SessionId, Timestamp, UserId, Username,
    };

    pub const POSITIONS: &str = "P#";
    pub const SESSIONS: &str = "T#";
    pub const AUDIT: &str = "AUDIT#";

    pub fn partition(user: UserId) -> String {
        format!("U#{user}")
    }
    pub fn user(user: UserId) -> Key {
        Key::new(partition(user), "USER")
    }
    pub fn position(user: UserId, asset: AssetId) -> Key {
        Key::new(partition(user), format!("{POSITIONS}{asset}"))
    }
    pub fn outcome(user: UserId, order: &OrderId) -> Key {
        Key::new(partition(user), format!("S#{order}"))
    }
    pub fn session(user: UserId, session: SessionId) -> Key {
        Key::new(partition(user), format!("{SESSIONS}{session}"))
    }
    pub fn role(user: UserId) -> Key {
        Key::new(partition(user), "ROLE")
    }
    /// Of one length, so that text sorts as time does.
    pub fn audit(user: UserId, at: Timestamp, id: EntryId) -> Key {
        let time = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        Key::new(partition(user), format!("{AUDIT}{time}#{id}"))
    }
    /// `scope` is the route and the key.
    pub fn key_use(user: UserId, scope: &str) -> Key {
        Key::new(partition(user), format!("I#{scope}"))
    }
    pub fn ledger(user: UserId, asset: AssetId) -> String {
        format!("L#{user}#{asset}")
    }
    pub fn sequence(seq: u64) -> String {
        format!("{seq:012}")
    }
    pub fn entry(user: UserId, asset: AssetId, seq: u64) -> Key {
        Key::new(ledger(user, asset), sequence(seq))
    }
    pub fn credentials(username: &Username) -> Key {
        Key::new(format!("N#{username}"), "CREDENTIALS")
    }
    pub fn throttle(scope: &Scope) -> Key {
        match scope {
            Scope::Account(username) => Key::new(format!("N#{username}"), "THROTTLE"),
            Scope::Network(network) => Key::new(format!("A#{network}"), "THROTTLE"),
        }
    }
    pub fn email(email: &Email) -> Key {
        Key::new(format!("E#{}", email.as_str()), "EMAIL")
    }
}

/// What a user says of themselves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    pub user: UserId,
    pub username: Username,
    pub email: Email,
    pub first_name: PersonName,
    pub last_name: PersonName,
    pub phone: Option<Phone>,
    pub date_of_birth: Option<DateOfBirth>,
    pub marketing_emails_consent: bool,
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a login needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    pub user: UserId,
    /// Counts unless the user was given a [`Role`].
    pub role: String,
    pub password_hash: String,
}

#[derive(Serialize)]
struct EmailClaim {
    user: UserId,
}

/// What a settlement reads, at once.
pub struct SettlementState {
    pub cash: Option<Holding>,
    pub asset: Option<Holding>,
    pub outcome: Option<Outcome>,
}

/// What a hold or a release reads, at once.
pub struct HoldState {
    pub position: Option<Holding>,
    pub outcome: Option<Outcome>,
}

/// Reads and writes of the `users` table.
#[derive(Clone)]
pub struct Store {
    dynamo: Dynamo,
    table: Table,
}

impl Store {
    pub fn new(dynamo: &Dynamo) -> Self {
        Self { dynamo: dynamo.clone(), table: dynamo.table(TABLE.name) }
    }

    /// Starts a write of the operation with this id.
    pub fn write<E: Clone>(&self, operation: impl ToString) -> StoreWrite<'_, E> {
        StoreWrite::new(&self.dynamo, &self.table, operation.to_string())
    }

    pub async fn profile(&self, user: UserId) -> Result<Option<Profile>, Outage> {
        self.table.get(&keys::user(user)).await
    }

    pub async fn credentials(&self, username: &Username) -> Result<Option<Credentials>, Outage> {
        self.table.get(&keys::credentials(username)).await
    }

    pub async fn holding(&self, user: UserId, asset: AssetId) -> Result<Option<Holding>, Outage> {
        self.table.get(&keys::position(user, asset)).await
    }

    pub async fn holdings(&self, user: UserId) -> Result<Vec<Holding>, Outage> {
        self.all(user, keys::POSITIONS).await
    }

    pub async fn holdings_of(&self, user: UserId, assets: &[AssetId]) -> Result<Vec<Holding>, Outage> {
        let mut found = Vec::with_capacity(assets.len());
        for chunk in assets.chunks(100) {
            let keys: Vec<_> = chunk.iter().map(|asset| keys::position(user, *asset)).collect();
            for item in self.table.batch_get(&keys).await?.into_values() {
                found.push(from_item::<Holding>(item)?);
            }
        }
        found.sort_by_key(|holding| holding.asset);
        Ok(found)
    }

    /// Cash, asset and outcome in one consistent read.
    pub async fn settlement(
        &self,
        user: UserId,
        asset: AssetId,
        order: &OrderId,
    ) -> Result<SettlementState, Outage> {
        let keys =
            [keys::position(user, AssetId::USD), keys::position(user, asset), keys::outcome(user, order)];
        let mut items: HashMap<Key, Item> = self.table.batch_get(&keys).await?;
        Ok(SettlementState {
            cash: items.remove(&keys[0]).map(from_item).transpose()?,
            asset: items.remove(&keys[1]).map(from_item).transpose()?,
            outcome: items.remove(&keys[2]).map(from_item).transpose()?,
        })
    }

    /// One position and the outcome in one consistent read.
    pub async fn hold(&self, user: UserId, asset: AssetId, order: &OrderId) -> Result<HoldState, Outage> {
        let keys = [keys::position(user, asset), keys::outcome(user, order)];
        let mut items = self.table.batch_get(&keys).await?;
        Ok(HoldState {
            position: items.remove(&keys[0]).map(from_item).transpose()?,
            outcome: items.remove(&keys[1]).map(from_item).transpose()?,
        })
    }

    /// Entries of a ledger with a smaller sequence number than `before`, newest first.
    pub async fn entries(
        &self,
        user: UserId,
        asset: AssetId,
        before: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, Outage> {
        if before <= 1 {
            return Ok(Vec::new());
        }
        let query = Query {
            pk: keys::ledger(user, asset),
            keys: SortKeys::Between(keys::sequence(1), keys::sequence(before - 1)),
            newest_first: true,
            limit,
            after: None,
        };
        Ok(self.table.query(&query).await?.items)
    }

    async fn all<T: serde::de::DeserializeOwned>(
        &self,
        user: UserId,
        prefix: &str,
    ) -> Result<Vec<T>, Outage> {
        let mut query = Query {
            pk: keys::partition(user),
            keys: SortKeys::Prefix(prefix.to_owned()),
            newest_first: false,
            limit: 1000,
            after: None,
        };
        let mut all = Vec::new();
        loop {
            let Rows { items, more_after } = self.table.query(&query).await?;
            all.extend(items);
            query.after = more_after;
            if query.after.is_none() {
                return Ok(all);
            }
        }
    }
}
