//! The id that a client gives to its order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One to 36 visible ASCII characters, unique among the orders of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ClientOrderId(String);

impl ClientOrderId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientOrderId {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=36).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be 1 to 36 visible ASCII characters")
        }
    }
}

impl TryFrom<String> for ClientOrderId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ClientOrderId;

    #[test]
    fn an_id_has_1_to_36_visible_characters() {
        for good in ["1", "!~#/", &"x".repeat(36)] {
            assert_eq!(good.parse::<ClientOrderId>().unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "a\n", "é", &"x".repeat(37)] {
            assert!(bad.parse::<ClientOrderId>().is_err(), "{bad:?}");
        }
    }
}
