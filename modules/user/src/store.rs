//! The `users` table.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | user | `U#{user}` | `USER` |
//! | position | `U#{user}` | `P#{asset}` |
//! | outcome of an order | `U#{user}` | `S#{order}` |
//! | session | `U#{user}` | `T#{session}` |
//! | ledger entry | `L#{user}#{asset}` | sequence number, twelve digits |
//! | credentials | `N#{username}` | `CREDENTIALS` |
//! | claim on an address | `E#{email}` | `EMAIL` |

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tradepost_kernel::{AssetId, OrderId, SessionId, Timestamp, UserId};
use tradepost_platform::dynamo::{
    Dynamo, Expect, Item, Key, Query, Rows, SortKeys, Table, TableDefinition, Write, from_item,
};
use tradepost_problem::Outage;
use tradepost_user_api::{AccountsError, Entry, Settled};

use crate::domain::Holding;
use crate::fields::{DateOfBirth, Email, PersonName, Phone, Username};

/// The table of this module.
pub const TABLE: TableDefinition =
    TableDefinition { name: "users", indexes: &[], expires_at: Some("expires_at") };

mod keys {
    use super::{AssetId, Email, Key, OrderId, SessionId, UserId, Username};

    pub const POSITIONS: &str = "P#";
    pub const SESSIONS: &str = "T#";

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
    pub role: String,
    pub password_hash: String,
}

/// A login, and the refresh token that is good for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub username: String,
    pub role: String,
    /// Hash of the refresh token that is good now.
    pub refresh_hash: String,
    /// Hash of the one before it, and when it was used.
    pub used_hash: Option<String>,
    pub rotated_at: Timestamp,
    pub created_at: Timestamp,
    pub address: Option<String>,
    pub device: Option<String>,
    pub revoked: bool,
    pub version: u64,
    /// Unix second after which the session is over.
    pub expires_at: i64,
}

/// The outcome of an order, for ever.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Settled { at: Timestamp },
    Refused { reason: AccountsError },
}

impl Outcome {
    pub fn answer(self) -> Result<Settled, AccountsError> {
        match self {
            Self::Settled { at } => Ok(Settled { at }),
            Self::Refused { reason } => Err(reason),
        }
    }
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
        StoreWrite { table: &self.table, write: Write::new(&self.dynamo, operation.to_string()) }
    }

    pub async fn profile(&self, user: UserId) -> Result<Option<Profile>, Outage> {
        self.table.get(&keys::user(user)).await
    }

    pub async fn credentials(&self, username: &Username) -> Result<Option<Credentials>, Outage> {
        self.table.get(&keys::credentials(username)).await
    }

    pub async fn session(&self, user: UserId, session: SessionId) -> Result<Option<Session>, Outage> {
        self.table.get(&keys::session(user, session)).await
    }

    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>, Outage> {
        self.all(user, keys::SESSIONS).await
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

/// One page of everything that matters for the proof of the books, in no particular order.
///
/// # Errors
/// [`Outage`] when the store does not answer, or holds what cannot be read.
pub async fn records(dynamo: &Dynamo, after: Option<Key>) -> Result<Rows<LedgerRecord>, Outage> {
    let page = dynamo.table(TABLE.name).scan_page(after).await?;
    let records = page.items.into_iter().filter_map(|item| LedgerRecord::of(item).transpose());
    Ok(Rows { items: records.collect::<Result<_, _>>()?, more_after: page.more_after })
}

/// A write to the `users` table, in the words of its items.
pub struct StoreWrite<'a, E> {
    table: &'a Table,
    write: Write<E>,
}

impl<E: Clone> StoreWrite<'_, E> {
    pub fn new_user(mut self, profile: &Profile, credentials: &Credentials, name: E, email: E) -> Self {
        let (user, table) = (profile.user, self.table);
        let cash = Holding::empty(AssetId::USD, profile.created_at);
        self.write = self
            .write
            .insert(table, &keys::credentials(&profile.username), credentials, name.clone())
            .insert(table, &keys::email(&profile.email), &EmailClaim { user }, email)
            .insert(table, &keys::user(user), profile, name.clone())
            .insert(table, &keys::position(user, AssetId::USD), &cash, name);
        self
    }

    /// Replaces a profile, and moves the claim on its address if that changed.
    pub fn profile(mut self, old: &Profile, new: &Profile, stale: E, email_taken: E) -> Self {
        let expect = Expect::number("version", old.version);
        self.write = self.write.put(self.table, &keys::user(new.user), new, &expect, stale.clone());
        if old.email != new.email {
            let claim = EmailClaim { user: new.user };
            let mine = Expect::text("user", new.user.to_string());
            self.write = self.write.insert(self.table, &keys::email(&new.email), &claim, email_taken).delete(
                self.table,
                &keys::email(&old.email),
                &mine,
                stale,
            );
        }
        self
    }

    /// Replaces a password hash, if it is still the one that was checked.
    pub fn credentials(
        mut self,
        username: &Username,
        old: &Credentials,
        new: &Credentials,
        stale: E,
    ) -> Self {
        let expect = Expect::text("password_hash", &old.password_hash);
        self.write = self.write.put(self.table, &keys::credentials(username), new, &expect, stale);
        self
    }

    /// Opens a session, if the password that was checked is still the password.
    pub fn new_session(
        mut self,
        session: &Session,
        username: &Username,
        checked: &Credentials,
        stale: E,
    ) -> Self {
        let same = Expect::text("password_hash", &checked.password_hash);
        self.write = self.write.check(self.table, &keys::credentials(username), &same, stale.clone()).insert(
            self.table,
            &keys::session(session.user, session.id),
            session,
            stale,
        );
        self
    }

    pub fn session(mut self, old: &Session, new: &Session, stale: E) -> Self {
        let expect = Expect::number("version", old.version);
        self.write = self.write.put(self.table, &keys::session(new.user, new.id), new, &expect, stale);
        self
    }

    /// The first, and only, outcome of an order.
    pub fn outcome(mut self, user: UserId, order: &OrderId, outcome: &Outcome, decided: E) -> Self {
        self.write = self.write.insert(self.table, &keys::outcome(user, order), outcome, decided);
        self
    }

    /// Replaces a position and appends its ledger entry.
    pub fn movement(mut self, user: UserId, new: &Holding, entry: &Entry, stale: &E) -> Self {
        let expect = match new.version {
            1 if new.asset != AssetId::USD => Expect::Absent,
            version => Expect::number("version", version - 1),
        };
        self.write = self
            .write
            .put(self.table, &keys::position(user, new.asset), new, &expect, stale.clone())
            .insert(self.table, &keys::entry(user, new.asset, entry.seq), entry, stale.clone());
        self
    }

    pub fn into_write(self) -> Write<E> {
        self.write
    }
}

/// An item of the `users` table that matters for the proof of the books.
#[derive(Debug)]
pub struct LedgerRecord {
    /// Whose.
    pub user: UserId,
    /// What.
    pub stored: Stored,
}

/// The items that matter for the proof of the books.
#[derive(Debug)]
pub enum Stored {
    /// A position: its asset, available and held together, and the sequence number of its newest entry.
    Position {
        /// Of what.
        asset: AssetId,
        /// Available and held together.
        total: tradepost_kernel::Amount,
        /// What is held.
        held: tradepost_kernel::Amount,
        /// The sequence number of the newest entry.
        seq: u64,
    },
    /// A ledger entry.
    Entry {
        /// Of what.
        asset: AssetId,
        /// The entry.
        entry: Box<Entry>,
    },
    /// The outcome of an order.
    Outcome {
        /// Which order.
        order: OrderId,
        /// Whether it was settled, and not refused.
        settled: bool,
    },
}

impl LedgerRecord {
    fn of(item: Item) -> Result<Option<Self>, Outage> {
        let text =
            |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        let (pk, sk) = (text("pk"), text("sk"));
        let broken = || Outage::internal("read item", &format!("the key {pk} {sk} is malformed"));
        let (user, stored) = match (pk.split_once('#'), sk.split_once('#')) {
            (Some(("L", ledger)), _) => {
                let (user, asset) = ledger.split_once('#').ok_or_else(broken)?;
                let asset = asset.parse().map_err(|_| broken())?;
                (user.to_owned(), Stored::Entry { asset, entry: Box::new(from_item(item)?) })
            }
            (Some(("U", user)), Some(("P", _))) => {
                let user = user.to_owned();
                let holding: Holding = from_item(item)?;
                let total = holding.total().map_err(|_| broken())?;
                let stored =
                    Stored::Position { asset: holding.asset, total, held: holding.held, seq: holding.seq };
                (user, stored)
            }
            (Some(("U", user)), Some(("S", order))) => {
                let (user, order) = (user.to_owned(), order.parse().map_err(|_| broken())?);
                let settled = matches!(from_item(item)?, Outcome::Settled { .. });
                (user, Stored::Outcome { order, settled })
            }
            _ => return Ok(None),
        };
        Ok(Some(Self { user: user.parse().map_err(|_| broken())?, stored }))
    }
}
