//! `/orders`.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use actix_web::{Responder, get, post};
use serde::Serialize;
use tradepost_kernel::{AssetId, OrderId, Price, Quantity, Timestamp, Usd};
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::request::{Body, Fields, FromFields, Paging, Path, Query, decimal, moment, text};
use tradepost_problem::Rejection;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use crate::domain::{NewOrder, Order, OrderFilter, OrderPlace, OrderType, Status, Terms};

/// An order to place.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "order_type": "market_buy", "asset_id": "BTC", "quantity": "0.01" }))]
pub struct PlaceOrder {
    /// `market_buy` or `market_sell`.
    #[schema(value_type = String, example = "market_buy")]
    order_type: OrderType,
    /// The asset to buy or sell.
    #[schema(value_type = String, example = "BTC")]
    asset_id: AssetId,
    /// How much of it: more than 0, at most 10^12, at most 8 decimal places; a string or a number.
    #[schema(value_type = String, example = "0.01")]
    quantity: Quantity,
    /// Ignored: a market order executes at the price of now.
    #[schema(value_type = Option<String>, example = "50000")]
    #[expect(dead_code, reason = "checked, because a malformed field is an error, and then ignored")]
    price: Option<Price>,
}

impl FromFields for PlaceOrder {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let order_type = fields.required("order_type", text(market_order));
        let asset_id = fields.required("asset_id", text(str::parse::<AssetId>));
        let quantity = fields.required("quantity", decimal(Quantity::new));
        let price = fields.optional("price", decimal(Price::new));
        Some(Self { order_type: order_type?, asset_id: asset_id?, quantity: quantity?, price: price? })
    }
}

fn market_order(text: &str) -> Result<OrderType, &'static str> {
    match text.parse() {
        Ok(order_type @ (OrderType::MarketBuy | OrderType::MarketSell)) => Ok(order_type),
        _ => Err("must be market_buy or market_sell"),
    }
}

/// Which orders to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListOrders {
    /// Only orders of this asset.
    #[param(value_type = Option<String>, example = "BTC")]
    asset_id: Option<AssetId>,
    /// Only orders of this type: `market_buy`, `market_sell`, `limit_buy`, `limit_sell`, `stop_loss` or
    /// `take_profit`.
    #[param(value_type = Option<String>, example = "market_buy")]
    order_type: Option<OrderType>,
    /// Only orders with this status: `pending`, `open`, `completed`, `cancelled`, `expired` or `failed`.
    #[param(value_type = Option<String>, example = "completed")]
    status: Option<Status>,
    /// Only orders accepted at this time or later (RFC 3339).
    #[param(value_type = Option<String>, example = "2026-01-01T00:00:00Z")]
    from: Option<Timestamp>,
    /// Only orders accepted before this time (RFC 3339).
    #[param(value_type = Option<String>, example = "2100-01-01T00:00:00Z")]
    to: Option<Timestamp>,
    #[param(ignore)]
    paging: Paging,
}

impl FromFields for ListOrders {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let asset_id = fields.optional("asset_id", text(str::parse::<AssetId>));
        let order_type = fields.optional("order_type", text(str::parse::<OrderType>));
        let status = fields.optional("status", text(str::parse::<Status>));
        let from = fields.optional("from", text(moment));
        let to = fields.optional("to", text(moment));
        let paging = Paging::read(fields);
        Some(Self {
            asset_id: asset_id?,
            order_type: order_type?,
            status: status?,
            from: from?,
            to: to?,
            paging: paging?,
        })
    }
}

/// Which order.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OrderPath {
    /// The id of an order of the caller.
    #[param(value_type = String, example = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10")]
    order_id: OrderId,
}

impl FromFields for OrderPath {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let order_id = fields.required("order_id", text(str::parse::<OrderId>));
        Some(Self { order_id: order_id? })
    }
}

/// One order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderAnswer {
    data: OrderBody,
}

/// A page of orders, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrdersAnswer {
    data: Vec<OrderBody>,
    /// Whether there are more.
    #[schema(example = false)]
    has_more: bool,
    /// Give it as `cursor` for the next page.
    next_cursor: Option<String>,
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderBody {
    #[schema(value_type = String, example = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10")]
    order_id: OrderId,
    #[schema(example = "market_buy")]
    order_type: &'static str,
    #[schema(value_type = String, example = "BTC")]
    asset_id: AssetId,
    #[schema(value_type = String, example = "0.1")]
    quantity: Quantity,
    /// Dollars per unit, as quoted when the order was accepted.
    #[schema(value_type = String, example = "50000")]
    price: Price,
    /// Where the price is from.
    #[schema(example = "simulated")]
    price_source: String,
    /// Null for a market order.
    #[schema(value_type = Option<String>)]
    limit_price: Option<Price>,
    /// `pending`, `open`, `completed`, `cancelled`, `expired` or `failed`; the last four are final.
    #[schema(example = "completed")]
    status: &'static str,
    /// Why the order failed; null unless it did.
    #[schema(value_type = Option<String>)]
    code: Option<String>,
    /// The same for a person.
    #[schema(value_type = Option<String>)]
    detail: Option<String>,
    /// Quantity times price in dollars, rounded to the cent: a buy up, a sell down.
    #[schema(value_type = String, example = "5000.00")]
    total_amount: Usd,
    client_order_id: Option<String>,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00Z")]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.020Z")]
    updated_at: Timestamp,
}

impl From<Order> for OrderBody {
    fn from(order: Order) -> Self {
        let (code, detail) = order.failure.map(|refused| (refused.code, refused.detail)).unzip();
        Self {
            order_id: order.order_id,
            order_type: order.order_type.as_str(),
            asset_id: order.asset,
            quantity: order.quantity,
            price: order.price,
            price_source: order.price_source,
            limit_price: None,
            status: order.status.as_str(),
            code,
            detail,
            total_amount: order.total,
            client_order_id: None,
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

/// Places a market order.
///
/// It executes at once at the current price, or not at all. Refused orders are kept and listed as `failed`,
/// except where there was no such asset or no price.
#[utoipa::path(tag = "orders", security(("bearer" = [])), request_body = PlaceOrder, responses(
    (status = 201, description = "The order was executed.", body = OrderAnswer),
    (status = 400, description = "`malformed_request`"),
    (status = 404, description = "`unknown_user`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`validation_failed`, `insufficient_funds`, `insufficient_holdings`, \
        `order_value_too_small`, `order_value_too_large`, `unknown_asset`, `asset_not_tradable`, \
        `balance_too_large` or `settlement_expired`"),
    (status = 503, description = "`price_unavailable`; or an outage, after which the order may be pending and \
        is settled, or given up, within seconds"),
))]
#[post("/orders", wrap = "from_fn(signed_in)")]
pub async fn place_order(
    api: Data<Api>,
    caller: Caller,
    body: Body<PlaceOrder>,
) -> Result<impl Responder, Rejection> {
    let PlaceOrder { order_type, asset_id: asset, quantity, .. } = body.0;
    let new = NewOrder { order_type, asset, quantity, terms: Terms::Market, client_order_id: None };
    let placed = api.service.place(caller.user, new).await?;
    Ok((Json(OrderAnswer { data: placed.order.into() }), StatusCode::CREATED))
}

/// Lists the caller's orders, newest first.
///
/// A filtered list reads at most 1 000 orders a request and may then answer a short page with more to come.
#[utoipa::path(tag = "orders", security(("bearer" = [])), params(ListOrders, Paging), responses(
    (status = 200, description = "A page of orders.", body = OrdersAnswer),
    (status = 400, description = "`malformed_request`: the cursor was altered or belongs to other filters"),
    (status = 422, description = "`validation_failed`"),
))]
#[get("/orders", wrap = "from_fn(signed_in)")]
pub async fn list_orders(
    api: Data<Api>,
    caller: Caller,
    query: Query<ListOrders>,
) -> Result<Json<OrdersAnswer>, Rejection> {
    let ListOrders { asset_id, order_type, status, from, to, paging } = query.0;
    let (scope, limit) = (format!("orders/{}", caller.user), paging.limit);
    let given = OrderFilter { asset_id, order_type, status, client_order_id: None, from, to };
    let first = |skip| OrderPlace { after: None, skip };
    let (filter, place) = paging.start(&api.cursors, &scope, given, first)?;
    let page = api.service.orders(caller.user, filter.clone(), place, limit).await?;
    let next_cursor = page.next.map(|place| api.cursors.encode(&scope, &filter, &place));
    let data = page.items.into_iter().map(OrderBody::from).collect();
    Ok(Json(OrdersAnswer { data, has_more: next_cursor.is_some(), next_cursor }))
}

/// One order of the caller.
#[utoipa::path(tag = "orders", security(("bearer" = [])), params(OrderPath), responses(
    (status = 200, description = "The order.", body = OrderAnswer),
    (status = 404, description = "`order_not_found`"),
    (status = 422, description = "`validation_failed`"),
))]
#[get("/orders/{order_id}", wrap = "from_fn(signed_in)")]
pub async fn get_order(
    api: Data<Api>,
    caller: Caller,
    path: Path<OrderPath>,
) -> Result<Json<OrderAnswer>, Rejection> {
    let order = api.service.order(caller.user, &path.0.order_id).await?;
    Ok(Json(OrderAnswer { data: order.into() }))
}
