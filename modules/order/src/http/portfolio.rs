//! `/portfolio`.

use actix_web::get;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use serde::Serialize;
use tradepost_kernel::{Amount, AssetId, Decimal, Price, Timestamp, Usd};
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_problem::Rejection;
use utoipa::ToSchema;

use super::Api;
use crate::domain::{Holding, Portfolio};

/// Everything the caller has, at the newest prices.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortfolioBody {
    /// By asset id; what was sold out is left out.
    assets: Vec<PortfolioAsset>,
    /// All cash, held or not.
    #[schema(value_type = String, example = "5000.00")]
    usd_balance: Usd,
    /// The part of the cash that open orders hold.
    #[schema(value_type = String, example = "0.00")]
    usd_held: Usd,
    /// The sum of the market values.
    #[schema(value_type = String, example = "5000.00")]
    total_asset_value: Usd,
    /// Cash and assets.
    #[schema(value_type = String, example = "10000.00")]
    total_portfolio_value: Usd,
    #[schema(example = 1)]
    asset_count: usize,
    /// When this was put together.
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00Z")]
    last_updated: Timestamp,
}

/// One asset of a portfolio.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortfolioAsset {
    #[schema(value_type = String, example = "BTC")]
    asset_id: AssetId,
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
    #[schema(value_type = Option<String>, example = "50000")]
    current_price: Option<Price>,
    /// Where the price is from.
    #[schema(example = "simulated")]
    price_source: Option<String>,
    /// Quantity times price, rounded down to the cent.
    #[schema(value_type = String, example = "5000.00")]
    market_value: Usd,
    /// The part of the whole portfolio, in percent.
    #[schema(value_type = String, example = "50.00")]
    percentage: Decimal,
    /// Dollars paid per unit, on average.
    #[schema(value_type = String, example = "48000")]
    average_cost: Decimal,
    /// Market value less what was paid; null without a price.
    #[schema(value_type = Option<String>, example = "200.00")]
    unrealized_pnl: Option<Decimal>,
}

impl PortfolioBody {
    fn of(portfolio: &Portfolio) -> Self {
        let asset = |holding| PortfolioAsset::of(holding, portfolio.percentage(holding));
        let assets: Vec<_> = portfolio.holdings.iter().map(asset).collect();
        Self {
            asset_count: assets.len(),
            assets,
            usd_balance: portfolio.cash,
            usd_held: portfolio.held_cash,
            total_asset_value: portfolio.assets_value,
            total_portfolio_value: portfolio.total_value,
            last_updated: portfolio.at,
        }
    }
}

impl PortfolioAsset {
    fn of(holding: &Holding, percentage: Decimal) -> Self {
        Self {
            asset_id: holding.asset,
            quantity: holding.quantity,
            available_quantity: holding.available,
            held_quantity: holding.held,
            current_price: holding.quote.as_ref().map(|quote| quote.price),
            price_source: holding.quote.as_ref().map(|quote| quote.source.clone()),
            market_value: holding.market_value,
            percentage,
            average_cost: holding.average_cost,
            unrealized_pnl: holding.unrealized_pnl,
        }
    }
}

/// Everything the caller has, valued at the newest prices.
#[utoipa::path(tag = "portfolio", security(("bearer" = [])), responses(
    (status = 200, description = "The portfolio.", body = PortfolioBody),
))]
#[get("/portfolio", wrap = "from_fn(signed_in)")]
pub async fn get_portfolio(api: Data<Api>, caller: Caller) -> Result<Json<PortfolioBody>, Rejection> {
    let portfolio = api.service.portfolio(caller.user).await?;
    Ok(Json(PortfolioBody::of(&portfolio)))
}
