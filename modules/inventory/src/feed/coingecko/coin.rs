//! One coin, as CoinGecko writes it.

use chrono::DateTime;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use tradepost_kernel::{Amount, AssetId, Price, Timestamp};

use super::number::rounded;
use crate::domain::{Asset, Figures, OTHER, Summit, Tick};

/// As many as a [`Price`] has.
const PRICE_PLACES: u32 = 12;
/// As many as an [`Amount`] has.
const AMOUNT_PLACES: u32 = 8;
/// As many as a [`Decimal`] has.
const ALL_PLACES: u32 = 28;
/// The most bytes of a name, an id or an address.
const LONGEST_TEXT: usize = 512;

/// A coin, with its price if that can be used.
#[derive(Debug)]
pub struct Coin {
    /// CoinGecko's name for it, which no other coin has.
    pub id: String,
    pub asset: Asset,
    pub tick: Option<Tick>,
    pub figures: Figures,
}

/// Why a coin, or its price, is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    Malformed,
    Symbol,
    Price,
    /// It does not say when its price was true.
    Time,
}

impl Rejected {
    /// For metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Symbol => "symbol",
            Self::Price => "price",
            Self::Time => "time",
        }
    }
}

impl Coin {
    /// Whether it is the one of two that keeps the symbol.
    pub fn outranks(&self, other: &Self) -> bool {
        let weight = |coin: &Self| coin.figures.market_cap.unwrap_or_default();
        let rank = |coin: &Self| coin.asset.rank.unwrap_or(u32::MAX);
        let (own, others) = (weight(self), weight(other));
        own > others || (own == others && rank(self) < rank(other))
    }
}

/// A number that cannot be read counts as not known.
type Number<'a> = Option<&'a RawValue>;

#[derive(Deserialize)]
struct Written<'a> {
    id: String,
    symbol: String,
    name: String,
    image: Option<String>,
    last_updated: Option<String>,
    ath_date: Option<String>,
    atl_date: Option<String>,
    #[serde(default, borrow)]
    current_price: Number<'a>,
    #[serde(default, borrow)]
    market_cap: Number<'a>,
    #[serde(default, borrow)]
    market_cap_rank: Number<'a>,
    #[serde(default, borrow)]
    total_volume: Number<'a>,
    #[serde(default, borrow)]
    high_24h: Number<'a>,
    #[serde(default, borrow)]
    low_24h: Number<'a>,
    #[serde(default, borrow)]
    price_change_24h: Number<'a>,
    #[serde(default, borrow)]
    price_change_percentage_24h: Number<'a>,
    #[serde(default, borrow)]
    price_change_percentage_24h_in_currency: Number<'a>,
    #[serde(default, borrow)]
    price_change_percentage_7d_in_currency: Number<'a>,
    #[serde(default, borrow)]
    price_change_percentage_30d_in_currency: Number<'a>,
    #[serde(default, borrow)]
    circulating_supply: Number<'a>,
    #[serde(default, borrow)]
    total_supply: Number<'a>,
    #[serde(default, borrow)]
    max_supply: Number<'a>,
    #[serde(default, borrow)]
    ath: Number<'a>,
    #[serde(default, borrow)]
    ath_change_percentage: Number<'a>,
    #[serde(default, borrow)]
    atl: Number<'a>,
    #[serde(default, borrow)]
    atl_change_percentage: Number<'a>,
}

/// Reads a coin. One whose price cannot be used is answered without it, beside the reason.
pub fn read_coin(raw: &RawValue, now: Timestamp) -> (Option<Coin>, Option<Rejected>) {
    let Ok(written) = serde_json::from_str::<Written<'_>>(raw.get()) else {
        return (None, Some(Rejected::Malformed));
    };
    if !is_plain(&written.id) || !is_plain(&written.name) {
        return (None, Some(Rejected::Malformed));
    }
    let Some(symbol) = written.symbol.parse().ok().filter(|symbol| *symbol != AssetId::USD) else {
        return (None, Some(Rejected::Symbol));
    };
    let (tick, rejected) = match tick(&written, now) {
        Ok(tick) => (Some(tick), None),
        Err(reason) => (None, Some(reason)),
    };
    let figures = figures(&written);
    let coin = Coin { asset: asset(&written, symbol), id: written.id, tick, figures };
    (Some(coin), rejected)
}

fn is_plain(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= LONGEST_TEXT && !text.chars().any(char::is_control)
}

fn tick(written: &Written<'_>, now: Timestamp) -> Result<Tick, Rejected> {
    let price = price(written.current_price).ok_or(Rejected::Price)?;
    // A price of unknown age would pass for a fresh one.
    let as_of = written.last_updated.as_deref().and_then(time).ok_or(Rejected::Time)?;
    Ok(Tick { price, as_of: as_of.min(now) })
}

fn asset(written: &Written<'_>, id: AssetId) -> Asset {
    let is_safe = |address: &&String| address.starts_with("https://") && is_plain(address);
    let rank = written.market_cap_rank.and_then(|raw| raw.get().parse().ok());
    Asset {
        id,
        name: written.name.trim().to_owned(),
        description: None,
        category: OTHER.to_owned(),
        image: written.image.as_ref().filter(is_safe).cloned(),
        rank: rank.filter(|rank| *rank > 0),
        is_active: true,
        circulating_supply: supply(written.circulating_supply),
        total_supply: supply(written.total_supply),
        max_supply: supply(written.max_supply),
    }
}

fn figures(written: &Written<'_>) -> Figures {
    let day = written.price_change_percentage_24h.or(written.price_change_percentage_24h_in_currency);
    Figures {
        price_change_24h: rounded(written.price_change_24h, PRICE_PLACES),
        price_change_percentage_24h: rounded(day, PRICE_PLACES),
        price_change_percentage_7d: rounded(written.price_change_percentage_7d_in_currency, PRICE_PLACES),
        price_change_percentage_30d: rounded(written.price_change_percentage_30d_in_currency, PRICE_PLACES),
        high_24h: price(written.high_24h),
        low_24h: price(written.low_24h),
        market_cap: rounded(written.market_cap, PRICE_PLACES).filter(|cap| *cap >= Decimal::ZERO),
        total_volume_24h: rounded(written.total_volume, PRICE_PLACES).filter(|sum| *sum >= Decimal::ZERO),
        ath: summit(written.ath, written.ath_change_percentage, written.ath_date.as_deref()),
        atl: summit(written.atl, written.atl_change_percentage, written.atl_date.as_deref()),
    }
}

fn price(raw: Number<'_>) -> Option<Price> {
    Price::new(rounded(raw, PRICE_PLACES)?).ok()
}

fn supply(raw: Number<'_>) -> Option<Decimal> {
    Amount::new(rounded(raw, AMOUNT_PLACES)?).ok().map(Amount::get)
}

fn summit(value: Number<'_>, change: Number<'_>, date: Option<&str>) -> Option<Summit> {
    let value = rounded(value, ALL_PLACES).filter(|value| *value > Decimal::ZERO)?;
    let date = time(date?)?.date_naive();
    Some(Summit { value, date, change_percentage: rounded(change, PRICE_PLACES) })
}

fn time(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

#[cfg(test)]
#[path = "coin_tests.rs"]
mod tests;
