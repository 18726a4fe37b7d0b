//! The events of one snapshot, written once for all who read them.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use actix_web::web::Bytes;
use serde::Serialize;
use tradepost_kernel::{AssetId, Decimal, Timestamp};
use utoipa::ToSchema;

use crate::entry::Entry;
use crate::http::Number;
use crate::snapshot::Snapshot;

/// Which assets a reader asks for, each once.
pub type Assets = Box<[AssetId]>;

/// A server holds no piece back, so what it holds for a client that reads slowly is as much as this at most, beside
/// what its own buffer takes.
const PIECE: usize = 16 * 1024;

/// The price of an asset as events tell it.
#[derive(Serialize, ToSchema)]
#[schema(example = crate::http::price_event)]
pub struct PriceEvent<'a> {
    /// The symbol of the asset.
    asset_id: &'a str,
    /// Dollars per unit, with exact digits; 0 where there never was a price.
    price_usd: Number,
    /// The change of the price within 24 hours, in percent to two places.
    #[schema(required)]
    price_change_percentage_24h: Option<Number>,
    /// Whether orders on it are accepted.
    is_active: bool,
    /// Where the price is from; null where there never was one.
    #[schema(required)]
    price_source: Option<&'a str>,
    /// When the price was true.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_updated: Option<Timestamp>,
}

impl<'a> From<&'a Entry> for PriceEvent<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            asset_id: entry.asset.id.as_str(),
            price_usd: entry.price().map_or_else(|| Decimal::ZERO.into(), Number::from),
            price_change_percentage_24h: entry.figures.price_change_percentage_24h.map(Number::from),
            is_active: entry.is_active,
            price_source: entry.quote.as_ref().map(|quote| quote.source.as_str()),
            last_updated: entry.as_of(),
        }
    }
}

/// The events of one snapshot. Only the last event that a reader gets of it carries the version, as its id: a client
/// that was cut off after some of them still names the version before, and is sent all of them again.
pub struct Batch {
    pub number: u64,
    /// One event after the other, each with the id before it.
    text: Bytes,
    /// Where the event of an asset is, by asset.
    places: Vec<(AssetId, Range<usize>)>,
    /// How long the line with the id is.
    id_length: usize,
    /// What those get who asked for everything.
    whole: Vec<Bytes>,
}

impl Batch {
    /// The events of those of the entries that changed after a snapshot of this process.
    pub fn of<'a>(snapshot: &Snapshot, entries: impl Iterator<Item = &'a Arc<Entry>>, since: u64) -> Self {
        Self::write(snapshot.version, snapshot.number, entries.filter(|entry| entry.priced > since))
    }

    /// The events of these entries.
    pub fn write<'a>(version: u64, number: u64, entries: impl Iterator<Item = &'a Arc<Entry>>) -> Self {
        let id = format!("id: {version:x}\n");
        let (mut text, mut places) = (String::new(), Vec::new());
        for entry in entries {
            let from = text.len();
            match serde_json::to_string(&PriceEvent::from(entry.as_ref())) {
                Ok(json) => {
                    let _ = write!(text, "{id}event: price\ndata: {json}\n\n");
                    places.push((entry.asset.id, from..text.len()));
                }
                Err(error) => tracing::error!(%error, asset = %entry.asset.id, "a price cannot be written"),
            }
        }
        let mut batch = Self { number, text: text.into(), places, id_length: id.len(), whole: Vec::new() };
        batch.whole = batch.joined(batch.places.iter().map(|(_, place)| place));
        batch.places.sort_unstable_by_key(|(asset, _)| *asset);
        batch
    }

    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What somebody gets who asked for these assets, or for all; nothing, if it has none of them.
    pub fn pieces(&self, assets: Option<&Assets>) -> Vec<Bytes> {
        let Some(assets) = assets else { return self.whole.clone() };
        let place = |asset: &AssetId| {
            let found = self.places.binary_search_by_key(asset, |(asset, _)| *asset).ok()?;
            self.places.get(found).map(|(_, place)| place)
        };
        self.joined(assets.iter().filter_map(place))
    }

    fn joined<'a>(&self, places: impl Iterator<Item = &'a Range<usize>>) -> Vec<Bytes> {
        let (mut pieces, mut piece) = (Vec::new(), Vec::new());
        let mut places = places.peekable();
        while let Some(place) = places.next() {
            let is_last = places.peek().is_none();
            if is_last && piece.is_empty() {
                // The event of a single asset is there already, for whoever asked for it.
                pieces.push(self.text.slice(place.clone()));
                break;
            }
            let from = if is_last { place.start } else { place.start + self.id_length };
            piece.extend_from_slice(self.text.get(from..place.end).unwrap_or_default());
            if is_last || piece.len() >= PIECE {
                pieces.push(std::mem::take(&mut piece).into());
            }
        }
        pieces
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
