//! The profile.

use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use actix_web::{get, put};
use serde::Serialize;
use tradepost_kernel::Timestamp;
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::request::{Body, Fields, FromFields, boolean, text};
use tradepost_problem::Rejection;
use utoipa::ToSchema;

use super::auth::optional_phone;
use crate::UserService;
use crate::fields::{DateOfBirth, Email, PersonName, Phone, Username};
use crate::service::ProfileChanges;
use crate::store::Profile;

/// What is known of a user.
#[derive(Serialize, ToSchema)]
struct ProfileResponse {
    #[schema(value_type = String, example = "trader_jane")]
    username: Username,
    #[schema(value_type = String, example = "jane@example.com")]
    email: Email,
    #[schema(value_type = String, example = "Jane")]
    first_name: PersonName,
    #[schema(value_type = String, example = "Doe")]
    last_name: PersonName,
    /// Digits only.
    #[schema(value_type = Option<String>, example = "15550109999")]
    phone: Option<Phone>,
    #[schema(value_type = Option<String>, example = "1990-02-28", format = Date)]
    date_of_birth: Option<DateOfBirth>,
    #[schema(example = false)]
    marketing_emails_consent: bool,
    #[schema(value_type = String, example = "2026-01-31T09:30:00.125Z", format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, example = "2026-01-31T09:30:00.125Z", format = DateTime)]
    updated_at: Timestamp,
}

impl From<Profile> for ProfileResponse {
    fn from(profile: Profile) -> Self {
        Self {
            username: profile.username,
            email: profile.email,
            first_name: profile.first_name,
            last_name: profile.last_name,
            phone: profile.phone,
            date_of_birth: profile.date_of_birth,
            marketing_emails_consent: profile.marketing_emails_consent,
            created_at: profile.created_at,
            updated_at: profile.updated_at,
        }
    }
}

/// The fields to change; what is absent or null stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the body; ProfileChanges is what it is read into")]
struct ChangeProfileRequest {
    #[schema(example = "Jane")]
    first_name: Option<String>,
    #[schema(example = "Smith")]
    last_name: Option<String>,
    #[schema(example = "jane.smith@example.com")]
    email: Option<String>,
    /// An empty text removes the number.
    #[schema(example = "+1 555 010 9999")]
    phone: Option<String>,
    #[schema(example = "1990-02-28", format = Date)]
    date_of_birth: Option<String>,
    #[schema(example = true)]
    marketing_emails_consent: Option<bool>,
}

impl FromFields for ProfileChanges {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let first_name = fields.optional("first_name", text(str::parse));
        let last_name = fields.optional("last_name", text(str::parse));
        let email = fields.optional("email", text(str::parse));
        let phone = fields.optional("phone", text(optional_phone));
        let date_of_birth = fields.optional("date_of_birth", text(str::parse));
        let consent = fields.optional("marketing_emails_consent", boolean);
        Some(Self {
            first_name: first_name?,
            last_name: last_name?,
            email: email?,
            phone: phone?,
            date_of_birth: date_of_birth?,
            marketing_emails_consent: consent?,
        })
    }
}

/// A changed profile.
#[derive(Serialize, ToSchema)]
struct ChangedProfile {
    #[schema(example = true)]
    success: bool,
    #[schema(example = "Profile updated successfully")]
    message: &'static str,
    user: ProfileResponse,
}

/// The profile of the caller.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), responses(
    (status = 200, description = "The profile.", body = ProfileResponse),
))]
#[get("/auth/profile", wrap = "from_fn(signed_in)")]
pub async fn get_profile(
    service: Data<UserService>,
    caller: Caller,
) -> Result<Json<impl Serialize>, Rejection> {
    Ok(Json(ProfileResponse::from(service.profile(caller.user).await?)))
}

/// Change the profile of the caller.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), request_body = ChangeProfileRequest, responses(
    (status = 200, description = "The profile as it is now.", body = ChangedProfile),
    (status = 409, description = "`email_taken`: another account uses the address."),
    (status = 422, description = "`validation_failed`"),
))]
#[put("/auth/profile", wrap = "from_fn(signed_in)")]
pub async fn change_profile(
    service: Data<UserService>,
    caller: Caller,
    Body(changes): Body<ProfileChanges>,
) -> Result<Json<impl Serialize>, Rejection> {
    let profile = service.change_profile(caller.user, &changes).await?;
    let message = "Profile updated successfully";
    Ok(Json(ChangedProfile { success: true, message, user: profile.into() }))
}
