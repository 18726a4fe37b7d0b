//! The fields of an account, each valid once it exists.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use email_address::EmailAddress;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tradepost_kernel::{Clock, SystemClock};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Passwords that meet every rule of form and are still the first to be guessed.
const COMMON_PASSWORDS: &str = include_str!("common_passwords.txt");

/// The rule a field broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BrokenRule(&'static str);

/// A username: 6 to 30 letters, digits or underscores, kept in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Username(String);

impl FromStr for Username {
    type Err = BrokenRule;
    fn from_str(text: &str) -> Result<Self, BrokenRule> {
        let text = text.trim();
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || !(6..=30).contains(&text.len()) {
            return Err(BrokenRule("must be 6 to 30 letters, digits or underscores"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl Username {
    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address with a dot in its domain, at most 254 characters, kept in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email(String);

impl FromStr for Email {
    type Err = BrokenRule;
    fn from_str(text: &str) -> Result<Self, BrokenRule> {
        const RULE: BrokenRule = BrokenRule("must be a valid e-mail address");
        let address = EmailAddress::from_str(text).map_err(|_| RULE)?;
        let plain = address.display_part().is_empty() && address.as_str() == text;
        let lower = text.to_lowercase();
        if !plain || lower.len() > 254 || !address.domain().contains('.') || address.domain().starts_with('[')
        {
            return Err(RULE);
        }
        Ok(Self(lower))
    }
}

impl Email {
    /// The address in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

/// A password as someone claims it: nothing but its length is checked. Never shown, never altered.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl FromStr for Password {
    type Err = BrokenRule;
    fn from_str(text: &str) -> Result<Self, BrokenRule> {
        if !(12..=128).contains(&text.chars().count()) {
            return Err(BrokenRule("must be 12 to 128 characters"));
        }
        Ok(Self(text.into()))
    }
}

impl Password {
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A password good enough to be set.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

impl FromStr for NewPassword {
    type Err = BrokenRule;
    fn from_str(text: &str) -> Result<Self, BrokenRule> {
        let password: Password = text.parse()?;
        let other = |c: char| !c.is_alphanumeric() && !c.is_control();
        let has_all = text.chars().any(char::is_lowercase)
            && text.chars().any(char::is_uppercase)
            && text.chars().any(|c| c.is_ascii_digit())
            && text.chars().any(other);
        if !has_all {
            return Err(BrokenRule(
                "must have a lower-case letter, an upper-case letter, a digit and a symbol",
            ));
        }
        if COMMON_PASSWORDS.lines().any(|common| common == text) {
            return Err(BrokenRule("is on the list of common passwords"));
        }
        Ok(Self(password))
    }
}

impl NewPassword {
    pub(crate) fn password(&self) -> &Password {
        &self.0
    }

    /// The rule it breaks for this person, if any: it must not contain their name or the local part of their
    /// address. A local part of one or two letters is in too many words to count.
    ///
    /// # Errors
    /// The rule.
    pub fn suits(&self, username: &str, email: Option<&Email>) -> Result<(), BrokenRule> {
        let password = self.0.expose().to_lowercase();
        let local = email.map_or("", Email::local_part);
        if password.contains(username) || (local.chars().count() > 2 && password.contains(local)) {
            return Err(BrokenRule("must not contain the username or the e-mail address"));
        }
        Ok(())
    }
}

/// A first or last name: 1 to 50 letters of any script, spaces, apostrophes, hyphens or dots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonName(String);

impl FromStr for PersonName {
    type Err = BrokenRule;
    fn from_str(text: &str) -> Result<Self, BrokenRule> {
        let text = text.trim();
        if !(1..=50).contains(&text.chars().count()) {
            return Err(BrokenRule("must be 1 to 50 characters"));
        }
        if !text.chars().all(is_name_character) || !text.chars().any(char::is_alphabetic) {
            return Err(BrokenRule("may have only letters, spaces, apostrophes, hyphens and dots"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Marks are what many scripts write vowels and accents with.
fn is_name_character(c: char) -> bool {
    matches!(c, ' ' | '\'' | '’' | '-' | '.')
        || matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark)
}

/// A phone number: 10 to 15 digits, kept without the spaces and signs people write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone(String);

impl FromStr for Phone {
    type Err = BrokenRule;
    fn from_str(text: &str) -> Result<Self, BrokenRule> {
        let digits: String =
            text.chars().filter(|c| !matches!(c, ' ' | '+' | '-' | '.' | '(' | ')')).collect();
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !(10..=15).contains(&digits.len()) {
            return Err(BrokenRule("must have 10 to 15 digits"));
        }
        Ok(Self(digits))
    }
}

/// A date of birth of somebody from 13 to 120 years old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateOfBirth(NaiveDate);

impl FromStr for DateOfBirth {
    type Err = BrokenRule;
    fn from_str(text: &str) -> Result<Self, BrokenRule> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        // The library also takes blanks and numbers of fewer digits.
        let date = date
            .filter(|date| date.to_string() == text)
            .ok_or(BrokenRule("must be a date of the form YYYY-MM-DD"))?;
        let age = age_on(date, SystemClock.now().date_naive());
        if !(13..=120).contains(&age) {
            return Err(BrokenRule("must make an age of 13 to 120 years"));
        }
        Ok(Self(date))
    }
}

fn age_on(birth: NaiveDate, today: NaiveDate) -> i32 {
    let before_birthday = (today.month(), today.day()) < (birth.month(), birth.day());
    today.year() - birth.year() - i32::from(before_birthday)
}

/// What a user writes on a deposit or withdrawal: at most 200 characters, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description(String);

impl FromStr for Description {
    type Err = BrokenRule;
    fn from_str(text: &str) -> Result<Self, BrokenRule> {
        if text.chars().count() > 200 {
            return Err(BrokenRule("must be at most 200 characters"));
        }
        if text.chars().any(char::is_control) {
            return Err(BrokenRule("must not contain control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Description {
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
