//! A recording: JSON lines, each with a moment and prices, in the order of time; every mistake is named by its line.

use std::collections::BTreeMap;
use std::fmt;

use chrono::DateTime;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tradepost_kernel::{AssetId, Price, Timestamp, decimal};

use crate::service::mix;

/// A recorded series of prices.
pub struct Recording {
    /// The prices of each asset, with the milliseconds from the first line to theirs, in the order of time.
    series: BTreeMap<AssetId, Vec<(i128, Price)>>,
    /// After so many milliseconds it starts over.
    length: i128,
    hash: u64,
}

impl Recording {
    /// Reads a recording.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut series: BTreeMap<AssetId, Vec<(i128, Price)>> = BTreeMap::new();
        let mut lines: Option<Lines> = None;
        for (number, text) in (1..).zip(text.lines()) {
            let wrong = |error: String| format!("line {number}: {error}");
            let line: Line<'_> = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
            let at = time(line.at).map_err(wrong)?;
            let read = lines.map_or(Ok(Lines::begin(at)), |lines| lines.next(at)).map_err(wrong)?;
            for (symbol, raw) in line.prices.0 {
                let (asset, price) = price(&symbol, raw).map_err(wrong)?;
                let prices = series.entry(asset).or_default();
                if prices.last().is_some_and(|(known, _)| *known == read.place) {
                    return Err(wrong(format!("{asset} has two prices")));
                }
                prices.push((read.place, price));
            }
            lines = Some(read);
        }
        let lines = lines.filter(|_| !series.is_empty()).ok_or("it has no price")?;
        let hash = text.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)));
        Ok(Self { series, length: lines.place + lines.step, hash })
    }

    /// The assets that have a price anywhere in it.
    pub fn assets(&self) -> impl Iterator<Item = AssetId> {
        self.series.keys().copied()
    }

    /// The newest prices so many milliseconds after its beginning; after its end it starts over.
    pub fn prices(&self, place: i128) -> impl Iterator<Item = (AssetId, Price)> {
        let place = place.rem_euclid(self.length);
        self.series.iter().filter_map(move |(asset, prices)| {
            let past = prices.partition_point(|(at, _)| *at <= place);
            prices[..past].last().map(|(_, price)| (*asset, *price))
        })
    }

    /// Says whether it is another recording.
    pub const fn hash(&self) -> u64 {
        self.hash
    }
}

/// The lines read so far.
#[derive(Clone, Copy)]
struct Lines {
    first: Timestamp,
    /// Milliseconds from the first line to the last.
    place: i128,
    /// Those from the last but one to the last, for so long does the last one count, too; one, if there is no other.
    step: i128,
}

impl Lines {
    const fn begin(first: Timestamp) -> Self {
        Self { first, place: 0, step: 1 }
    }

    fn next(self, at: Timestamp) -> Result<Self, String> {
        let place = i128::from(at.signed_duration_since(self.first).num_milliseconds());
        if place <= self.place {
            return Err("at must be later than in the line before".to_owned());
        }
        Ok(Self { place, step: place - self.place, ..self })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    at: &'a str,
    #[serde(borrow)]
    prices: Prices<'a>,
}

/// The prices of a line as they are written, an asset that is there twice included.
struct Prices<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Prices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Prices<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("prices by asset")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Prices(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.to_utc())
        .map_err(|_| format!("at must be a time like 2026-01-01T00:00:00Z, not {text:?}"))
}

/// A price is a number, or a text with one.
fn price(symbol: &str, raw: &RawValue) -> Result<(AssetId, Price), String> {
    let asset = match symbol.parse() {
        Ok(AssetId::USD) => return Err("USD is cash and has no price".to_owned()),
        Ok(asset) => asset,
        Err(error) => return Err(format!("asset {symbol:?} {error}")),
    };
    let text = raw.get();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let value = decimal::parse(text).map_err(|error| format!("the price of {asset} {error}"))?;
    let price = Price::new(value).map_err(|error| format!("the price of {asset} {error}"))?;
    Ok((asset, price))
}

#[cfg(test)]
#[path = "recording_tests.rs"]
mod tests;
