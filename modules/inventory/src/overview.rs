//! What the assets of a snapshot come to together. All of them count, those that cannot be traded included.

use std::collections::BTreeMap;

use tradepost_kernel::{AssetId, Decimal, Timestamp};

use crate::domain::percentage;
use crate::entry::Entry;
use crate::ordering::{Key, Order};
use crate::snapshot::Snapshot;

/// So many assets stand in each list.
const TOP: usize = 10;

/// The sums over the assets of one category.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CategorySum {
    pub category: String,
    pub asset_count: usize,
    pub total_market_cap: Decimal,
}

/// The sums over all assets, and those that stand out.
pub struct Overview<'a> {
    pub total_market_cap: Decimal,
    pub total_volume_24h: Decimal,
    /// The shares of the largest in the market capitalisation, in percent to two places.
    pub dominance: Vec<(AssetId, Decimal)>,
    pub top_gainers: Vec<&'a Entry>,
    pub top_losers: Vec<&'a Entry>,
    pub most_traded: Vec<&'a Entry>,
    /// When the newest price was true.
    pub last_updated: Option<Timestamp>,
}

impl Snapshot {
    /// The sums by category, the largest market capitalisation first.
    pub fn category_sums(&self) -> Vec<CategorySum> {
        let mut sums = BTreeMap::<&str, CategorySum>::new();
        for entry in &self.entries {
            let sum = sums.entry(&entry.search.category).or_default();
            sum.asset_count += 1;
            add(&mut sum.total_market_cap, entry.figures.market_cap);
        }
        let named = |(category, sum): (&str, _)| CategorySum { category: category.to_owned(), ..sum };
        let mut sums: Vec<_> = sums.into_iter().map(named).collect();
        sums.sort_by_key(|sum| std::cmp::Reverse(sum.total_market_cap));
        sums
    }

    /// The market as a whole.
    pub fn overview(&self) -> Overview<'_> {
        let (mut total_market_cap, mut total_volume_24h) = (Decimal::ZERO, Decimal::ZERO);
        for entry in &self.entries {
            add(&mut total_market_cap, entry.figures.market_cap);
            add(&mut total_volume_24h, entry.figures.total_volume_24h);
        }
        Overview {
            total_market_cap,
            total_volume_24h,
            dominance: self.dominance(total_market_cap),
            top_gainers: self.top(Order::descending(Key::Change), |entry| change(entry) > Decimal::ZERO),
            top_losers: self.top(Order::ascending(Key::Change), |entry| change(entry) < Decimal::ZERO),
            most_traded: self.top(Order::descending(Key::Volume), is_traded),
            last_updated: self.entries.iter().filter_map(|entry| entry.as_of()).max(),
        }
    }

    fn dominance(&self, total: Decimal) -> Vec<(AssetId, Decimal)> {
        let share = |entry: &Entry| Some((entry.asset.id, percentage(entry.figures.market_cap?, total)?));
        self.in_order(Order::descending(Key::MarketCap)).take(TOP).filter_map(share).collect()
    }

    /// The first assets of an order that can be traded and are `wanted`.
    fn top(&self, order: Order, wanted: impl Fn(&Entry) -> bool) -> Vec<&Entry> {
        self.in_order(order).filter(|entry| entry.is_active && wanted(entry)).take(TOP).collect()
    }
}

fn change(entry: &Entry) -> Decimal {
    entry.figures.price_change_percentage_24h.unwrap_or_default()
}

fn is_traded(entry: &Entry) -> bool {
    entry.figures.total_volume_24h.is_some_and(|volume| volume > Decimal::ZERO)
}

/// What is too large for a sum is left out of it.
fn add(sum: &mut Decimal, more: Option<Decimal>) {
    if let Some(sum_of_both) = more.and_then(|more| sum.checked_add(more)) {
        *sum = sum_of_both;
    }
}
