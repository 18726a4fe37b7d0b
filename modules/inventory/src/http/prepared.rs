//! What is shown of an asset, written once for all who ask: everything but the age of its price.

use std::fmt::Write;

use serde::Serialize;
use tradepost_kernel::Timestamp;
use tradepost_problem::Outage;

/// Stands for the age of the price while the rest is written.
pub const HOLE: u64 = u64::MAX;

/// A JSON object with a hole where the age of the price stands.
pub struct Prepared {
    before: String,
    after: String,
    /// When the price was true, if there is one.
    as_of: Option<Timestamp>,
}

impl Prepared {
    /// Writes what is shown of an asset, with [`HOLE`] as the age of its price.
    pub fn new<T: Serialize>(shown: &T, as_of: Option<Timestamp>) -> Result<Self, Outage> {
        let text =
            serde_json::to_string(shown).map_err(|error| Outage::internal("write an asset", &error))?;
        let hole = format!(r#""price_age_s":{HOLE}"#);
        let (before, after) = text.split_once(&hole).ok_or_else(|| {
            Outage::internal("write an asset", &"there is no place for the age of its price")
        })?;
        Ok(Self { before: before.to_owned(), after: after.to_owned(), as_of })
    }

    /// How long it is at most.
    pub const fn len(&self) -> usize {
        self.before.len() + r#""price_age_s":18446744073709551615"#.len() + self.after.len()
    }

    /// Appends the whole object as of a moment.
    pub fn append(&self, out: &mut String, now: Timestamp) {
        out.push_str(&self.before);
        let _ = match self.as_of {
            // A clock that is behind that of the feed makes no price younger than new.
            Some(as_of) => {
                let age_s = now.signed_duration_since(as_of).num_seconds().max(0);
                write!(out, r#""price_age_s":{age_s}"#)
            }
            None => out.write_str(r#""price_age_s":null"#),
        };
        out.push_str(&self.after);
    }
}
