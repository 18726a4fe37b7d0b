//! Changing the password.

use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, put};
use serde::Serialize;
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::request::{Body, Fields, FromFields, text};
use tradepost_problem::Rejection;
use utoipa::ToSchema;

use super::auth::Message;
use super::client_address;
use crate::UserService;
use crate::service::PasswordChange;

/// A change of the password.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the body; PasswordChange is what it is read into")]
struct ChangePasswordRequest {
    #[schema(example = "TestPassword123!")]
    current_password: String,
    #[schema(example = "AnotherPassword456!", min_length = 12, max_length = 128)]
    new_password: String,
}

impl FromFields for PasswordChange {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let current = fields.required("current_password", text(str::parse));
        let new = fields.required("new_password", text(str::parse));
        Some(Self { current: current?, new: new? })
    }
}

/// Change the password. Every other session is ended.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), request_body = ChangePasswordRequest, responses(
    (status = 200, description = "The password is changed.", body = Message,
     example = json!({ "message": "Password changed successfully" })),
    (status = 422, description = "`validation_failed`, `wrong_password`"),
    (status = 429, description = "`too_many_attempts`: too many failed for this account or from this address.",
     headers(("Retry-After" = u64, description = "Seconds until the next attempt is taken."))),
))]
#[put("/auth/password", wrap = "from_fn(signed_in)")]
pub async fn change_password(
    service: Data<UserService>,
    caller: Caller,
    request: HttpRequest,
    Body(change): Body<PasswordChange>,
) -> Result<Json<impl Serialize>, Rejection> {
    service.into_inner().change_password(&caller, client_address(&request), change).await?;
    Ok(Json(Message { message: "Password changed successfully" }))
}
