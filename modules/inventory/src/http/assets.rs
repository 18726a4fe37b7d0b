//! `GET /inventory/assets`: the catalog, page by page.

use std::fmt::Write;

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use tradepost_kernel::{Decimal, Timestamp};
use tradepost_platform::encoding::encode;
use tradepost_platform::request::Query;
use tradepost_problem::{Outage, Rejection};
use utoipa::ToSchema;

use super::example;
use super::fresh::fresh;
use super::kept::keep;
use super::number::Number;
use super::prepared::{HOLE, Prepared};
use super::selection::{Selected, Selection};
use crate::Inventory;
use crate::entry::Entry;
use crate::snapshot::Snapshot;

/// Lists assets with their prices: all of them, those of a category, or those that fit a search.
#[utoipa::path(
    tag = "inventory",
    params(Selection),
    responses(
        (status = 200, description = "One page of the catalog.", body = AssetPage),
        (status = 422, description = "`validation_failed`: a parameter breaks its rule."),
    )
)]
#[get("/inventory/assets", wrap = "from_fn(encode)", wrap = "from_fn(keep)")]
pub async fn list_assets(
    inventory: Data<Inventory>,
    query: Query<Selection>,
    request: HttpRequest,
) -> Result<HttpResponse, Rejection> {
    let snapshot = inventory.snapshot();
    fresh(&request, snapshot.version, || Ok(page(&snapshot, &query.0, inventory.now())?))
}

/// One page of the catalog.
#[derive(Serialize, ToSchema)]
pub struct AssetPage<'a> {
    /// The assets of this page.
    data: Vec<ListedAsset<'a>>,
    /// How many assets fit the category and the search, whatever the page, those that cannot be traded included.
    #[schema(example = 100)]
    total_count: usize,
    /// How many assets of this page can be traded.
    #[schema(example = 50)]
    active_count: usize,
}

/// Writes an [`AssetPage`] of what is prepared.
fn page(snapshot: &Snapshot, selection: &Selection, now: Timestamp) -> Result<String, Outage> {
    let Selected { page, total_count } = selection.apply(snapshot);
    let prepared = page.iter().map(|entry| listed(entry)).collect::<Result<Vec<_>, _>>()?;
    let mut text = String::with_capacity(prepared.iter().map(|asset| asset.len() + 1).sum::<usize>() + 64);
    text.push_str(r#"{"data":["#);
    append_all(&mut text, prepared, now);
    let active_count = page.iter().filter(|entry| entry.is_active).count();
    let _ = write!(text, r#"],"total_count":{total_count},"active_count":{active_count}}}"#);
    Ok(text)
}

/// Appends what is prepared as the items of a list.
pub fn append_all<'a>(text: &mut String, prepared: impl IntoIterator<Item = &'a Prepared>, now: Timestamp) {
    for (place, asset) in prepared.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        asset.append(text, now);
    }
}

/// What lists show of an asset.
pub fn listed(entry: &Entry) -> Result<&Prepared, Outage> {
    entry.prepare(&entry.listed, || Prepared::new(&ListedAsset::from(entry), entry.as_of()))
}

/// An asset with its price.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = example::listed)]
pub struct ListedAsset<'a> {
    /// The symbol that names the asset in every request.
    asset_id: &'a str,
    /// What people call it.
    name: &'a str,
    /// What it is, in a sentence or two.
    #[schema(required)]
    description: Option<&'a str>,
    /// The sort of asset.
    category: &'a str,
    /// Dollars per unit, with exact digits; 0 where there never was a price.
    price_usd: Number,
    /// Where the price is from: `coingecko` (data provided by CoinGecko, <https://www.coingecko.com>), `file`, `manual` (set by an administrator), or `simulated`, which is not a
    /// market; null where there never was a price.
    #[schema(required)]
    price_source: Option<&'a str>,
    /// How many seconds ago the price was true; orders are refused once it is too old.
    #[schema(required, value_type = Option<u64>)]
    price_age_s: u64,
    /// Whether orders on it are accepted.
    is_active: bool,
    /// The ticker symbol.
    symbol: &'a str,
    /// The address of a picture.
    #[schema(required)]
    image: Option<&'a str>,
    /// The place by market capitalisation.
    #[schema(required)]
    market_cap_rank: Option<u32>,
    /// The change of the price within 24 hours, in percent to two places.
    #[schema(required)]
    price_change_percentage_24h: Option<Number>,
    /// What all circulating units cost, in dollars.
    #[schema(required)]
    market_cap: Option<Number>,
    /// Dollars traded within 24 hours.
    #[schema(required)]
    total_volume_24h: Option<Number>,
}

impl<'a> From<&'a Entry> for ListedAsset<'a> {
    fn from(entry: &'a Entry) -> Self {
        let Entry { asset, figures, is_active, quote, .. } = entry;
        Self {
            asset_id: asset.id.as_str(),
            name: &asset.name,
            description: asset.description.as_deref(),
            category: &asset.category,
            price_usd: entry.price().map_or_else(|| Decimal::ZERO.into(), Number::from),
            price_source: quote.as_ref().map(|quote| quote.source.as_str()),
            price_age_s: HOLE,
            is_active: *is_active,
            symbol: asset.id.as_str(),
            image: asset.image.as_deref(),
            market_cap_rank: asset.rank,
            price_change_percentage_24h: figures.price_change_percentage_24h.map(Number::from),
            market_cap: figures.market_cap.map(Number::from),
            total_volume_24h: figures.total_volume_24h.map(Number::from),
        }
    }
}
