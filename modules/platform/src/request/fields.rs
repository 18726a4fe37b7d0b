//! Reading named fields into types that are valid once they exist.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;

use serde_json::value::RawValue;
use tradepost_kernel::Decimal;
use tradepost_kernel::decimal::{self as exact};
use tradepost_problem::{FieldError, Rejection};

/// One field as it was sent.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A JSON value, as its own text.
    Json(&'a RawValue),
    /// A query parameter or path segment, percent-decoded.
    Text(Cow<'a, str>),
}

/// The fields of one body, query or path, and what was wrong with those read so far.
pub struct Fields<'a> {
    inputs: HashMap<Cow<'a, str>, Input<'a>>,
    errors: Vec<FieldError>,
}

/// A request that can be read from fields. Read every field first and only then use `?` on the results, so that
/// all errors are collected.
pub trait FromFields: Sized {
    /// The request, or `None` if `fields` has collected an error.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self>;
}

/// Nothing is read: whatever object was sent.
impl FromFields for () {
    fn from_fields(_: &mut Fields<'_>) -> Option<Self> {
        Some(())
    }
}

impl<'a> Fields<'a> {
    pub(super) fn new(inputs: HashMap<Cow<'a, str>, Input<'a>>) -> Self {
        Self { inputs, errors: Vec::new() }
    }

    /// Reads a whole request.
    pub(super) fn read<T: FromFields>(mut self) -> Result<T, Rejection> {
        match T::from_fields(&mut self) {
            Some(request) if self.errors.is_empty() => Ok(request),
            _ => Err(Rejection::fields(self.errors)),
        }
    }

    /// A field that must be there; `null` is as good as absent.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Input<'_>) -> Result<T, String>,
    ) -> Option<T> {
        match self.optional(name, read) {
            Some(None) => {
                self.refuse(name, "is required");
                None
            }
            other => other.flatten(),
        }
    }

    /// A field that may be absent or `null`: `Some(None)` then, and `None` when it is broken.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Input<'_>) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let Some(input) = self.inputs.get(name).filter(|input| !input.is_null()) else { return Some(None) };
        match read(input) {
            Ok(value) => Some(Some(value)),
            Err(message) => {
                self.refuse(name, message);
                None
            }
        }
    }

    /// Notes a rule that a field, or a combination of fields, broke.
    pub fn refuse(&mut self, name: &'static str, message: impl Into<String>) {
        self.errors.push(FieldError { field: name.to_owned(), message: message.into() });
    }
}

impl Input<'_> {
    fn is_null(&self) -> bool {
        matches!(self, Self::Json(raw) if raw.get() == "null")
    }

    fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Json(raw) => serde_json::from_str::<String>(raw.get()).ok().map(Cow::Owned),
            Self::Text(text) => Some(Cow::Borrowed(text)),
        }
    }
}

/// Reads a string and parses it; numbers and the like are refused.
pub fn text<T, E: Display>(
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> impl FnOnce(&Input<'_>) -> Result<T, String> {
    |input| {
        let text = input.as_text().ok_or("must be a string")?;
        parse(&text).map_err(|error| error.to_string())
    }
}

/// Reads a decimal, exactly, from a JSON number or a numeric string, and takes it as a `T`.
pub fn decimal<T, E: Display>(
    take: impl FnOnce(Decimal) -> Result<T, E>,
) -> impl FnOnce(&Input<'_>) -> Result<T, String> {
    |input| {
        let text = match input {
            // What is neither a string, a list nor an object is a number, `true`, `false` or `null`.
            Input::Json(raw) if !raw.get().starts_with(['"', '[', '{']) => Cow::Borrowed(raw.get()),
            other => other.as_text().ok_or("must be a number")?,
        };
        let value = exact::parse(&text).map_err(|error| error.to_string())?;
        take(value).map_err(|error| error.to_string())
    }
}

/// Reads `true` or `false`.
///
/// # Errors
/// The rule that was broken.
pub fn boolean(input: &Input<'_>) -> Result<bool, String> {
    let text = match input {
        Input::Json(raw) => raw.get(),
        Input::Text(text) => text.as_ref(),
    };
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// Reads a whole number between the bounds, both included.
pub fn integer(min: u64, max: u64) -> impl FnOnce(&Input<'_>) -> Result<u64, String> {
    move |input| {
        let text = match input {
            Input::Json(raw) => raw.get(),
            Input::Text(text) => text.as_ref(),
        };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = digits.then(|| text.parse().ok()).flatten();
        value
            .filter(|value| (min..=max).contains(value))
            .ok_or_else(|| format!("must be a whole number from {min} to {max}"))
    }
}
