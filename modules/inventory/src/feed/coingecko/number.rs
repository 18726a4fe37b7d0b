//! Numbers as they stand in the JSON text: digit for digit where they fit, rounded once where they do not.

use rust_decimal::RoundingStrategy::MidpointNearestEven;
use serde_json::value::RawValue;
use tradepost_kernel::Decimal;
use tradepost_kernel::decimal::{self, DecimalError};

/// So many digits always fit, and one more that says whether anything was cut off.
const MOST_DIGITS: usize = 27;

/// A number to so many places, half to even; nothing if it is none, or too large.
pub fn rounded(raw: Option<&RawValue>, places: u32) -> Option<Decimal> {
    let text = raw?.get();
    let (value, places) = match decimal::parse(text) {
        Err(DecimalError::TooPrecise) => {
            let (text, places) = shortened(text, places)?;
            (decimal::parse(&text).ok()?, places)
        }
        value => (value.ok()?, places),
    };
    Some(value.round_dp_with_strategy(places, MidpointNearestEven).normalize())
}

/// A number with fewer digits that is rounded to the same one: behind the places that count stands whether there was
/// anything more, so that what is a little above the middle stays above it. Of what has too many digits even so, fewer
/// places count.
fn shortened(text: &str, places: u32) -> Option<(String, u32)> {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // A value of 0.DIGITS × 10^point.
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    let leading = i64::try_from(all.len() - digits.len()).ok()?;
    let point = exponent.parse::<i64>().ok()?.checked_add(i64::try_from(whole.len()).ok()? - leading)?;

    let kept = usize::try_from(point.saturating_add(i64::from(places) + 2).max(0)).ok()?;
    let places = places.checked_sub(u32::try_from(kept.saturating_sub(MOST_DIGITS)).ok()?)?;
    let (head, rest) = digits.split_at(kept.min(MOST_DIGITS).min(digits.len()));
    if head.is_empty() {
        return Some(("0".to_owned(), places));
    }
    let more = if rest.bytes().any(|digit| digit != b'0') { "1" } else { "" };
    let shift = point - i64::try_from(head.len() + more.len()).ok()?;
    Some((format!("{sign}{head}{more}e{shift}"), places))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::rounded;

    fn read(text: &str, places: u32) -> Option<String> {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        rounded(Some(raw), places).map(|value| value.to_string())
    }

    #[test]
    fn what_fits_is_taken_digit_for_digit() {
        for (text, expected) in [
            ("64000.123456789012", "64000.123456789012"),
            ("1e-7", "0.0000001"),
            ("1.5E+3", "1500"),
            ("-0.10", "-0.1"),
            ("0", "0"),
        ] {
            assert_eq!(read(text, 12).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_has_more_places_is_rounded_half_to_even_however_long_it_is() {
        for (text, expected) in [
            ("0.00001234567890123", "0.000012345679"),
            ("0.0000000000005", "0"),
            ("0.0000000000015", "0.000000000002"),
            ("0.00000000000050000000000000000000000000000001", "0.000000000001"),
            ("0.00000000000249999999999999999999999999999999", "0.000000000002"),
            ("64000.12345678901250000000000000000000000000001", "64000.123456789013"),
            ("64000.1234567890125", "64000.123456789012"),
            ("-64000.12345678901250000000000000000000000000001", "-64000.123456789013"),
            ("123456789012345678901234.12345678901234567890", "123456789012345678901234.1"),
            ("12345678901234567890.12345678901234567890", "12345678901234567890.12346"),
            ("1e-40", "0"),
            ("1.2345678901234567890123456789012345e-5", "0.000012345679"),
            ("0.0000123456789012345678901234567890123e2", "0.00123456789"),
        ] {
            assert_eq!(read(text, 12).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_large_is_not_known() {
        for text in ["\"1\"", "true", "[1]", "{}", "1e30", "1e99999999999999999999"] {
            assert_eq!(read(text, 12), None, "{text}");
        }
        assert_eq!(rounded(None, 12), None);
    }
}
