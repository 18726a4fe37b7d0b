//! Changes to the `users` table, in the words of its items.

use tradepost_kernel::{AssetId, EntryId, OrderId, UserId};
use tradepost_platform::dynamo::{Dynamo, Expect, Table, Write};
use tradepost_platform::idempotency::KeyWrite;
use tradepost_user_api::Entry;

use super::{AuditEvent, Counted, Credentials, EmailClaim, Profile, Role, Session, keys};
use crate::domain::{Holding, Outcome};
use crate::fields::Username;

/// Changes that take effect together.
pub struct StoreWrite<'a, E> {
    table: &'a Table,
    write: Write<E>,
}

impl<'a, E: Clone> StoreWrite<'a, E> {
    pub(super) fn new(dynamo: &Dynamo, table: &'a Table, operation: String) -> Self {
        Self { table, write: Write::new(dynamo, operation) }
    }

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

    /// Demands that the password that was checked is still the password.
    pub fn same_password(mut self, username: &Username, checked: &Credentials, stale: E) -> Self {
        let same = Expect::text("password_hash", &checked.password_hash);
        self.write = self.write.check(self.table, &keys::credentials(username), &same, stale);
        self
    }

    /// Gives a user a role, if they still have the one before it.
    pub fn role(mut self, user: UserId, new: &Role, stale: E) -> Self {
        let expect = match new.version {
            1 => Expect::Absent,
            version => Expect::number("version", version - 1),
        };
        self.write = self.write.put(self.table, &keys::role(user), new, &expect, stale);
        self
    }

    /// Demands that a user still has the role that was read.
    pub fn same_role(mut self, user: UserId, read: Option<&Role>, stale: E) -> Self {
        let same = read.map_or(Expect::Absent, |role| Expect::number("version", role.version));
        self.write = self.write.check(self.table, &keys::role(user), &same, stale);
        self
    }

    /// Records what is done to a user.
    pub fn audit(mut self, user: UserId, id: EntryId, event: &AuditEvent, exists: E) -> Self {
        self.write = self.write.insert(self.table, &keys::audit(user, event.at(), id), event, exists);
        self
    }

    pub fn new_session(mut self, session: &Session, stale: E) -> Self {
        let key = keys::session(session.user, session.id);
        self.write = self.write.insert(self.table, &key, session, stale);
        self
    }

    /// Replaces the attempts that count in a scope.
    pub fn throttle(mut self, new: &Counted, stale: E) -> Self {
        let expect = match new.throttle.version {
            1 => Expect::Absent,
            version => Expect::number("version", version - 1),
        };
        self.write = self.write.put(self.table, &keys::throttle(&new.scope), &new.throttle, &expect, stale);
        self
    }

    pub fn session(mut self, old: &Session, new: &Session, stale: E) -> Self {
        let expect = Expect::number("version", old.version);
        self.write = self.write.put(self.table, &keys::session(new.user, new.id), new, &expect, stale);
        self
    }

    /// What becomes of the money of an order of which nothing is known yet.
    pub fn outcome(mut self, user: UserId, order: &OrderId, outcome: &Outcome, decided: E) -> Self {
        self.write = self.write.insert(self.table, &keys::outcome(user, order), outcome, decided);
        self
    }

    /// What becomes of the money that is held for an order.
    pub fn end_of_hold(mut self, user: UserId, order: &OrderId, outcome: &Outcome, decided: E) -> Self {
        let held = Expect::text("outcome", "held");
        let write = self.write.put(self.table, &keys::outcome(user, order), outcome, &held, decided);
        // Nothing follows the end of a hold.
        self.write = write.leaving_a_mark();
        self
    }

    /// Replaces a position and appends its ledger entry.
    pub fn movement(mut self, user: UserId, new: &Holding, entry: &Entry, stale: &E) -> Self {
        self = self.position(user, new, stale.clone());
        let key = keys::entry(user, new.asset, entry.seq);
        self.write = self.write.insert(self.table, &key, entry, stale.clone());
        self
    }

    /// Replaces a position.
    pub fn position(mut self, user: UserId, new: &Holding, stale: E) -> Self {
        let expect = match new.version {
            1 if new.asset != AssetId::USD => Expect::Absent,
            version => Expect::number("version", version - 1),
        };
        self.write = self.write.put(self.table, &keys::position(user, new.asset), new, &expect, stale);
        self
    }

    /// What was done under an idempotency key, if there is one.
    pub fn key_use(mut self, user: UserId, write: Option<&KeyWrite>, taken: E) -> Self {
        if let Some(KeyWrite { scope, item, expect }) = write {
            self.write = self.write.put(self.table, &keys::key_use(user, scope), item, expect, taken);
        }
        self
    }

    pub fn into_write(self) -> Write<E> {
        self.write
    }
}
