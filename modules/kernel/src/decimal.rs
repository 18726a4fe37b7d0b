//! Reading decimals exactly. `Decimal::from_str` takes `1_000` and rounds what does not fit; this takes
//! neither: a text is read digit for digit or refused.

use rust_decimal::Decimal;

/// The most significant digits a decimal here can have (a 96-bit mantissa holds any 28-digit number).
const MAX_DIGITS: usize = 28;

/// Why a text is not a usable decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not of the form `-?digits(.digits)?(e±digits)?`.
    #[error("must be a number")]
    NotANumber,
    /// More than 28 digits before the point.
    #[error("is too large")]
    TooLarge,
    /// More than 28 digits after the point, or too many significant digits in all.
    #[error("has too many decimal places")]
    TooPrecise,
}

/// Reads a decimal in plain or exponent form, exactly.
///
/// # Errors
/// Whatever is not a plain number (underscores, `NaN`, blanks, a bare point) or has more digits than are kept.
pub fn parse(text: &str) -> Result<Decimal, DecimalError> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (number, exponent) = split_exponent(rest)?;
    let (whole, fraction) = split_point(number)?;

    let digits = || whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0');
    let leading = digits().take_while(|digit| *digit == 0).count();
    let total = whole.len() + fraction.len();
    if leading == total {
        return Ok(Decimal::ZERO);
    }
    let trailing = digits().rev().take_while(|digit| *digit == 0).count();
    let significant = total - leading - trailing;

    // value = significant digits × 10^shift
    let shift = exponent - i64::try_from(fraction.len()).unwrap_or(i64::MAX) + trailing as i64;
    let places = (-shift).max(0);
    let integer_digits = significant as i64 + shift;
    if integer_digits > MAX_DIGITS as i64 {
        return Err(DecimalError::TooLarge);
    }
    if significant > MAX_DIGITS || places > MAX_DIGITS as i64 {
        return Err(DecimalError::TooPrecise);
    }

    let mantissa =
        digits().skip(leading).take(significant).fold(0_i128, |sum, digit| sum * 10 + i128::from(digit));
    let mantissa = mantissa * 10_i128.pow(u32::try_from(shift.max(0)).unwrap_or(0));
    let signed = if negative { -mantissa } else { mantissa };
    let scale = u32::try_from(places).unwrap_or(0);
    Decimal::try_from_i128_with_scale(signed, scale).map_err(|_| DecimalError::TooPrecise)
}

/// Splits `12.5e-7` into `12.5` and -7. An exponent beyond ±9999 says the same as one of ±9999.
fn split_exponent(text: &str) -> Result<(&str, i64), DecimalError> {
    let Some((number, exponent)) = text.split_once(['e', 'E']) else { return Ok((text, 0)) };
    let (sign, digits) = match exponent.as_bytes().first() {
        Some(b'-') => (-1, &exponent[1..]),
        Some(b'+') => (1, &exponent[1..]),
        _ => (1, exponent),
    };
    if !all_digits(digits) {
        return Err(DecimalError::NotANumber);
    }
    Ok((number, sign * digits.parse::<i64>().unwrap_or(9_999).min(9_999)))
}

fn split_point(number: &str) -> Result<(&str, &str), DecimalError> {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if all_digits(fraction) => (whole, fraction),
        Some(_) => return Err(DecimalError::NotANumber),
        None => (number, ""),
    };
    if all_digits(whole) { Ok((whole, fraction)) } else { Err(DecimalError::NotANumber) }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{DecimalError, parse};

    #[test]
    fn reads_plain_and_exponent_forms_exactly() {
        for (text, expected) in [
            ("0", "0"),
            ("0.10", "0.1"),
            ("-50.00", "-50"),
            ("1e-7", "0.0000001"),
            ("1.25E+2", "125"),
            ("0e99999999999999999999", "0"),
            ("1000000000000.12345678", "1000000000000.12345678"),
            ("9999999999999999999999999999", "9999999999999999999999999999"),
            ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
            ("00012", "12"),
        ] {
            assert_eq!(parse(text).map(|value| value.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_number() {
        for text in
            ["", "-", ".", "1.", ".5", "1_000", "NaN", "inf", " 1", "1 ", "+1", "1e", "1e+", "0x10", "١"]
        {
            assert_eq!(parse(text), Err(DecimalError::NotANumber), "{text:?}");
        }
    }

    #[test]
    fn refuses_what_it_could_only_round() {
        assert_eq!(parse("10000000000000000000000000000"), Err(DecimalError::TooLarge));
        assert_eq!(parse("1e400"), Err(DecimalError::TooLarge));
        assert_eq!(parse("0.00000000000000000000000000001"), Err(DecimalError::TooPrecise));
        assert_eq!(parse("1e-99999999999999999999999"), Err(DecimalError::TooPrecise));
        assert_eq!(parse("1.0000000000000000000000000001"), Err(DecimalError::TooPrecise));
    }

    proptest::proptest! {
        #[test]
        fn what_it_writes_it_reads_back(mantissa in -9_999_999_999_999_999_999_999_999_999_i128..=9_999_999_999_999_999_999_999_999_999, scale in 0_u32..=28) {
            let value = rust_decimal::Decimal::from_i128_with_scale(mantissa, scale);
            proptest::prop_assert_eq!(parse(&value.to_string()), Ok(value));
        }
    }
}
