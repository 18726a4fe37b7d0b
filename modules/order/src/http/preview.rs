//! `/orders/preview`.

use actix_web::middleware::from_fn;
use actix_web::post;
use actix_web::web::{Data, Json};
use serde::Serialize;
use tradepost_kernel::{Price, Usd};
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::request::Body;
use tradepost_problem::{Failure, Rejection};
use utoipa::ToSchema;

use super::Api;
use super::orders::PlaceOrder;
use crate::domain::{Preview, Remaining};

/// What would become of an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewAnswer {
    data: PreviewBody,
}

/// Whether an order would be accepted, and what it would cost or bring.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewBody {
    #[schema(example = true)]
    accepted: bool,
    /// Why it would be refused: a code with which `POST /orders` would answer. Null if it would not.
    #[schema(example = "insufficient_funds")]
    code: Option<&'static str>,
    /// The same for a person.
    detail: Option<String>,
    /// Dollars per unit: of now for a market order, the one to wait for otherwise. Null if there is none.
    #[schema(value_type = Option<String>, example = "50000")]
    price: Option<Price>,
    /// Quantity times price in dollars, rounded to the cent: a buy up, a sell down.
    #[schema(value_type = Option<String>, example = "5000.00")]
    total_amount: Option<Usd>,
    /// What would still be available: of the dollars in a buy, of the asset in a sale. Null if the order would be
    /// refused.
    #[schema(example = "1234.56")]
    available_after: Option<String>,
}

impl From<Preview> for PreviewBody {
    fn from(preview: Preview) -> Self {
        Self {
            accepted: preview.refusal.is_none(),
            code: preview.refusal.as_ref().map(|refusal| refusal.about().code),
            detail: preview.refusal.as_ref().map(ToString::to_string),
            price: preview.price,
            total_amount: preview.total,
            available_after: preview.available_after.map(|remaining| match remaining {
                Remaining::Cash(dollars) => dollars.to_string(),
                Remaining::Asset(quantity) => quantity.to_string(),
            }),
        }
    }
}

/// Says what an order would cost and whether it would be accepted now, and moves nothing.
#[utoipa::path(tag = "orders", security(("bearer" = [])), request_body = PlaceOrder, responses(
    (status = 200, description = "What would become of the order.", body = PreviewAnswer, examples(
        ("accepted" = (value = json!({ "data": { "accepted": true, "code": null, "detail": null, "price": "45000",
            "total_amount": "450.00", "available_after": "9550.00" } }))),
        ("refused" = (value = json!({ "data": { "accepted": false, "code": "insufficient_funds",
            "detail": "This needs $450.00, and $1.00 is available.", "price": "45000", "total_amount": "450.00",
            "available_after": null } }))),
    )),
    (status = 400, description = "`malformed_request`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`validation_failed`"),
))]
#[post("/orders/preview", wrap = "from_fn(signed_in)")]
pub async fn preview_order(
    api: Data<Api>,
    caller: Caller,
    body: Body<PlaceOrder>,
) -> Result<Json<PreviewAnswer>, Rejection> {
    let preview = api.service.preview(caller.user, body.0.into()).await?;
    Ok(Json(PreviewAnswer { data: preview.into() }))
}
