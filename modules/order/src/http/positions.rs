//! What the caller has of single assets: `/balance/asset/{asset_id}` and `/assets/balances`.

use std::fmt::Display;

use actix_web::get;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use serde::Serialize;
use serde_json::value::RawValue;
use tradepost_kernel::{Amount, AssetId, Timestamp, Usd};
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::request::{Fields, FromFields, Path, text};
use tradepost_problem::Rejection;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use crate::domain::{Holding, Portfolio};

/// Which asset.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AssetPath {
    /// The id of an asset, in upper or lower case.
    #[param(value_type = String, example = "BTC")]
    pub asset_id: AssetId,
}

impl FromFields for AssetPath {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let asset_id = fields.required("asset_id", text(str::parse::<AssetId>));
        Some(Self { asset_id: asset_id? })
    }
}

/// What the caller has of an asset.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssetBalance {
    #[schema(value_type = String, example = "BTC")]
    asset_id: AssetId,
    #[schema(example = "Bitcoin")]
    asset_name: String,
    /// All of it, held for orders or not.
    #[schema(value_type = String, example = "0.1")]
    quantity: Amount,
    /// What can be sold, or held for an order.
    #[schema(value_type = String, example = "0.1")]
    available_quantity: Amount,
    /// What open orders hold.
    #[schema(value_type = String, example = "0")]
    held_quantity: Amount,
    /// Dollars per unit; null if there never was a price.
    #[schema(schema_with = price_number, required)]
    current_price: Option<Box<RawValue>>,
    /// Quantity times price, rounded down to the cent.
    #[schema(schema_with = value_number, required)]
    total_value: Option<Box<RawValue>>,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00Z")]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00Z")]
    updated_at: Timestamp,
}

/// What the caller has of every asset, by asset id.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssetBalances {
    data: Vec<AssetBalance>,
    #[schema(example = 1)]
    total_count: usize,
    /// The sum of the values shown.
    #[schema(value_type = String, example = "5000.00")]
    total_market_value: Usd,
}

/// A number with the exact digits of a decimal, which no binary number has.
fn number(value: &dyn Display) -> Option<Box<RawValue>> {
    RawValue::from_string(value.to_string()).ok()
}

fn price_number() -> Object {
    let types = SchemaType::Array(vec![Type::Number, Type::Null]);
    ObjectBuilder::new().schema_type(types).examples([serde_json::json!(50_000)]).build()
}

fn value_number() -> Object {
    ObjectBuilder::new().schema_type(Type::Number).examples([serde_json::json!(5_000)]).build()
}

impl From<&Holding> for AssetBalance {
    fn from(holding: &Holding) -> Self {
        Self {
            asset_id: holding.asset,
            asset_name: holding.name.clone(),
            quantity: holding.quantity,
            available_quantity: holding.available,
            held_quantity: holding.held,
            current_price: holding.quote.as_ref().and_then(|quote| number(&quote.price)),
            total_value: number(&holding.market_value),
            created_at: holding.created_at,
            updated_at: holding.updated_at,
        }
    }
}

impl From<Portfolio> for AssetBalances {
    fn from(portfolio: Portfolio) -> Self {
        let data: Vec<_> = portfolio.holdings.iter().map(AssetBalance::from).collect();
        Self { total_count: data.len(), data, total_market_value: portfolio.assets_value }
    }
}

/// What the caller has of one asset.
#[utoipa::path(tag = "portfolio", security(("bearer" = [])), params(AssetPath), responses(
    (status = 200, description = "The asset; sold out shows as quantity 0.", body = AssetBalance),
    (status = 404, description = "`asset_not_found` or `position_not_found`"),
    (status = 422, description = "`validation_failed`"),
))]
#[get("/balance/asset/{asset_id}", wrap = "from_fn(signed_in)")]
pub async fn get_asset_balance(
    api: Data<Api>,
    caller: Caller,
    path: Path<AssetPath>,
) -> Result<Json<AssetBalance>, Rejection> {
    let holding = api.service.holding(caller.user, path.0.asset_id).await?;
    Ok(Json(AssetBalance::from(&holding)))
}

/// What the caller has of every asset.
#[utoipa::path(tag = "portfolio", security(("bearer" = [])), responses(
    (status = 200, description = "The assets; what was sold out is left out.", body = AssetBalances),
))]
#[get("/assets/balances", wrap = "from_fn(signed_in)")]
pub async fn list_asset_balances(api: Data<Api>, caller: Caller) -> Result<Json<AssetBalances>, Rejection> {
    let portfolio = api.service.portfolio(caller.user).await?;
    Ok(Json(AssetBalances::from(portfolio)))
}
