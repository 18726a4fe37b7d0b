//! `POST /inventory/admin/assets`: an asset of the administrators' own.

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Serialize;
use tradepost_kernel::{AssetId, Price};
use tradepost_platform::auth::{Caller, admin_only};
use tradepost_platform::request::{Body, Fields, FromFields, text};
use tradepost_problem::Rejection;
use utoipa::ToSchema;

use super::shown;
use super::terms::{TermsRequest, price, wording};
use crate::Inventory;
use crate::domain::Change;
use crate::http::asset::AssetAnswer;

/// A new asset.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "asset_id": "GOLD", "name": "Gold, troy ounce", "price": "2412.55", "category": "commodity" }))]
struct NewAsset {
    /// The symbol: 1 to 10 letters or digits that nothing in the catalog has yet.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9]{1,10}$", example = "GOLD")]
    asset_id: AssetId,
    /// 1 to 100 characters.
    #[schema(example = "Gold, troy ounce")]
    name: String,
    /// Dollars per unit; the price holds until it is changed.
    #[schema(value_type = String, example = "2412.55")]
    price: Price,
    #[serde(flatten)]
    terms: TermsRequest,
}

impl FromFields for NewAsset {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let asset_id = fields.required("asset_id", text(symbol));
        let name = fields.required("name", text(|words| wording(words, 1, 100)));
        let price = fields.required("price", price);
        let terms = TermsRequest::read(fields);
        Some(Self { asset_id: asset_id?, name: name?, price: price?, terms: terms? })
    }
}

fn symbol(text: &str) -> Result<AssetId, String> {
    match text.parse() {
        Ok(AssetId::USD) => Err("must not be USD, which is cash".to_owned()),
        Ok(asset) => Ok(asset),
        Err(error) => Err(format!("{error}")),
    }
}

/// Adds an asset at a price that holds until an administrator changes it.
#[utoipa::path(tag = "administration", security(("bearer" = [])), request_body = NewAsset, responses(
    (status = 201, description = "The asset.", body = AssetAnswer),
    (status = 403, description = "`forbidden`: only an administrator may do this."),
    (status = 409, description = "`asset_exists`: the symbol is taken."),
    (status = 422, description = "`validation_failed`, `limits_crossed`"),
))]
#[post("/inventory/admin/assets", wrap = "from_fn(admin_only)")]
pub async fn add_asset(
    inventory: Data<Inventory>,
    caller: Caller,
    body: Body<NewAsset>,
) -> Result<HttpResponse, Rejection> {
    let NewAsset { asset_id, name, price, terms } = body.0;
    let change = Change::Add { name, price, terms: terms.with_price(None) };
    let entry = inventory.change(asset_id, change, &caller.username).await?;
    shown(&inventory, &entry, true)
}
