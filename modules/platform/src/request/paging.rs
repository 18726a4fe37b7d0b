//! What all lists have in common: how much of them is asked for, and where it starts.

use chrono::DateTime;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tradepost_kernel::{PageLimit, Timestamp};
use tradepost_problem::Rejection;
use utoipa::IntoParams;

use super::{Fields, integer, text};
use crate::cursor::Cursors;

/// Which page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many entries to answer at most.
    #[param(value_type = u16, required = false, minimum = 1, maximum = 100, default = 50, example = 50)]
    pub limit: PageLimit,
    /// `next_cursor` of the page before. It carries its filters; only `limit` may differ.
    pub cursor: Option<String>,
    /// How many entries to pass over first; not together with `cursor`, which is cheaper and does not shift
    /// when entries are added.
    #[param(value_type = Option<u64>, maximum = 100_000)]
    pub offset: Option<u64>,
}

impl Paging {
    /// Reads `limit`, `cursor` and `offset`.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let limit = fields.optional("limit", integer(1, 100));
        let cursor = fields.optional("cursor", text(|cursor| Ok::<_, String>(cursor.to_owned())));
        let offset = fields.optional("offset", integer(0, 100_000));
        if let (Some(Some(_)), Some(Some(_))) = (&cursor, &offset) {
            fields.refuse("offset", "cannot be used together with cursor");
        }
        let limit = limit?.and_then(PageLimit::new).unwrap_or_default();
        Some(Self { limit, cursor: cursor?, offset: offset? })
    }

    /// The filters that count and the place to start at: those of the cursor, or what was given and the offset.
    ///
    /// # Errors
    /// 400 when the cursor is not one of this list with these filters.
    pub fn start<F, P>(
        self,
        cursors: &Cursors,
        scope: &str,
        given: F,
        at_offset: impl FnOnce(u64) -> P,
    ) -> Result<(F, P), Rejection>
    where
        F: Serialize + DeserializeOwned,
        P: DeserializeOwned,
    {
        match self.cursor {
            Some(cursor) => cursors.decode(scope, &cursor, &given),
            None => Ok((given, at_offset(self.offset.unwrap_or(0)))),
        }
    }
}

/// Reads a moment (RFC 3339), for [`text`].
///
/// # Errors
/// The rule it broke.
pub fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let moment = DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc());
    moment.map_err(|_| "must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
}
