//! What the processes of an installation share of a feed that one of them asks.

use std::fmt::Display;
use std::io::Read;
use std::sync::Arc;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use tradepost_kernel::{AssetId, RequestId, Timestamp};
use tradepost_platform::dynamo::{Expect, Query, Rows, SortKeys, Write, WriteError, from_item};
use tradepost_problem::Outage;

use super::{CatalogHead, Store, keys};
use crate::domain::{Candle, Row, candle_text};

/// So many assets are kept in one item, of the 400 KB that it may have.
const PART: usize = 100;
/// So many assets have their candles of a minute in one item.
const GROUP: usize = 250;
/// The most assets there can be: their parts and candles must fit into one transaction of 100 items and 4 MB.
pub const MOST_ASSETS: usize = 5_000;

/// Who asks the feed, and which market is the newest. Every change of it raises `version`, and holds only if nobody
/// else made one: so whoever lost the lease unawares writes nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedHead {
    pub version: u64,
    /// The process that asks.
    pub holder: String,
    /// From this moment on another may.
    pub until: Timestamp,
    /// Which feed.
    pub feed: String,
    /// Since when it is asked.
    pub since: Timestamp,
    /// One more with every market; 0 before the first.
    pub revision: u64,
    /// When the newest market was written.
    pub at: Timestamp,
    /// Before this moment the feed does not want to be asked, if it said so.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// In how many parts it is kept.
    pub parts: usize,
    /// The newest minute (Unix ms) whose candles are kept; 0 before the first.
    #[serde(default)]
    pub minute_ms: i64,
}

impl FeedHead {
    /// Whether the newest market is one of this feed, and not of the one that was asked before it.
    pub fn has_market(&self) -> bool {
        self.revision > 0 && self.at >= self.since
    }
}

/// What the processes look at again and again: whether there is anything new.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    pub feed: Option<FeedHead>,
    pub catalog: Option<CatalogHead>,
}

/// The candles of a minute that is over.
pub struct Minute<'a> {
    /// Unix ms.
    pub start_ms: i64,
    pub candles: &'a [(AssetId, Candle)],
    /// The Unix second from which they are rubbish.
    pub expires_at: i64,
}

#[derive(Serialize, Deserialize)]
struct Part {
    revision: u64,
    /// JSON, packed: it is made of the same words again and again.
    #[serde(with = "serde_bytes")]
    rows: Vec<u8>,
}

impl Part {
    fn pack(revision: u64, rows: &[Arc<Row>]) -> Result<Self, Outage> {
        let failed = |error: &dyn Display| Outage::internal("write market", error);
        let rows: Vec<&Row> = rows.iter().map(AsRef::as_ref).collect();
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
        serde_json::to_writer(&mut packed, &rows).map_err(|error| failed(&error))?;
        Ok(Self { revision, rows: packed.finish().map_err(|error| failed(&error))? })
    }

    fn unpack(&self) -> Result<Vec<Row>, Outage> {
        let mut text = Vec::new();
        let failed = |error: &dyn Display| Outage::internal("read market", error);
        DeflateDecoder::new(self.rows.as_slice()).read_to_end(&mut text).map_err(|error| failed(&error))?;
        serde_json::from_slice(&text).map_err(|error| failed(&error))
    }
}

#[derive(Serialize, Deserialize)]
struct Candles {
    start_ms: i64,
    candles: String,
    expires_at: i64,
}

/// Somebody else changed the head first.
#[derive(Clone, Copy, Debug)]
struct Overtaken;

impl Store {
    /// In how many parts a market of so many assets is kept.
    pub const fn parts(assets: usize) -> usize {
        assets.div_ceil(PART)
    }

    /// Both heads, in one read.
    pub async fn heads(&self) -> Result<Heads, Outage> {
        let (feed, catalog) = (keys::feed_head(), keys::catalog_head());
        let mut found = self.table.batch_get(&[feed.clone(), catalog.clone()]).await?;
        Ok(Heads {
            feed: found.remove(&feed).map(from_item).transpose()?,
            catalog: found.remove(&catalog).map(from_item).transpose()?,
        })
    }

    /// The market that a head tells of; nothing if a newer one was written meanwhile.
    pub async fn market(&self, head: &FeedHead) -> Result<Option<Vec<Row>>, Outage> {
        let mut query = Query {
            pk: keys::FEED.to_owned(),
            keys: SortKeys::Prefix(keys::PART.to_owned()),
            newest_first: false,
            limit: 5,
            after: None,
        };
        let mut parts: Vec<Part> = Vec::with_capacity(head.parts);
        loop {
            let page = self.table.query(&query).await?;
            parts.extend(page.items);
            query.after = page.more_after;
            if query.after.is_none() || parts.len() >= head.parts {
                break;
            }
        }
        parts.truncate(head.parts);
        if parts.len() < head.parts || parts.iter().any(|part| part.revision != head.revision) {
            return Ok(None);
        }
        let rows = parts.iter().map(Part::unpack).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(rows.into_iter().flatten().collect()))
    }

    /// Some of the candles from one minute (Unix ms) to another, both included, of the first day of them, the oldest
    /// first; and the minute to go on with, if there may be more.
    pub async fn minutes(
        &self,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<(Vec<(AssetId, Candle)>, Option<i64>), Outage> {
        let (first, last) = keys::minutes(from_ms, to_ms);
        let query = Query {
            pk: keys::day(from_ms),
            keys: SortKeys::Between(first, last),
            newest_first: false,
            limit: 50,
            after: None,
        };
        let Rows { items, more_after } = self.table.query::<Candles>(&query).await?;
        // A minute may be in two items of which only the first was read, so the last one is read again.
        let newest = items.last().filter(|_| more_after.is_some()).map(|item| item.start_ms);
        let mut candles = Vec::new();
        for item in items.iter().filter(|item| Some(item.start_ms) != newest) {
            let read = candle_text::read(item.start_ms, &item.candles);
            candles.extend(read.map_err(|error| Outage::internal("read candles", &error))?);
        }
        let tomorrow = (from_ms.div_euclid(keys::DAY_MS) + 1) * keys::DAY_MS;
        Ok((candles, newest.or_else(|| (tomorrow <= to_ms).then_some(tomorrow))))
    }

    /// Replaces the head, if it is still the one `before`. Answers whether it was.
    pub async fn lease(&self, before: Option<&FeedHead>, next: &FeedHead) -> Result<bool, Outage> {
        done(self.replace_head(before, next).commit().await)
    }

    /// Writes a whole market, with the candles of the minute that is over, if there is one, and the `head` that
    /// tells of it: all of it or nothing, and nothing if the head is not the one `before` any more.
    pub async fn publish(
        &self,
        before: &FeedHead,
        head: &FeedHead,
        rows: &[Arc<Row>],
        minute: Option<Minute<'_>>,
    ) -> Result<bool, Outage> {
        let mut write = self.replace_head(Some(before), head);
        for (number, rows) in rows.chunks(PART).enumerate() {
            let part = Part::pack(head.revision, rows)?;
            // The head guards the parts: nobody else writes any while it is the one `before`.
            let expect = if number < before.parts { Expect::Present } else { Expect::Absent };
            write = write.put(&self.table, &keys::part(number), &part, &expect, Overtaken);
        }
        if let Some(Minute { start_ms, candles, expires_at }) = minute {
            for (number, group) in candles.chunks(GROUP).enumerate() {
                let candles = Candles { start_ms, candles: candle_text::write(group), expires_at };
                write = write.insert(&self.table, &keys::minute(start_ms, number), &candles, Overtaken);
            }
        }
        done(write.commit().await)
    }

    fn replace_head(&self, before: Option<&FeedHead>, next: &FeedHead) -> Write<Overtaken> {
        let expect = before.map_or(Expect::Absent, |before| Expect::number("version", before.version));
        let write = Write::new(&self.dynamo, RequestId::generate().as_str());
        write.put(&self.table, &keys::feed_head(), next, &expect, Overtaken)
    }
}

fn done(outcome: Result<(), WriteError<Overtaken>>) -> Result<bool, Outage> {
    match outcome {
        Ok(()) => Ok(true),
        Err(WriteError::Lost(_)) => Ok(false),
        Err(WriteError::Outage(outage)) => Err(outage),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tradepost_kernel::Timestamp;

    use super::FeedHead;

    #[test]
    fn what_another_feed_said_before_is_no_market_of_this_one() {
        let since: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let head = |revision, late_ms| FeedHead {
            version: 7,
            holder: "one".to_owned(),
            until: since,
            feed: "file".to_owned(),
            since,
            revision,
            at: since + TimeDelta::milliseconds(late_ms),
            not_before: None,
            parts: 1,
            minute_ms: 0,
        };
        for (revision, late_ms, expected) in [(3, -1, false), (3, 0, true), (3, 1, true), (0, 0, false)] {
            assert_eq!(head(revision, late_ms).has_market(), expected, "{revision} {late_ms}");
        }
    }
}
