//! `/orders`.

use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use actix_web::{delete, get, post};
use serde::Serialize;
use tradepost_kernel::{AssetId, OrderId, Price, Quantity, Timestamp};
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::idempotency::{KeyHeader, Keyed, NoBody, Told};
use tradepost_platform::request::{Fields, FromFields, Paging, Path, Query, decimal, moment, text};
use tradepost_problem::Rejection;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use crate::answer::{self, OrderAnswer, OrderBody};
use crate::domain::{ClientOrderId, NewOrder, OrderFilter, OrderPlace, OrderType, Status, Terms};

/// An order to place.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "order_type": "market_buy", "asset_id": "BTC", "quantity": "0.01" }))]
pub struct PlaceOrder {
    /// `market_buy`, `market_sell`, `limit_buy`, `limit_sell`, `stop_loss` or `take_profit`.
    #[schema(value_type = String, example = "limit_buy")]
    order_type: OrderType,
    /// The asset to buy or sell.
    #[schema(value_type = String, example = "BTC")]
    asset_id: AssetId,
    /// How much of it: more than 0, at most 10^12, at most 8 decimal places; a string or a number.
    #[schema(value_type = String, example = "0.01")]
    quantity: Quantity,
    /// The price to wait for: more than 0, at most 10^9, at most 12 decimal places. Ignored in a market order, which
    /// executes at the price of now; required otherwise.
    #[schema(value_type = Option<String>, example = "45000")]
    price: Option<Price>,
    /// When an order that waits for its price is given up (RFC 3339): in the future, at most 90 days away; 30 days
    /// unless said otherwise.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-03-01T00:00:00Z")]
    expires_at: Option<Timestamp>,
    /// An id of the client's own, 1 to 36 visible characters. Placed again with the same content, the order is not
    /// placed twice.
    #[schema(value_type = Option<String>, example = "my-order-1")]
    client_order_id: Option<ClientOrderId>,
}

impl FromFields for PlaceOrder {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let order_type = fields.required("order_type", text(str::parse::<OrderType>));
        let asset_id = fields.required("asset_id", text(str::parse::<AssetId>));
        let quantity = fields.required("quantity", decimal(Quantity::new));
        let price = fields.optional("price", decimal(Price::new));
        let expires_at = fields.optional("expires_at", text(moment));
        let client_order_id = fields.optional("client_order_id", text(str::parse::<ClientOrderId>));
        if price == Some(None) && order_type.is_some_and(|order_type| order_type.direction().is_some()) {
            fields.refuse("price", "is required for this type of order");
        }
        Some(Self {
            order_type: order_type?,
            asset_id: asset_id?,
            quantity: quantity?,
            price: price?,
            expires_at: expires_at?,
            client_order_id: client_order_id?,
        })
    }
}

impl From<PlaceOrder> for NewOrder {
    fn from(order: PlaceOrder) -> Self {
        let PlaceOrder { order_type, asset_id: asset, quantity, expires_at, client_order_id, .. } = order;
        let terms = match order.price {
            Some(price) if order_type.direction().is_some() => Terms::Limit { price, expires_at },
            _ => Terms::Market,
        };
        Self { order_type, asset, quantity, terms, client_order_id }
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
    /// Only the order with this id of the client's own.
    #[param(value_type = Option<String>, example = "my-order-1")]
    client_order_id: Option<ClientOrderId>,
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
        let client_order_id = fields.optional("client_order_id", text(str::parse::<ClientOrderId>));
        let from = fields.optional("from", text(moment));
        let to = fields.optional("to", text(moment));
        let paging = Paging::read(fields);
        Some(Self {
            asset_id: asset_id?,
            order_type: order_type?,
            status: status?,
            client_order_id: client_order_id?,
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

/// Places an order.
///
/// A market order executes at once at the current price, or not at all. Any other holds what it takes from the moment
/// it is accepted, and waits for its price: a `limit_buy` and a `stop_loss` for the market to fall to it, a `limit_sell`
/// and a `take_profit` for the market to rise to it. It is filled at the price of the market then. Refused orders are
/// kept and listed as `failed`, except where there was no such asset or no price.
///
/// What an order must be worth, and the step its quantity is a multiple of, are said by its asset, within the limits of
/// the platform. A sell that empties a position may be worth less, and be of any quantity.
#[utoipa::path(tag = "orders", security(("bearer" = [])), params(KeyHeader),
    request_body(content = PlaceOrder, examples(
        ("market order" = (value = json!({ "order_type": "market_buy", "asset_id": "BTC", "quantity": "0.01" }))),
        ("limit order" = (value = json!({ "order_type": "limit_buy", "asset_id": "BTC", "quantity": "0.01",
            "price": "45000", "client_order_id": "my-order-1" }))),
        ("stop-loss" = (value = json!({ "order_type": "stop_loss", "asset_id": "BTC", "quantity": "0.01",
            "price": "40000" }))),
    )), responses(
    (status = 200, description = "The order was placed before, with the same `client_order_id` and content.",
        body = OrderAnswer),
    (status = 201, description = "The order was executed, or is `open`.", body = OrderAnswer),
    (status = 400, description = "`malformed_request`"),
    (status = 404, description = "`unknown_user`"),
    (status = 409, description = "`client_order_id_taken`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`validation_failed`, `insufficient_funds`, `insufficient_holdings`, \
        `invalid_quantity_step`, `order_value_too_small`, `order_value_too_large`, `unknown_asset`, \
        `asset_not_tradable`, `balance_too_large` or `settlement_expired`"),
    (status = 503, description = "`price_unavailable`; or an outage, after which the order may be pending and \
        is settled, opened or given up within seconds"),
))]
#[post("/orders", wrap = "from_fn(signed_in)")]
pub async fn place_order(
    api: Data<Api>,
    caller: Caller,
    keyed: Keyed<PlaceOrder>,
) -> Result<Told, Rejection> {
    let (order, once) = keyed.telling(answer::placed);
    Ok(api.service.place(caller.user, order.into(), &once).await?.told(&once))
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
    let ListOrders { asset_id, order_type, status, client_order_id, from, to, paging } = query.0;
    let (scope, limit) = (format!("orders/{}", caller.user), paging.limit);
    let given = OrderFilter { asset_id, order_type, status, client_order_id, from, to };
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
    Ok(Json(order.into()))
}

/// Cancels an open order.
///
/// What it held is available again. An order that was filled at the same time is not cancelled.
#[utoipa::path(tag = "orders", security(("bearer" = [])), params(OrderPath, KeyHeader), responses(
    (status = 200, description = "The order, cancelled.", body = OrderAnswer),
    (status = 404, description = "`order_not_found`"),
    (status = 409, description = "`order_not_open`: it has ended, is being filled or is not open yet"),
    (status = 422, description = "`validation_failed`"),
    (status = 503, description = "An outage, after which the order may be cancelled within seconds"),
))]
#[delete("/orders/{order_id}", wrap = "from_fn(signed_in)")]
pub async fn cancel_order(
    api: Data<Api>,
    caller: Caller,
    path: Path<OrderPath>,
    keyed: Keyed<NoBody>,
) -> Result<Told, Rejection> {
    let (_, once) = keyed.telling(answer::cancelled);
    Ok(api.service.cancel(caller.user, &path.0.order_id, &once).await?.told(&once))
}
