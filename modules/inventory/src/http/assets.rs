//! `GET /inventory/assets`: the catalog, page by page.

use std::fmt::Write;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use tradepost_kernel::{Decimal, Timestamp};
use tradepost_platform::request::{Fields, FromFields, Query, boolean, integer};
use tradepost_problem::{Outage, Rejection};
use utoipa::{IntoParams, ToSchema};

use super::example;
use super::fresh::fresh;
use super::number::Number;
use super::prepared::{HOLE, Prepared};
use crate::Inventory;
use crate::entry::Entry;
use crate::snapshot::Snapshot;

/// Lists assets with their prices, by market-cap rank; those without a rank stand last.
#[utoipa::path(
    tag = "inventory",
    params(Selection),
    responses(
        (status = 200, description = "One page of the catalog.", body = AssetPage),
        (status = 422, description = "`validation_failed`: a parameter breaks its rule."),
    )
)]
#[get("/inventory/assets")]
pub async fn list_assets(
    inventory: Data<Inventory>,
    query: Query<Selection>,
    request: HttpRequest,
) -> Result<HttpResponse, Rejection> {
    let snapshot = inventory.snapshot();
    fresh(&request, &snapshot, || Ok(page(&snapshot, &query.0, inventory.now())?))
}

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
}

impl FromFields for Selection {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let active_only = fields.optional("active_only", boolean);
        let limit = fields.optional("limit", integer(1, 250));
        let offset = fields.optional("offset", integer(0, 100_000));
        Some(Self {
            active_only: active_only?.unwrap_or(true),
            limit: usize::try_from(limit?.unwrap_or(50)).ok()?,
            offset: usize::try_from(offset?.unwrap_or(0)).ok()?,
        })
    }
}

/// One page of the catalog.
#[derive(Serialize, ToSchema)]
pub struct AssetPage<'a> {
    /// The assets of this page.
    data: Vec<ListedAsset<'a>>,
    /// How many assets the catalog has, those that cannot be traded included.
    #[schema(example = 100)]
    total_count: usize,
    /// How many assets of this page can be traded.
    #[schema(example = 50)]
    active_count: usize,
}

/// Writes an [`AssetPage`] of what is prepared.
fn page(snapshot: &Snapshot, selection: &Selection, now: Timestamp) -> Result<String, Outage> {
    let selected = snapshot.entries.iter().filter(|entry| entry.is_active || !selection.active_only);
    let entries: Vec<_> = selected.skip(selection.offset).take(selection.limit).collect();
    let prepared = entries.iter().map(|entry| listed(entry)).collect::<Result<Vec<_>, _>>()?;
    let mut text = String::with_capacity(prepared.iter().map(|asset| asset.len() + 1).sum::<usize>() + 64);
    text.push_str(r#"{"data":["#);
    for (place, asset) in prepared.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        asset.append(&mut text, now);
    }
    let active_count = entries.iter().filter(|entry| entry.is_active).count();
    let _ = write!(text, r#"],"total_count":{},"active_count":{active_count}}}"#, snapshot.entries.len());
    Ok(text)
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
    /// Where the price is from: `coingecko`, `file`, `manual` (set by an administrator), or `simulated`, which is not a
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
