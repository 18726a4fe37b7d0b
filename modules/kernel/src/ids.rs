//! Identifiers. Those made here are UUID version 7 (RFC 9562 section 5.7), so their text sorts by the time
//! they were made.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// A unique id of a `Thing`, a UUID of version 7.
pub struct Id<Thing>(Uuid, PhantomData<fn() -> Thing>);

/// Marks [`UserId`].
#[derive(Debug)]
pub enum User {}
/// Marks [`SessionId`].
#[derive(Debug)]
pub enum Session {}
/// Marks [`EntryId`].
#[derive(Debug)]
pub enum Entry {}

/// The immutable id of a user; the name may not change either, but this never carries personal data.
pub type UserId = Id<User>;
/// The id of a login session.
pub type SessionId = Id<Session>;
/// The id of a ledger entry, the `transaction_id` of the HTTP API.
pub type EntryId = Id<Entry>;

impl<Thing> Id<Thing> {
    /// Makes a new id that sorts after every id made before it in this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where identifiers are made")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7(), PhantomData)
    }

    /// The id as bytes, for encodings more compact than text.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes), PhantomData)
    }
}

impl<Thing> Clone for Id<Thing> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Thing> Copy for Id<Thing> {}
impl<Thing> PartialEq for Id<Thing> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<Thing> Eq for Id<Thing> {}
impl<Thing> std::hash::Hash for Id<Thing> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<Thing> fmt::Debug for Id<Thing> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<Thing> fmt::Display for Id<Thing> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<Thing> FromStr for Id<Thing> {
    type Err = MalformedId;
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        Uuid::try_parse(text).map(|uuid| Self(uuid, PhantomData)).map_err(|_| MalformedId("must be a UUID"))
    }
}
impl<Thing> Serialize for Id<Thing> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, Thing> Deserialize<'de> for Id<Thing> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A text that is not of the form an id has; says which form that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedId(&'static str);

/// The id of an order: 10 to 50 letters, digits, `_` or `-`. New ones are UUIDs of version 7.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct OrderId(String);

impl OrderId {
    /// Makes a new id that sorts after every id made before it in this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where identifiers are made")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OrderId {
    type Error = MalformedId;
    fn try_from(text: String) -> Result<Self, MalformedId> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (10..=50).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text))
        } else {
            Err(MalformedId("must be 10 to 50 letters, digits, underscores or hyphens"))
        }
    }
}

impl FromStr for OrderId {
    type Err = MalformedId;
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The symbol of an asset: 1 to 10 letters or digits, kept in upper case. [`AssetId::USD`] is cash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId {
    bytes: [u8; 10],
    len: u8,
}

impl AssetId {
    /// The dollar, in which all cash is kept. No catalog may list it.
    pub const USD: Self = Self { bytes: *b"USD\0\0\0\0\0\0\0", len: 3 };

    /// The symbol in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl FromStr for AssetId {
    type Err = MalformedId;
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        if !(1..=10).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(MalformedId("must be 1 to 10 letters or digits"));
        }
        let mut bytes = [0; 10];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        bytes.make_ascii_uppercase();
        Ok(Self { bytes, len: text.len() as u8 })
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl Serialize for AssetId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
impl<'de> Deserialize<'de> for AssetId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Names one request in answers, log lines and onward calls (`X-Request-Id`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Makes a new id.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where identifiers are made")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// Takes a client's own id if it is plausible: 8 to 128 letters, digits, `.`, `_` or `-`.
    #[must_use]
    pub fn accept(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((8..=128).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{AssetId, OrderId, RequestId, UserId};

    #[test]
    fn asset_ids_are_upper_case_and_at_most_ten_characters() {
        assert_eq!("btc".parse::<AssetId>().map(|id| id.to_string()), Ok("BTC".to_owned()));
        assert!("ABCDEFGHIJ".parse::<AssetId>().is_ok());
        for text in ["", "ABCDEFGHIJK", "BT-C", "   ", "BTÇ"] {
            assert!(text.parse::<AssetId>().is_err(), "{text:?}");
        }
        assert_eq!("usd".parse(), Ok(AssetId::USD));
    }

    #[test]
    fn order_ids_have_ten_to_fifty_plain_characters() {
        assert!("a".repeat(10).parse::<OrderId>().is_ok());
        assert!("a".repeat(50).parse::<OrderId>().is_ok());
        for text in ["a".repeat(9), "a".repeat(51), "          ".to_owned(), "abc/def#ghi".to_owned()] {
            assert!(text.parse::<OrderId>().is_err(), "{text:?}");
        }
        assert!(OrderId::generate() < OrderId::generate());
    }

    #[test]
    fn ids_survive_text_and_implausible_request_ids_are_not_kept() {
        let id = UserId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(RequestId::accept("checkout-4711").is_some());
        assert!(RequestId::accept("short").is_none());
        assert!(RequestId::accept("bad id with blanks").is_none());
        assert!(RequestId::accept(&"x".repeat(129)).is_none());
    }
}
