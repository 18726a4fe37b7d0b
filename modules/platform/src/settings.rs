//! Reading settings so that whoever wrote a wrong one is told what would be right.

use std::fmt::Display;

use serde::de::value::{Error as Unread, StringDeserializer};
use serde::de::{Error, IntoDeserializer};
use serde::{Deserialize, Deserializer};

/// Reads one of a few words, in either case; for `#[serde(deserialize_with)]` of an enum without content.
///
/// # Errors
/// The words there are, where it is another.
pub fn one_of<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    let word = String::deserialize(deserializer)?;
    let reader: StringDeserializer<Unread> = word.to_lowercase().into_deserializer();
    T::deserialize(reader).map_err(|error: Unread| D::Error::custom(&error as &dyn Display))
}
