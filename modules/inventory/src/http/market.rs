//! `GET /inventory/market`: the market as a whole.

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde::{Serialize, Serializer};
use tradepost_kernel::{AssetId, Decimal, Timestamp};
use tradepost_platform::encoding::encode;
use tradepost_problem::{Outage, Rejection};
use utoipa::ToSchema;

use super::assets::ListedAsset;
use super::example;
use super::fresh::fresh;
use super::kept::keep;
use super::number::Number;
use super::once;
use super::prepared::Prepared;
use crate::Inventory;
use crate::entry::Entry;
use crate::overview::Overview;
use crate::snapshot::Snapshot;

/// Shows what all assets are worth together, and those that stand out.
#[utoipa::path(
    tag = "inventory",
    responses((status = 200, description = "The market.", body = MarketAnswer)),
)]
#[get("/inventory/market", wrap = "from_fn(encode)", wrap = "from_fn(keep)")]
pub async fn show_market(
    inventory: Data<Inventory>,
    request: HttpRequest,
) -> Result<HttpResponse, Rejection> {
    let snapshot = inventory.snapshot();
    fresh(&request, snapshot.version, || {
        let market = once(&snapshot.market, || prepare(&snapshot))?;
        let mut text = String::with_capacity(market.len());
        market.append(&mut text, inventory.now());
        Ok(text)
    })
}

fn prepare(snapshot: &Snapshot) -> Result<Prepared, Outage> {
    let overview = snapshot.overview();
    let lists = [&overview.top_gainers, &overview.top_losers, &overview.most_traded];
    let as_of: Vec<_> = lists.into_iter().flatten().map(|entry| entry.as_of()).collect();
    Prepared::of_many(&MarketAnswer { data: Market::from(&overview) }, &as_of)
}

/// The market.
#[derive(Serialize, ToSchema)]
pub struct MarketAnswer<'a> {
    /// The market.
    data: Market<'a>,
}

/// What all assets are worth together, and those that stand out.
#[derive(Serialize, ToSchema)]
#[schema(example = example::market)]
pub struct Market<'a> {
    /// Dollars: the market capitalisations of all assets together, as far as they are known, those that cannot be traded
    /// included.
    total_market_cap: Number,
    /// Dollars traded within 24 hours, of all assets together.
    total_volume_24h: Number,
    /// The shares of the ten largest assets in the market capitalisation, in percent to two places, the largest first.
    #[schema(value_type = BTreeMap<String, Number>)]
    dominance: Dominance<'a>,
    /// The ten assets that can be traded and gained most within 24 hours, the greatest gain first.
    top_gainers: Vec<ListedAsset<'a>>,
    /// The ten assets that can be traded and lost most within 24 hours, the greatest loss first.
    top_losers: Vec<ListedAsset<'a>>,
    /// The ten assets that can be traded and were traded most within 24 hours, in dollars, the most traded first.
    most_traded: Vec<ListedAsset<'a>>,
    /// When the newest of all prices was true.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_updated: Option<Timestamp>,
}

/// Shares, written in the order in which they stand.
struct Dominance<'a>(&'a [(AssetId, Decimal)]);

impl Serialize for Dominance<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(asset, share)| (asset.as_str(), Number::from(*share))))
    }
}

impl<'a> From<&'a Overview<'a>> for Market<'a> {
    fn from(overview: &'a Overview<'a>) -> Self {
        let list = |entries: &[&'a Entry]| entries.iter().map(|entry| ListedAsset::from(*entry)).collect();
        Self {
            total_market_cap: overview.total_market_cap.into(),
            total_volume_24h: overview.total_volume_24h.into(),
            dominance: Dominance(&overview.dominance),
            top_gainers: list(&overview.top_gainers),
            top_losers: list(&overview.top_losers),
            most_traded: list(&overview.most_traded),
            last_updated: overview.last_updated,
        }
    }
}
