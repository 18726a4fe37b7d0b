//! `POST /inventory/admin/assets/{asset_id}/suspend` and `…/resume`: whether an asset is traded.

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use tradepost_platform::auth::{Caller, admin_only};
use tradepost_platform::request::{Body, Fields, FromFields, Path, text};
use tradepost_problem::Rejection;
use utoipa::ToSchema;

use super::shown;
use super::terms::wording;
use crate::Inventory;
use crate::domain::Change;
use crate::http::asset::{AssetAnswer, Which};

/// Why an asset is suspended.
#[derive(ToSchema)]
struct SuspensionRequest {
    /// At most 200 characters, shown to everybody.
    #[schema(example = "The network has halted.")]
    reason: Option<String>,
}

impl FromFields for SuspensionRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let reason = fields.optional("reason", text(|words| wording(words, 0, 200)));
        Some(Self { reason: reason?.filter(|reason| !reason.is_empty()) })
    }
}

/// Suspends an asset: it is shown as unavailable, no order on it is accepted, and those that are open wait. Suspending
/// it again changes nothing.
#[utoipa::path(tag = "administration", security(("bearer" = [])), params(Which), request_body = SuspensionRequest,
    responses(
        (status = 200, description = "The asset as it is now.", body = AssetAnswer),
        (status = 403, description = "`forbidden`: only an administrator may do this."),
        (status = 404, description = "`asset_not_found`: the catalog has no such asset."),
        (status = 422, description = "`validation_failed`"),
    )
)]
#[post("/inventory/admin/assets/{asset_id}/suspend", wrap = "from_fn(admin_only)")]
pub async fn suspend_asset(
    inventory: Data<Inventory>,
    caller: Caller,
    path: Path<Which>,
    body: Body<SuspensionRequest>,
) -> Result<HttpResponse, Rejection> {
    let change = Change::Suspend(body.0.reason);
    let entry = inventory.change(path.0.asset_id, change, &caller.username).await?;
    shown(&inventory, &entry, false)
}

/// Ends the suspension of an asset: open orders fill again when their price is reached. Resuming one that is not
/// suspended changes nothing.
#[utoipa::path(tag = "administration", security(("bearer" = [])), params(Which), responses(
    (status = 200, description = "The asset as it is now.", body = AssetAnswer),
    (status = 403, description = "`forbidden`: only an administrator may do this."),
    (status = 404, description = "`asset_not_found`: the catalog has no such asset."),
    (status = 422, description = "`validation_failed`"),
))]
#[post("/inventory/admin/assets/{asset_id}/resume", wrap = "from_fn(admin_only)")]
pub async fn resume_asset(
    inventory: Data<Inventory>,
    caller: Caller,
    path: Path<Which>,
) -> Result<HttpResponse, Rejection> {
    let entry = inventory.change(path.0.asset_id, Change::Resume, &caller.username).await?;
    shown(&inventory, &entry, false)
}
