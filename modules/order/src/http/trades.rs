//! What the caller traded: `/assets/{asset_id}/transactions`.

use actix_web::get;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use serde::Serialize;
use tradepost_kernel::{Amount, AssetId, OrderId, Price, Timestamp, Usd};
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::request::{Fields, FromFields, Paging, Path, Query, moment, text};
use tradepost_problem::Rejection;
use tradepost_user_api::{LedgerFilter, LedgerPlace, Side};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::positions::AssetPath;
use crate::domain::Trade;

/// Which trades to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListTrades {
    /// Only trades at this time or later (RFC 3339).
    #[param(value_type = Option<String>, example = "2026-01-01T00:00:00Z")]
    from: Option<Timestamp>,
    /// Only trades before this time (RFC 3339).
    #[param(value_type = Option<String>, example = "2100-01-01T00:00:00Z")]
    to: Option<Timestamp>,
    #[param(ignore)]
    paging: Paging,
}

impl FromFields for ListTrades {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let from = fields.optional("from", text(moment));
        let to = fields.optional("to", text(moment));
        let paging = Paging::read(fields);
        Some(Self { from: from?, to: to?, paging: paging? })
    }
}

/// A page of trades, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct TradesAnswer {
    data: Vec<TradeBody>,
    /// Whether there are more.
    #[schema(example = false)]
    has_more: bool,
    /// Give it as `cursor` for the next page.
    next_cursor: Option<String>,
}

/// An asset bought or sold.
#[derive(Debug, Serialize, ToSchema)]
pub struct TradeBody {
    #[schema(value_type = String, example = "BTC")]
    asset_id: AssetId,
    /// `BUY` or `SELL`.
    #[schema(example = "BUY")]
    transaction_type: &'static str,
    #[schema(value_type = String, example = "0.1")]
    quantity: Amount,
    /// Dollars per unit.
    #[schema(value_type = String, example = "50000")]
    price: Price,
    /// Dollars in all.
    #[schema(value_type = String, example = "5000.00")]
    total_amount: Usd,
    #[schema(value_type = String, example = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10")]
    order_id: OrderId,
    /// Always `COMPLETED`: only what took place is listed.
    #[schema(example = "COMPLETED")]
    status: &'static str,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00Z")]
    timestamp: Timestamp,
}

impl TradeBody {
    fn of(asset_id: AssetId, trade: Trade) -> Self {
        Self {
            asset_id,
            transaction_type: match trade.side {
                Side::Buy => "BUY",
                Side::Sell => "SELL",
            },
            quantity: trade.quantity,
            price: trade.price,
            total_amount: trade.total,
            order_id: trade.order,
            status: "COMPLETED",
            timestamp: trade.at,
        }
    }
}

/// What the caller bought and sold of an asset, newest first.
#[utoipa::path(tag = "portfolio", security(("bearer" = [])), params(AssetPath, ListTrades, Paging), responses(
    (status = 200, description = "A page of trades.", body = TradesAnswer),
    (status = 400, description = "`malformed_request`: the cursor was altered or belongs to other filters"),
    (status = 404, description = "`asset_not_found`"),
    (status = 422, description = "`validation_failed`"),
))]
#[get("/assets/{asset_id}/transactions", wrap = "from_fn(signed_in)")]
pub async fn list_asset_transactions(
    api: Data<Api>,
    caller: Caller,
    path: Path<AssetPath>,
    query: Query<ListTrades>,
) -> Result<Json<TradesAnswer>, Rejection> {
    let (AssetPath { asset_id }, ListTrades { from, to, paging }) = (path.0, query.0);
    let (scope, limit) = (format!("trades/{}/{asset_id}", caller.user), paging.limit);
    let given = LedgerFilter { kind: None, from, to };
    let first = |skip| LedgerPlace { before: None, skip };
    let (filter, place) = paging.start(&api.cursors, &scope, given, first)?;
    let page = api.service.trades(caller.user, asset_id, filter.clone(), place, limit).await?;
    let next_cursor = page.next.map(|place| api.cursors.encode(&scope, &filter, &place));
    let data = page.items.into_iter().map(|trade| TradeBody::of(asset_id, trade)).collect();
    Ok(Json(TradesAnswer { data, has_more: next_cursor.is_some(), next_cursor }))
}
