//! Exact money: dollars to the cent, prices to twelve places, quantities to eight, and the one product that
//! turns a price and a quantity into dollars. There is no negative amount: a debit is a verb.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::decimal::{self, DecimalError};

/// Why a decimal is not a valid amount of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is no decimal at all, or has more digits than can be kept.
    #[error(transparent)]
    Decimal(#[from] DecimalError),
    /// Zero or less where something is needed.
    #[error("must be greater than 0")]
    NotPositive,
    /// Less than zero.
    #[error("must not be negative")]
    Negative,
    /// Above the largest value of the type.
    #[error("must be at most {0}")]
    TooLarge(Decimal),
    /// More decimal places than the type has.
    #[error("must have at most {0} decimal places")]
    TooPrecise(u32),
}

/// The result of an operation would not fit; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amount is too large")]
pub struct Overflow;

/// Which way a product is rounded to the cent. The platform rounds against the client: a buy up, a sell down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the next cent above.
    Up,
    /// To the next cent below.
    Down,
}

/// Checks range and places, and normalises away trailing zeros.
fn checked(value: Decimal, places: u32, max: Decimal) -> Result<Decimal, MoneyError> {
    let value = value.normalize();
    if value.is_sign_negative() && !value.is_zero() {
        return Err(MoneyError::Negative);
    }
    if value > max {
        return Err(MoneyError::TooLarge(max));
    }
    if value.scale() > places {
        return Err(MoneyError::TooPrecise(places));
    }
    Ok(value)
}

fn positive(value: Decimal, places: u32, max: Decimal) -> Result<Decimal, MoneyError> {
    if value <= Decimal::ZERO {
        return Err(MoneyError::NotPositive);
    }
    checked(value, places, max)
}

/// US dollars: zero or more, at most two decimal places, at most 10^20. Shown with two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Decimal")]
pub struct Usd(Decimal);

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(Decimal::from_parts(0, 0, 0, false, 2));
    const MAX: Decimal = Decimal::from_parts(1_661_992_960, 1_808_227_885, 5, false, 0);

    /// Takes a decimal as dollars.
    ///
    /// # Errors
    /// [`MoneyError`] when it is negative, has more than two places or is above 10^20.
    pub fn new(value: Decimal) -> Result<Self, MoneyError> {
        let mut value = checked(value, 2, Self::MAX)?;
        value.rescale(2);
        Ok(Self(value))
    }

    /// Reads dollars from text.
    ///
    /// # Errors
    /// As [`Usd::new`], and when the text is no decimal.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        Self::new(decimal::parse(text)?)
    }

    /// The value in dollars, with two places.
    #[must_use]
    pub const fn get(self) -> Decimal {
        self.0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Overflow`] above 10^20 dollars.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).ok_or(Overflow).and_then(|sum| Self::new(sum).map_err(|_| Overflow))
    }

    /// What is left after taking `other`, or `None` if there is not enough.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        (self >= other).then(|| Self(self.0 - other.0))
    }
}

/// What a ledger counts of any asset, dollars included: zero or more, at most eight places, at most 10^20.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Decimal")]
pub struct Amount(Decimal);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Takes a decimal as an amount.
    ///
    /// # Errors
    /// [`MoneyError`] when it is negative, has more than eight places or is above 10^20.
    pub fn new(value: Decimal) -> Result<Self, MoneyError> {
        checked(value, 8, Usd::MAX).map(Self)
    }

    /// The value, without trailing zeros.
    #[must_use]
    pub const fn get(self) -> Decimal {
        self.0
    }

    /// Whether this is nothing at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Overflow`] above 10^20.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).ok_or(Overflow).and_then(|sum| Self::new(sum).map_err(|_| Overflow))
    }

    /// What is left after taking `other`, or `None` if there is not enough.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        (self >= other).then(|| Self((self.0 - other.0).normalize()))
    }

    /// The same amount as dollars.
    ///
    /// # Errors
    /// [`MoneyError::TooPrecise`] when it has more than two places.
    pub fn to_usd(self) -> Result<Usd, MoneyError> {
        Usd::new(self.0)
    }
}

impl From<Usd> for Amount {
    fn from(usd: Usd) -> Self {
        Self(usd.0.normalize())
    }
}

impl From<Quantity> for Amount {
    fn from(quantity: Quantity) -> Self {
        Self(quantity.0)
    }
}

/// How much of an asset an order is about: more than zero, at most 10^12, at most eight places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Decimal")]
pub struct Quantity(Decimal);

impl Quantity {
    const MAX: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);

    /// Takes a decimal as a quantity.
    ///
    /// # Errors
    /// [`MoneyError`] outside the range or with more than eight places.
    pub fn new(value: Decimal) -> Result<Self, MoneyError> {
        positive(value, 8, Self::MAX).map(Self)
    }

    /// Reads a quantity from text.
    ///
    /// # Errors
    /// As [`Quantity::new`], and when the text is no decimal.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        Self::new(decimal::parse(text)?)
    }

    /// The value, without trailing zeros.
    #[must_use]
    pub const fn get(self) -> Decimal {
        self.0
    }
}

/// Dollars for one unit of an asset: more than zero, at most 10^9, at most twelve places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Decimal")]
pub struct Price(Decimal);

impl Price {
    const MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

    /// Takes a decimal as a price.
    ///
    /// # Errors
    /// [`MoneyError`] outside the range or with more than twelve places.
    pub fn new(value: Decimal) -> Result<Self, MoneyError> {
        positive(value, 12, Self::MAX).map(Self)
    }

    /// Reads a price from text.
    ///
    /// # Errors
    /// As [`Price::new`], and when the text is no decimal.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        Self::new(decimal::parse(text)?)
    }

    /// The value in dollars, without trailing zeros.
    #[must_use]
    pub const fn get(self) -> Decimal {
        self.0
    }

    /// What `amount` units cost, rounded to the cent. The only product that moves money; it is taken in whole
    /// numbers, so no digit is lost before the one rounding.
    ///
    /// # Errors
    /// [`Overflow`] when the exact product has more digits than 128 bits hold, or is above 10^20 dollars.
    pub fn times(self, amount: impl Into<Amount>, rounding: Rounding) -> Result<Usd, Overflow> {
        let amount = amount.into().get();
        let product =
            self.0.mantissa().unsigned_abs().checked_mul(amount.mantissa().unsigned_abs()).ok_or(Overflow)?;
        let scale = self.0.scale() + amount.scale();
        let cents = if scale <= 2 {
            product.checked_mul(10_u128.pow(2 - scale)).ok_or(Overflow)?
        } else {
            let divisor = 10_u128.pow(scale - 2);
            match rounding {
                Rounding::Up => product.div_ceil(divisor),
                Rounding::Down => product / divisor,
            }
        };
        let cents = i128::try_from(cents).map_err(|_| Overflow)?;
        Decimal::try_from_i128_with_scale(cents, 2)
            .map_err(|_| Overflow)
            .and_then(|usd| Usd::new(usd).map_err(|_| Overflow))
    }
}

impl TryFrom<Decimal> for Usd {
    type Error = MoneyError;
    fn try_from(value: Decimal) -> Result<Self, MoneyError> {
        Self::new(value)
    }
}

impl TryFrom<Decimal> for Amount {
    type Error = MoneyError;
    fn try_from(value: Decimal) -> Result<Self, MoneyError> {
        Self::new(value)
    }
}

impl TryFrom<Decimal> for Quantity {
    type Error = MoneyError;
    fn try_from(value: Decimal) -> Result<Self, MoneyError> {
        Self::new(value)
    }
}

impl TryFrom<Decimal> for Price {
    type Error = MoneyError;
    fn try_from(value: Decimal) -> Result<Self, MoneyError> {
        Self::new(value)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
#[path = "money_tests.rs"]
mod tests;
