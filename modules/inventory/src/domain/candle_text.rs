//! The compact text in which the candles of one minute, of many assets, are kept together.
//!
//! `BTC 64000.50+12-30=7|ETH 3120.25`: the open, and in units of its last place how far the high is above it,
//! how far the low is below it, and how far the close is above the low. What is zero is left out. The open has
//! as many places as the most precise of the four.

use std::fmt::Write;

use tradepost_kernel::{AssetId, Decimal, Price, decimal};

use super::Candle;

const MOST_PLACES: usize = 12;

/// The four prices in units of their last place.
struct Units {
    open: i128,
    high: i128,
    low: i128,
    close: i128,
}

/// Writes candles that all begin at the same moment, which is not written.
pub fn write(candles: &[(AssetId, Candle)]) -> String {
    let mut text = String::with_capacity(candles.len() * 24);
    for (asset, candle) in candles {
        if !text.is_empty() {
            text.push('|');
        }
        let (places, units) = units(candle);
        let mut open = candle.open.get();
        open.rescale(places);
        // Writing to a string cannot fail.
        let _ = write!(text, "{asset} {open}");
        for (sign, distance) in
            [('+', units.high - units.open), ('-', units.open - units.low), ('=', units.close - units.low)]
        {
            if distance != 0 {
                let _ = write!(text, "{sign}{distance}");
            }
        }
    }
    text
}

/// Reads the candles of the minute that begins at `minute_start_ms`.
///
/// # Errors
/// A sentence that says what is wrong with which part of the text.
pub fn read(minute_start_ms: i64, text: &str) -> Result<Vec<(AssetId, Candle)>, String> {
    let parts = text.split('|').filter(|_| !text.is_empty());
    parts.map(|part| one(minute_start_ms, part).map_err(|why| format!("the candle {part:?} {why}"))).collect()
}

fn units(candle: &Candle) -> (u32, Units) {
    let prices = [candle.open, candle.high, candle.low, candle.close].map(Price::get);
    let places = prices.iter().map(Decimal::scale).max().unwrap_or(0);
    let [open, high, low, close] = prices.map(|mut price| {
        price.rescale(places);
        price.mantissa()
    });
    (places, Units { open, high, low, close })
}

fn one(start_ms: i64, part: &str) -> Result<(AssetId, Candle), String> {
    let (asset, prices) = part.split_once(' ').ok_or("has no price")?;
    let asset = asset.parse().map_err(|why| format!("has an asset that {why}"))?;
    let (open, rest) = prices.split_at(prices.find(['+', '-', '=']).unwrap_or(prices.len()));
    let (places, open) = opening(open)?;
    let (above, rest) = distance('+', rest)?;
    let (below, rest) = distance('-', rest)?;
    let (close, rest) = distance('=', rest)?;
    if !rest.is_empty() {
        return Err(format!("has {rest:?} where it should end"));
    }
    if close > above + below {
        return Err("closes above its high".to_owned());
    }
    let low = open - below;
    let [open, high, low, close] = [open, open + above, low, low + close].map(|units| price(units, places));
    Ok((asset, Candle { start_ms, open: open?, high: high?, low: low?, close: close? }))
}

/// The places that the four prices share, and the open in units of the last.
fn opening(text: &str) -> Result<(u32, i128), String> {
    let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if places > MOST_PLACES || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err("has an open that is no price".to_owned());
    }
    let mut open = decimal::parse(text).map_err(|why| format!("has an open that {why}"))?;
    let places = u32::try_from(places).unwrap_or(0);
    open.rescale(places);
    if open.scale() != places {
        return Err("has an open that is too large".to_owned());
    }
    Ok((places, open.mantissa()))
}

/// Reads a distance if the text begins with its sign, and answers the rest of the text too.
fn distance(sign: char, text: &str) -> Result<(i128, &str), String> {
    let Some(text) = text.strip_prefix(sign) else { return Ok((0, text)) };
    let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    // The dearest price has 22 digits at twelve places.
    if digits.is_empty() || digits.starts_with('0') || digits.len() > 22 {
        return Err(format!("has no distance after its {sign:?}"));
    }
    let distance = digits.parse().map_err(|_| format!("has no distance after its {sign:?}"))?;
    Ok((distance, rest))
}

fn price(units: i128, places: u32) -> Result<Price, String> {
    let price = Decimal::try_from_i128_with_scale(units, places).map_err(|why| why.to_string())?;
    Price::new(price).map_err(|why| format!("has a price that {why}"))
}

#[cfg(test)]
#[path = "candle_text_tests.rs"]
mod tests;
