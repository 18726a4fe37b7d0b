//! Decimals as JSON numbers.

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tradepost_kernel::{Amount, Decimal, Price, Usd};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};
use utoipa::{PartialSchema, ToSchema};

/// A JSON number with exactly the digits of the decimal, without trailing zeros.
#[derive(Clone, Copy, Debug)]
pub struct Number(Decimal);

impl From<Decimal> for Number {
    fn from(value: Decimal) -> Self {
        Self(value.normalize())
    }
}

impl From<Price> for Number {
    fn from(price: Price) -> Self {
        price.get().into()
    }
}

impl From<Usd> for Number {
    fn from(usd: Usd) -> Self {
        usd.get().into()
    }
}

impl From<Amount> for Number {
    fn from(amount: Amount) -> Self {
        amount.get().into()
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl PartialSchema for Number {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .description(Some("A decimal, written with its exact digits."))
            .into()
    }
}

impl ToSchema for Number {}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn every_digit_is_written_and_no_zero_too_many() {
        for (text, expected) in [
            ("0.000000000001", "0.000000000001"),
            ("1e20", "100000000000000000000"),
            ("64000.50", "64000.5"),
            ("-0.10", "-0.1"),
            ("79228162514264337593.54395033", "79228162514264337593.54395033"),
        ] {
            let number = Number::from(tradepost_kernel::decimal::parse(text).unwrap());
            assert_eq!(serde_json::to_string(&number).unwrap(), expected);
        }
    }
}
