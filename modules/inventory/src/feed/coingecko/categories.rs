//! Which coins are in which category. CoinGecko tells that of one category at a time, and it seldom changes.

use std::collections::HashSet;

use chrono::TimeDelta;
use tradepost_kernel::Timestamp;

/// After a failure a category is asked for again this much later, unless it is due before.
const AFTER_FAILURE: TimeDelta = TimeDelta::hours(1);

/// Which coins are in which category.
pub struct Categories {
    known: Vec<Category>,
    refresh: TimeDelta,
}

struct Category {
    theirs: String,
    ours: String,
    coins: HashSet<String>,
    due: Timestamp,
}

impl Categories {
    /// Categories of theirs, each with our word for it, of which nothing is known yet.
    pub fn new(mapping: Vec<(String, String)>, refresh_h: u32) -> Self {
        let category =
            |(theirs, ours)| Category { theirs, ours, coins: HashSet::new(), due: Timestamp::MIN_UTC };
        Self {
            known: mapping.into_iter().map(category).collect(),
            refresh: TimeDelta::hours(refresh_h.into()),
        }
    }

    /// The category to ask for next, if one is due.
    pub fn due(&self, now: Timestamp) -> Option<String> {
        let due = self.known.iter().filter(|category| category.due <= now);
        due.min_by_key(|category| category.due).map(|category| category.theirs.clone())
    }

    /// The coins of a category are these now.
    pub fn learn(&mut self, theirs: &str, coins: HashSet<String>, now: Timestamp) {
        let due = now + self.refresh;
        for category in self.known.iter_mut().filter(|category| category.theirs == theirs) {
            category.coins.clone_from(&coins);
            category.due = due;
        }
    }

    /// A category could not be asked for; what was known of it stays.
    pub fn postpone(&mut self, theirs: &str, now: Timestamp) {
        let due = now + self.refresh.min(AFTER_FAILURE);
        for category in self.known.iter_mut().filter(|category| category.theirs == theirs) {
            category.due = due;
        }
    }

    /// Our word for the first category that has this coin.
    pub fn of(&self, coin: &str) -> Option<&str> {
        let mut of = self.known.iter().filter(|category| category.coins.contains(coin));
        of.next().map(|category| category.ours.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::TimeDelta;
    use tradepost_kernel::Timestamp;

    use super::Categories;

    fn categories(refresh_h: u32) -> Categories {
        let pair = |theirs: &str, ours: &str| (theirs.to_owned(), ours.to_owned());
        Categories::new(vec![pair("layer-1", "smart-contracts"), pair("meme-token", "meme")], refresh_h)
    }

    fn coins(ids: &[&str]) -> HashSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn noon() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn each_is_asked_for_once_in_a_while() {
        let mut categories = categories(24);
        for expected in ["layer-1", "meme-token"] {
            assert_eq!(categories.due(noon()).as_deref(), Some(expected));
            categories.learn(expected, coins(&[]), noon());
        }
        assert_eq!(categories.due(noon() + TimeDelta::hours(24) - TimeDelta::milliseconds(1)), None);
        assert_eq!(categories.due(noon() + TimeDelta::hours(24)).as_deref(), Some("layer-1"));
    }

    #[test]
    fn one_that_fails_does_not_hold_up_the_others_and_keeps_what_was_known() {
        let mut categories = categories(24);
        categories.learn("layer-1", coins(&["ethereum"]), noon() - TimeDelta::hours(24));
        categories.learn("meme-token", coins(&["dogecoin"]), noon());
        assert_eq!(categories.due(noon()).as_deref(), Some("layer-1"));
        categories.postpone("layer-1", noon());
        assert_eq!((categories.due(noon()), categories.of("ethereum")), (None, Some("smart-contracts")));
        assert_eq!(categories.due(noon() + TimeDelta::hours(1)).as_deref(), Some("layer-1"));
    }

    #[test]
    fn the_first_category_that_has_a_coin_counts() {
        let mut categories = categories(24);
        categories.learn("layer-1", coins(&["dogecoin", "ethereum"]), noon());
        categories.learn("meme-token", coins(&["dogecoin", "pepe"]), noon());
        let words = ["dogecoin", "pepe", "unknown"].map(|coin| categories.of(coin));
        assert_eq!(words, [Some("smart-contracts"), Some("meme"), None]);
        categories.learn("layer-1", coins(&[]), noon());
        assert_eq!(categories.of("dogecoin"), Some("meme"), "what a coin is may change");
    }
}
