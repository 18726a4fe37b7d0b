//! `PUT /inventory/admin/assets/{asset_id}`: how an asset is shown and traded.

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpResponse, put};
use serde::Serialize;
use tradepost_kernel::Price;
use tradepost_platform::auth::{Caller, admin_only};
use tradepost_platform::request::{Body, Fields, FromFields, Path};
use tradepost_problem::Rejection;
use utoipa::ToSchema;

use super::shown;
use super::terms::{TermsRequest, price};
use crate::Inventory;
use crate::domain::Change;
use crate::http::asset::{AssetAnswer, Which};

/// What is changed of an asset. What is absent stays as it is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "quantity_step": "0.001", "min_order_value": "5.00", "max_order_value": "2500.00" }))]
struct AssetChange {
    /// Dollars per unit, of an asset that no feed prices.
    #[schema(value_type = Option<String>, example = "2420.00")]
    price: Option<Price>,
    #[serde(flatten)]
    terms: TermsRequest,
}

impl FromFields for AssetChange {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let price = fields.optional("price", price);
        let terms = TermsRequest::read(fields);
        Some(Self { price: price?, terms: terms? })
    }
}

/// Sets the category, the description, the precision and the limits of an asset, and the price of one that no feed
/// prices.
#[utoipa::path(tag = "administration", security(("bearer" = [])), params(Which), request_body = AssetChange, responses(
    (status = 200, description = "The asset as it is now.", body = AssetAnswer),
    (status = 403, description = "`forbidden`: only an administrator may do this."),
    (status = 404, description = "`asset_not_found`: the catalog has no such asset."),
    (status = 422, description = "`validation_failed`, `limits_crossed`, `price_of_feed`"),
))]
#[put("/inventory/admin/assets/{asset_id}", wrap = "from_fn(admin_only)")]
pub async fn set_asset(
    inventory: Data<Inventory>,
    caller: Caller,
    path: Path<Which>,
    body: Body<AssetChange>,
) -> Result<HttpResponse, Rejection> {
    let AssetChange { price, terms } = body.0;
    let change = Change::Set(terms.with_price(price));
    let entry = inventory.change(path.0.asset_id, change, &caller.username).await?;
    shown(&inventory, &entry, false)
}
