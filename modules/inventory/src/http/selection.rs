//! Which assets of a snapshot are asked for, and in what order.

use std::collections::HashSet;

use tradepost_platform::request::{Fields, FromFields, boolean, integer, text};
use utoipa::IntoParams;

use crate::domain::{Relevance, SearchKey, SearchText};
use crate::entry::Entry;
use crate::ordering::{Key, Order};
use crate::snapshot::Snapshot;

/// Which assets are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Selection {
    /// Whether assets that cannot be traded are left out.
    #[param(required = false, default = true, example = true)]
    active_only: bool,
    /// How many assets a page has at most.
    #[param(required = false, default = 50, minimum = 1, maximum = 250, example = 50)]
    limit: usize,
    /// How many assets of the list are passed over.
    #[param(required = false, default = 0, minimum = 0, maximum = 100_000, example = 0)]
    offset: usize,
    /// Only assets of this category, in either case; `/inventory/categories` lists them. There are none in a category
    /// that nobody heard of.
    #[param(required = false, value_type = String, example = "defi")]
    category: Option<String>,
    /// What to search for in symbols and names, in either case, without the blanks around it. Without a `sort` the best
    /// come first: that very symbol, symbols that begin so, that very name, names that begin so, names with a word that
    /// begins so, names in which it occurs. If the catalog has none of these, three or more characters may be misspelt:
    /// up to five with one error, more with two.
    #[param(required = false, value_type = String, min_length = 1, max_length = 50, example = "bitcoin")]
    q: Option<SearchText>,
    /// What the list is ordered by: as it stands from the least to the greatest (rank 1 first, names from A), with a
    /// minus sign from the greatest to the least. What is not known stands last either way, and what is equal by
    /// market-cap rank, then by symbol. Without it the order is `rank`, or how well the assets fit `q`.
    #[param(
        required = false,
        value_type = String,
        pattern = "^-?(rank|name|price|change|volume|market_cap)$",
        example = "-market_cap"
    )]
    sort: Option<Order>,
}

/// What was selected.
pub struct Selected<'a> {
    /// The assets of the page.
    pub page: Vec<&'a Entry>,
    /// How many fit the category and the search, whatever the page, those that cannot be traded included.
    pub total_count: usize,
}

impl FromFields for Selection {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let active_only = fields.optional("active_only", boolean);
        let limit = fields.optional("limit", integer(1, 250));
        let offset = fields.optional("offset", integer(0, 100_000));
        let category = fields.optional("category", text(|text| Ok::<_, String>(text.to_lowercase())));
        let q = fields.optional("q", text(SearchText::parse));
        let sort = fields.optional("sort", text(order));
        Some(Self {
            active_only: active_only?.unwrap_or(true),
            limit: usize::try_from(limit?.unwrap_or(50)).ok()?,
            offset: usize::try_from(offset?.unwrap_or(0)).ok()?,
            category: category?,
            q: q?,
            sort: sort?,
        })
    }
}

fn order(text: &str) -> Result<Order, String> {
    let name = text.strip_prefix('-');
    let known = Key::ALL.into_iter().find(|(known, _)| *known == name.unwrap_or(text));
    known.map(|(_, key)| Order { key, is_descending: name.is_some() }).ok_or_else(|| {
        let names = Key::ALL.map(|(name, _)| name).join(", ");
        format!("must be one of {names}, or one of them after a minus sign")
    })
}

impl Selection {
    /// Selects from a snapshot.
    pub fn apply<'a>(&self, snapshot: &'a Snapshot) -> Selected<'a> {
        let found = self.q.as_ref().map(|text| search(snapshot, text));
        match (found, self.sort) {
            (None, sort) => {
                let order = sort.unwrap_or(Order::ascending(Key::Rank));
                self.cut(snapshot.in_order(order), || snapshot.entries.len())
            }
            (Some(found), None) => {
                let count = found.len();
                self.cut(found.into_iter().map(|(_, entry)| entry), || count)
            }
            (Some(found), Some(sort)) => {
                let count = found.len();
                let found: HashSet<_> = found.into_iter().map(|(_, entry)| entry.asset.id).collect();
                let sorted = snapshot.in_order(sort).filter(|entry| found.contains(&entry.asset.id));
                self.cut(sorted, || count)
            }
        }
    }

    /// The page of a list of so many assets, as far as they are of the category.
    fn cut<'a>(&self, list: impl Iterator<Item = &'a Entry>, count: impl FnOnce() -> usize) -> Selected<'a> {
        let is_wanted = |entry: &&Entry| entry.is_active || !self.active_only;
        let Some(category) = &self.category else {
            let page = list.filter(is_wanted).skip(self.offset).take(self.limit).collect();
            return Selected { page, total_count: count() };
        };
        let mut total_count = 0;
        let of_category = list.filter(|entry| entry.search.category == *category);
        let counted = of_category.inspect(|_| total_count += 1).filter(is_wanted);
        let all: Vec<_> = counted.collect();
        let page = all.into_iter().skip(self.offset).take(self.limit).collect();
        Selected { page, total_count }
    }
}

/// What fits a text, the best first, and what fits equally well by rank. Nothing is misspelt that the catalog has.
fn search<'a>(snapshot: &'a Snapshot, text: &SearchText) -> Vec<(Relevance, &'a Entry)> {
    let fitting = |fit: fn(&SearchText, &SearchKey) -> Option<Relevance>| {
        let entries = snapshot.entries.iter();
        entries.filter_map(|entry| Some((fit(text, &entry.search)?, entry.as_ref()))).collect::<Vec<_>>()
    };
    let mut found = fitting(SearchText::find);
    if found.is_empty() {
        found = fitting(SearchText::guess);
    }
    found.sort_by_key(|(relevance, _)| *relevance);
    found
}
