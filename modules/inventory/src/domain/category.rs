//! What people call a category.

/// Names that do not follow from the word.
const NAMES: [(&str, &str); 13] = [
    ("ai", "AI"),
    ("currency", "Currencies"),
    ("dao", "DAO"),
    ("defi", "DeFi"),
    ("depin", "DePIN"),
    ("exchange", "Exchange tokens"),
    ("meme", "Meme coins"),
    ("nft", "NFT"),
    ("oracle", "Oracles"),
    ("privacy", "Privacy coins"),
    ("rwa", "Real-world assets"),
    ("stablecoin", "Stablecoins"),
    ("socialfi", "SocialFi"),
];

/// What people call a category: a name of its own, or its words with a capital letter.
pub fn category_name(category: &str) -> String {
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == category) {
        return (*name).to_owned();
    }
    let words = category.split(['-', '_']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::category_name;

    #[test]
    fn words_become_names() {
        for (category, name) in [
            ("ai", "AI"),
            ("defi", "DeFi"),
            ("smart-contracts", "Smart contracts"),
            ("real_estate", "Real estate"),
            ("gaming", "Gaming"),
            ("élan", "Élan"),
            ("-", ""),
        ] {
            assert_eq!(category_name(category), name);
        }
    }
}
