use proptest::prelude::*;
use strsim::osa_distance;

use super::{Relevance, SearchKey, SearchText, Term};
use crate::domain::Amendment;
use crate::domain::{Asset, Custom};

fn asset(symbol: &str, name: &str) -> Asset {
    let id = symbol.parse().unwrap();
    let price = tradepost_kernel::Price::parse("1").unwrap();
    let custom = Custom { name: name.to_owned(), price, priced_at: Default::default() };
    let amendment = Amendment { custom: Some(custom), ..Amendment::none(id) };
    Asset::clone(&amendment.apply(None).unwrap())
}

fn relevance(typed: &str, symbol: &str, name: &str) -> Option<Relevance> {
    let (typed, key) = (SearchText::parse(typed).unwrap(), SearchKey::of(&asset(symbol, name)));
    typed.find(&key).or_else(|| typed.guess(&key))
}

#[test]
fn the_nearer_the_better() {
    for (typed, symbol, name, expected) in [
        ("btc", "BTC", "Bitcoin", Some(Relevance::Symbol)),
        (" BtC ", "BTC", "Bitcoin", Some(Relevance::Symbol)),
        ("bt", "BTC", "Bitcoin", Some(Relevance::SymbolPrefix)),
        ("bitcoin", "BTC", "Bitcoin", Some(Relevance::Name)),
        ("bitcoin cash", "BCH", "Bitcoin Cash", Some(Relevance::Name)),
        ("bitc", "BTC", "Bitcoin", Some(Relevance::NamePrefix)),
        ("cash", "BCH", "Bitcoin Cash", Some(Relevance::WordPrefix)),
        ("prot", "NEAR", "NEAR-Protocol", Some(Relevance::WordPrefix)),
        ("coin", "BTC", "Bitcoin", Some(Relevance::Within)),
        ("bitcon", "BTC", "Bitcoin", Some(Relevance::Misspelt(1))),
        ("bticoin", "BTC", "Bitcoin", Some(Relevance::Misspelt(1))),
        ("bticon", "BTC", "Bitcoin", Some(Relevance::Misspelt(2))),
        ("cahs", "BCH", "Bitcoin Cash", Some(Relevance::Misspelt(1))),
        ("btx", "BTC", "Bitcoin", Some(Relevance::Misspelt(1))),
        ("ÖL", "OEL", "Öl", Some(Relevance::Name)),
        ("şi", "X", "Yeni ŞİRKET", Some(Relevance::WordPrefix)),
        ("eth", "BTC", "Bitcoin", None),
        ("%", "BTC", "Bitcoin", None),
    ] {
        assert_eq!(relevance(typed, symbol, name), expected, "{typed}");
    }
}

#[test]
fn errors_have_limits_by_length() {
    for (typed, name, expected) in [
        ("ab", "xb", None),
        ("abc", "xbc", Some(1)),
        ("abcde", "xbcde", Some(1)),
        ("abcde", "xycde", None),
        ("abcdef", "xycdef", Some(2)),
        ("abcdef", "xyzdef", None),
    ] {
        assert_eq!(relevance(typed, "QQQQQQQQQQ", name), expected.map(Relevance::Misspelt), "{typed}");
    }
}

#[test]
fn one_to_fifty_characters_are_searched_for() {
    for (text, is_right) in [
        ("", false),
        ("  \t", false),
        (" a ", true),
        (&"ö".repeat(50), true),
        (&format!("  {}  ", "x".repeat(50)), true),
        (&"x".repeat(51), false),
    ] {
        assert_eq!(SearchText::parse(text).is_ok(), is_right, "{text:?}");
    }
}

proptest! {
    /// What rules terms out cheaply rules out none that are alike.
    #[test]
    fn no_near_term_is_ruled_out(one in "[a-fé]{1,8}", other in "[a-fé]{1,8}", most in 1_usize..=2) {
        let distance = osa_distance(&one, &other);
        let expected = (distance <= most).then_some(distance);
        prop_assert_eq!(Term::new(&one).errors(&Term::new(&other), most), expected);
    }

    /// Whatever is typed, and whatever is searched.
    #[test]
    fn nothing_panics(typed in "\\PC{1,50}", name in "\\PC{1,40}") {
        if let Ok(typed) = SearchText::parse(&typed) {
            let key = SearchKey::of(&asset("ABC", &name));
            let _ = (typed.find(&key), typed.guess(&key));
        }
    }
}
