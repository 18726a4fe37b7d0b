//! Ending a session, and changing the password.

use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use actix_web::{post, put};
use serde::Serialize;
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::request::{Body, Fields, FromFields, text};
use tradepost_problem::Rejection;
use utoipa::ToSchema;

use super::auth::Message;
use crate::UserService;
use crate::fields::{NewPassword, Password};

/// A change of the password.
#[derive(ToSchema)]
#[schema(as = ChangePasswordRequest)]
struct ChangePassword {
    #[schema(value_type = String, example = "TestPassword123!")]
    current_password: Password,
    #[schema(value_type = String, example = "AnotherPassword456!", min_length = 12, max_length = 128)]
    new_password: NewPassword,
}

impl FromFields for ChangePassword {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let current_password = fields.required("current_password", text(str::parse));
        let new_password = fields.required("new_password", text(str::parse));
        Some(Self { current_password: current_password?, new_password: new_password? })
    }
}

/// End the session this token belongs to.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), responses(
    (status = 200, description = "The session is over; its tokens are refused.", body = Message,
     example = json!({ "message": "Logged out successfully" })),
))]
#[post("/auth/logout", wrap = "from_fn(signed_in)")]
pub async fn logout(service: Data<UserService>, caller: Caller) -> Result<Json<impl Serialize>, Rejection> {
    service.log_out(&caller).await?;
    Ok(Json(Message { message: "Logged out successfully" }))
}

/// Change the password. Every other session is ended.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), request_body = ChangePassword, responses(
    (status = 200, description = "The password is changed.", body = Message,
     example = json!({ "message": "Password changed successfully" })),
    (status = 422, description = "`validation_failed`, `wrong_password`"),
))]
#[put("/auth/password", wrap = "from_fn(signed_in)")]
pub async fn change_password(
    service: Data<UserService>,
    caller: Caller,
    Body(change): Body<ChangePassword>,
) -> Result<Json<impl Serialize>, Rejection> {
    service.change_password(&caller, &change.current_password, &change.new_password).await?;
    Ok(Json(Message { message: "Password changed successfully" }))
}
