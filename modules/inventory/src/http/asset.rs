//! `GET /inventory/assets/{asset_id}`: all there is to know about one asset.

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::NaiveDate;
use serde::Serialize;
use tradepost_kernel::{AssetId, Timestamp};
use tradepost_platform::encoding::encode;
use tradepost_platform::request::{Fields, FromFields, Path, text};
use tradepost_problem::{Outage, Rejection};
use utoipa::{IntoParams, ToSchema};

use super::assets::ListedAsset;
use super::fresh::fresh;
use super::kept::keep;
use super::number::Number;
use super::{Prepared, example};
use crate::entry::Entry;
use crate::{Inventory, InventoryError};

/// Shows one asset with its price and market figures.
#[utoipa::path(
    tag = "inventory",
    params(Which),
    responses(
        (status = 200, description = "The asset.", body = AssetAnswer),
        (status = 404, description = "`asset_not_found`: the catalog has no such asset."),
        (status = 422, description = "`validation_failed`: the symbol is not 1 to 10 letters or digits."),
    )
)]
#[get("/inventory/assets/{asset_id}", wrap = "from_fn(encode)", wrap = "from_fn(keep)")]
pub async fn get_asset(
    inventory: Data<Inventory>,
    path: Path<Which>,
    request: HttpRequest,
) -> Result<HttpResponse, Rejection> {
    let Which { asset_id } = path.0;
    let snapshot = inventory.snapshot();
    let entry = snapshot.get(asset_id).ok_or(InventoryError::AssetNotFound(asset_id))?;
    fresh(&request, snapshot.version, || Ok(answer(entry, inventory.now())?))
}

/// What is answered about one asset.
pub fn answer(entry: &Entry, now: Timestamp) -> Result<String, Outage> {
    let detail = entry.prepare(&entry.detail, || Prepared::new(&AssetDetail::from(entry), entry.as_of()))?;
    let mut text = String::with_capacity(detail.len() + 16);
    text.push_str(r#"{"data":"#);
    detail.append(&mut text, now);
    text.push('}');
    Ok(text)
}

/// Which asset is asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct Which {
    /// The symbol of the asset, in either case.
    #[param(value_type = String, pattern = "^[A-Za-z0-9]{1,10}$", example = "BTC")]
    pub asset_id: AssetId,
}

impl FromFields for Which {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { asset_id: fields.required("asset_id", text(str::parse::<AssetId>))? })
    }
}

/// One asset.
#[derive(Serialize, ToSchema)]
pub struct AssetAnswer<'a> {
    /// The asset.
    data: AssetDetail<'a>,
}

/// An asset with its price and market figures.
#[derive(Serialize, ToSchema)]
#[schema(example = example::detail)]
pub struct AssetDetail<'a> {
    #[serde(flatten)]
    listed: ListedAsset<'a>,
    /// Whether orders on it are accepted.
    availability_status: Availability,
    /// Why it is suspended, if an administrator said.
    #[schema(required)]
    suspension_reason: Option<&'a str>,
    /// What the quantity of an order must be a whole multiple of; null where any quantity will do.
    #[schema(required)]
    quantity_step: Option<Number>,
    /// Dollars an order must at least be worth; null where only the rule for all assets holds.
    #[schema(required)]
    min_order_value: Option<Number>,
    /// Dollars an order may at most be worth; null where only the rule for all assets holds.
    #[schema(required)]
    max_order_value: Option<Number>,
    /// The change of the price within 24 hours, in dollars.
    #[schema(required)]
    price_change_24h: Option<Number>,
    /// The change of the price within 7 days, in percent to two places.
    #[schema(required)]
    price_change_percentage_7d: Option<Number>,
    /// The change of the price within 30 days, in percent to two places.
    #[schema(required)]
    price_change_percentage_30d: Option<Number>,
    /// The highest price of the last 24 hours.
    #[schema(required)]
    high_24h: Option<Number>,
    /// The lowest price of the last 24 hours.
    #[schema(required)]
    low_24h: Option<Number>,
    /// Units in circulation.
    #[schema(required)]
    circulating_supply: Option<Number>,
    /// Units that exist.
    #[schema(required)]
    total_supply: Option<Number>,
    /// Units there can ever be.
    #[schema(required)]
    max_supply: Option<Number>,
    /// The highest price there ever was.
    #[schema(required)]
    ath: Option<Number>,
    /// How far the price is from it, in percent to two places.
    #[schema(required)]
    ath_change_percentage: Option<Number>,
    /// The day of the highest price.
    #[schema(required, value_type = Option<String>, format = Date)]
    ath_date: Option<NaiveDate>,
    /// The lowest price there ever was.
    #[schema(required)]
    atl: Option<Number>,
    /// How far the price is from it, in percent to two places.
    #[schema(required)]
    atl_change_percentage: Option<Number>,
    /// The day of the lowest price.
    #[schema(required, value_type = Option<String>, format = Date)]
    atl_date: Option<NaiveDate>,
    /// When the price was true.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_updated: Option<Timestamp>,
    /// The price at each full hour of the last seven days, the oldest first; null where none is known.
    #[schema(required)]
    sparkline_7d: Option<Vec<Number>>,
}

/// Whether orders on an asset are accepted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Availability {
    Available,
    Unavailable,
}

impl<'a> From<&'a Entry> for AssetDetail<'a> {
    fn from(entry: &'a Entry) -> Self {
        let Entry { asset, figures, rules, is_active, .. } = entry;
        Self {
            listed: entry.into(),
            availability_status: if *is_active { Availability::Available } else { Availability::Unavailable },
            suspension_reason: entry.suspension.as_deref(),
            quantity_step: rules.quantity_step.map(|step| step.get().into()),
            min_order_value: rules.min_value.map(Number::from),
            max_order_value: rules.max_value.map(Number::from),
            price_change_24h: figures.price_change_24h.map(Number::from),
            price_change_percentage_7d: figures.price_change_percentage_7d.map(Number::from),
            price_change_percentage_30d: figures.price_change_percentage_30d.map(Number::from),
            high_24h: figures.high_24h.map(Number::from),
            low_24h: figures.low_24h.map(Number::from),
            circulating_supply: asset.circulating_supply.map(Number::from),
            total_supply: asset.total_supply.map(Number::from),
            max_supply: asset.max_supply.map(Number::from),
            ath: figures.ath.map(|ath| ath.value.into()),
            ath_change_percentage: figures.ath.and_then(|ath| ath.change_percentage).map(Number::from),
            ath_date: figures.ath.map(|ath| ath.date),
            atl: figures.atl.map(|atl| atl.value.into()),
            atl_change_percentage: figures.atl.and_then(|atl| atl.change_percentage).map(Number::from),
            atl_date: figures.atl.map(|atl| atl.date),
            last_updated: entry.as_of(),
            sparkline_7d: entry
                .sparkline()
                .map(|prices| prices.iter().map(|price| (*price).into()).collect()),
        }
    }
}
