//! `GET /inventory/assets`: the catalog, page by page.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tradepost_platform::request::{Fields, FromFields, Query, boolean, integer};
use tradepost_problem::{Outage, Rejection};
use utoipa::{IntoParams, ToSchema};

use super::example;
use super::number::Number;
use crate::Inventory;
use crate::feed::SOURCE;
use crate::snapshot::{Entry, Snapshot};

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
) -> Result<HttpResponse, Rejection> {
    let snapshot = inventory.snapshot();
    let page = AssetPage::of(&snapshot, &query.0)?;
    Ok(HttpResponse::Ok().json(page))
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
    #[schema(value_type = Vec<ListedAsset>)]
    data: Vec<&'a RawValue>,
    /// How many assets the catalog has, those that cannot be traded included.
    #[schema(example = 100)]
    total_count: usize,
    /// How many assets of this page can be traded.
    #[schema(example = 50)]
    active_count: usize,
}

impl<'a> AssetPage<'a> {
    fn of(snapshot: &'a Snapshot, selection: &Selection) -> Result<Self, Outage> {
        let entries: Vec<_> = snapshot
            .entries
            .iter()
            .filter(|entry| entry.asset.is_active || !selection.active_only)
            .skip(selection.offset)
            .take(selection.limit)
            .collect();
        Ok(Self {
            active_count: entries.iter().filter(|entry| entry.asset.is_active).count(),
            total_count: snapshot.entries.len(),
            data: entries.into_iter().map(listed).collect::<Result<_, _>>()?,
        })
    }
}

fn listed(entry: &Entry) -> Result<&RawValue, Outage> {
    let write = || to_raw_value(&ListedAsset::from(entry));
    entry.prepared(write).map_err(|error| Outage::internal("write a listed asset", &error))
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
    /// Dollars per unit, with exact digits.
    price_usd: Number,
    /// Where the price is from; `simulated` is not a market.
    price_source: &'static str,
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
    fn from(Entry { asset, figures, .. }: &'a Entry) -> Self {
        Self {
            asset_id: asset.id.as_str(),
            name: &asset.name,
            description: asset.description.as_deref(),
            category: &asset.category,
            price_usd: figures.price.into(),
            price_source: SOURCE,
            is_active: asset.is_active,
            symbol: asset.id.as_str(),
            image: None,
            market_cap_rank: asset.rank,
            price_change_percentage_24h: figures.price_change_percentage_24h.map(Number::from),
            market_cap: figures.market_cap.map(Number::from),
            total_volume_24h: figures.total_volume_24h.map(Number::from),
        }
    }
}
