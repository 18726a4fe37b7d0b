//! Opaque cursors: where the next page starts and which filters it belongs to, signed so that only what this
//! platform gave out is taken back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradepost_problem::{Rejection, http::MALFORMED};

use crate::secrets::Key;

const TAG_BYTES: usize = 16;

/// Makes and reads cursors.
#[derive(Clone)]
pub struct Cursors(Key);

#[derive(Serialize, Deserialize)]
struct Contents<F, P> {
    f: F,
    p: P,
}

impl Cursors {
    /// Cursors signed with this key; every process of an installation needs the same.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self(key)
    }

    /// The cursor for the page that starts at `place` of the list `scope` (a route and its user) under `filters`.
    #[must_use]
    pub fn encode<F: Serialize, P: Serialize>(&self, scope: &str, filters: &F, place: &P) -> String {
        let mut bytes = serde_json::to_vec(&Contents { f: filters, p: place }).unwrap_or_default();
        let tag = self.tag(scope, &bytes);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The filters and the place a cursor carries. A filter that is given with the request must be the one the
    /// cursor carries; one that is absent is taken from it.
    ///
    /// # Errors
    /// 400 when the cursor was altered, belongs to another list or user, or is mixed with other filters.
    pub fn decode<F: Serialize + DeserializeOwned, P: DeserializeOwned>(
        &self,
        scope: &str,
        cursor: &str,
        given: &F,
    ) -> Result<(F, P), Rejection> {
        let contents = self
            .open::<F, P>(scope, cursor)
            .ok_or_else(|| Rejection::new(&MALFORMED, "The cursor is not one this list gave out."))?;
        if !agrees(given, &contents.f) {
            return Err(Rejection::new(&MALFORMED, "The cursor belongs to other filters."));
        }
        Ok((contents.f, contents.p))
    }

    fn open<F: DeserializeOwned, P: DeserializeOwned>(
        &self,
        scope: &str,
        cursor: &str,
    ) -> Option<Contents<F, P>> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (json, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.tag(scope, json), tag).ok()?;
        serde_json::from_slice(json).ok()
    }

    fn tag(&self, scope: &str, json: &[u8]) -> [u8; TAG_BYTES] {
        let full = self.0.sign(&[scope.as_bytes(), b"\0", json]);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&full[..TAG_BYTES]);
        tag
    }
}

fn agrees<F: Serialize>(given: &F, carried: &F) -> bool {
    let (Ok(Value::Object(given)), Ok(carried)) =
        (serde_json::to_value(given), serde_json::to_value(carried))
    else {
        return false;
    };
    given.iter().all(|(name, value)| value.is_null() || carried.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::Cursors;
    use crate::secrets::Secret;

    #[derive(serde::Serialize, serde::Deserialize, Default, Debug, PartialEq, Clone)]
    struct Filters {
        asset: Option<String>,
        status: Option<String>,
    }

    #[test]
    fn a_cursor_works_only_unaltered_on_its_own_list_and_with_its_own_filters() {
        let cursors = Cursors::new(Secret::from_bytes(b"test").derive("cursor"));
        let btc = Filters { asset: Some("BTC".into()), status: None };
        let cursor = cursors.encode("orders/alice", &btc, &42);

        let read = |scope: &str, cursor: &str, given: &Filters| {
            cursors.decode::<Filters, u64>(scope, cursor, given).ok()
        };
        assert_eq!(read("orders/alice", &cursor, &Filters::default()), Some((btc.clone(), 42)));
        assert_eq!(read("orders/alice", &cursor, &btc), Some((btc.clone(), 42)));
        assert_eq!(read("orders/mallory", &cursor, &btc), None);
        let other = Filters { asset: Some("ETH".into()), status: None };
        assert_eq!(read("orders/alice", &cursor, &other), None);
        let more = Filters { status: Some("failed".into()), ..btc.clone() };
        assert_eq!(read("orders/alice", &cursor, &more), None);
        for index in 0..cursor.len() {
            let mut altered = cursor.clone().into_bytes();
            altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(read("orders/alice", &altered, &btc), None);
        }
        assert_eq!(read("orders/alice", "", &btc), None);
    }
}
