//! What is shown of an asset, written once for all who ask: everything but the age of its price.

use std::fmt::Write;

use serde::Serialize;
use tradepost_kernel::Timestamp;
use tradepost_problem::Outage;

/// Stands for the age of the price while the rest is written.
pub const HOLE: u64 = u64::MAX;

/// A JSON text with holes where the ages of prices stand.
pub struct Prepared {
    first: String,
    /// When the price was true whose age goes into a hole, if there is one, and the text behind the hole.
    rest: Vec<(Option<Timestamp>, String)>,
}

impl Prepared {
    /// Writes what is shown of an asset, with [`HOLE`] as the age of its price.
    pub fn new<T: Serialize>(shown: &T, as_of: Option<Timestamp>) -> Result<Self, Outage> {
        Self::of_many(shown, &[as_of])
    }

    /// The same with several prices, in the order in which they are written.
    pub fn of_many<T: Serialize>(shown: &T, as_of: &[Option<Timestamp>]) -> Result<Self, Outage> {
        let text =
            serde_json::to_string(shown).map_err(|error| Outage::internal("write an asset", &error))?;
        let hole = format!(r#""price_age_s":{HOLE}"#);
        let mut pieces = text.split(&hole).map(str::to_owned);
        let first = pieces.next().unwrap_or_default();
        let rest: Vec<_> = as_of.iter().copied().zip(pieces.by_ref()).collect();
        if rest.len() != as_of.len() || pieces.next().is_some() {
            let reason = "there is not one place for the age of each price";
            return Err(Outage::internal("write an asset", &reason));
        }
        Ok(Self { first, rest })
    }

    /// How long it is at most.
    pub fn len(&self) -> usize {
        let hole = r#""price_age_s":18446744073709551615"#.len();
        self.first.len() + self.rest.iter().map(|(_, after)| hole + after.len()).sum::<usize>()
    }

    /// Appends the whole text as of a moment.
    pub fn append(&self, out: &mut String, now: Timestamp) {
        out.push_str(&self.first);
        for (as_of, after) in &self.rest {
            let _ = match as_of {
                // A clock that is behind that of the feed makes no price younger than new.
                Some(as_of) => {
                    let age_s = now.signed_duration_since(as_of).num_seconds().max(0);
                    write!(out, r#""price_age_s":{age_s}"#)
                }
                None => out.write_str(r#""price_age_s":null"#),
            };
            out.push_str(after);
        }
    }
}
