//! Finding assets by what somebody typed: their symbol, their name, or a part of it, misspelt or not.

use strsim::osa_distance;

use super::Asset;

/// Misspelt words are looked for from so many characters on; fewer are like nearly every symbol.
const SHORTEST_TYPO: usize = 3;

/// So many characters may have one error; longer texts two.
const ONE_ERROR: usize = 5;

/// What is searched of an asset, prepared once.
#[derive(Debug, PartialEq, Eq)]
pub struct SearchKey {
    symbol: Term,
    name: Term,
    /// The words of the name, where it has more than one.
    words: Vec<Term>,
    /// The category in lower case.
    pub category: String,
}

/// How well an asset fits, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relevance {
    Symbol,
    SymbolPrefix,
    Name,
    NamePrefix,
    WordPrefix,
    Within,
    /// It is misspelt, with so many errors.
    Misspelt(usize),
}

/// What somebody typed.
#[derive(Clone, Debug)]
pub struct SearchText(Term);

/// A text in lower case, with what tells cheaply that another one is not like it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    text: String,
    length: usize,
    /// One bit for each character that occurs, some of which share one.
    letters: u64,
}

impl SearchKey {
    /// What is searched of an asset.
    pub fn of(asset: &Asset) -> Self {
        let name = Term::new(&asset.name);
        let words: Vec<_> = words(&name.text).map(Term::new).collect();
        let words = if words.len() == 1 && words.first() == Some(&name) { Vec::new() } else { words };
        Self { symbol: Term::new(asset.id.as_str()), name, words, category: asset.category.to_lowercase() }
    }

    /// Whether it still is what is searched of an asset of the same symbol.
    pub fn is_of(&self, asset: &Asset) -> bool {
        self.name.text == asset.name.to_lowercase() && self.category == asset.category.to_lowercase()
    }

    /// The name in lower case.
    pub fn name(&self) -> &str {
        &self.name.text
    }
}

impl SearchText {
    /// Takes what somebody typed: 1 to 50 characters, without the blanks around them.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if !(1..=50).contains(&text.chars().count()) {
            return Err("must have 1 to 50 characters");
        }
        Ok(Self(Term::new(text)))
    }

    /// How well an asset fits what was typed, if it is spelt like that.
    pub fn find(&self, key: &SearchKey) -> Option<Relevance> {
        let typed = self.0.text.as_str();
        if key.symbol.text.starts_with(typed) {
            let is_whole = key.symbol.length == self.0.length;
            return Some(if is_whole { Relevance::Symbol } else { Relevance::SymbolPrefix });
        }
        if key.name.text.starts_with(typed) {
            let is_whole = key.name.text.len() == typed.len();
            return Some(if is_whole { Relevance::Name } else { Relevance::NamePrefix });
        }
        if key.words.iter().any(|word| word.text.starts_with(typed)) {
            return Some(Relevance::WordPrefix);
        }
        key.name.text.contains(typed).then_some(Relevance::Within)
    }

    /// How well an asset fits if what was typed is misspelt.
    pub fn guess(&self, key: &SearchKey) -> Option<Relevance> {
        if self.0.length < SHORTEST_TYPO {
            return None;
        }
        let most = if self.0.length <= ONE_ERROR { 1 } else { 2 };
        let terms = [&key.symbol, &key.name].into_iter().chain(&key.words);
        terms.filter_map(|term| self.0.errors(term, most)).min().map(Relevance::Misspelt)
    }
}

impl Term {
    fn new(text: &str) -> Self {
        let text = text.to_lowercase();
        let letters = text.chars().fold(0, |letters, letter| letters | 1 << (u32::from(letter) % 64));
        Self { length: text.chars().count(), text, letters }
    }

    /// How many errors lie between two terms, if there are not more than `most`.
    fn errors(&self, other: &Self, most: usize) -> Option<usize> {
        // An error changes the length by one at most, and adds or takes away one letter at most.
        let is_far = |letters: u64| letters.count_ones() as usize > most;
        if self.length.abs_diff(other.length) > most
            || is_far(self.letters & !other.letters)
            || is_far(other.letters & !self.letters)
        {
            return None;
        }
        Some(osa_distance(&self.text, &other.text)).filter(|errors| *errors <= most)
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
