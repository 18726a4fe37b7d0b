//! Signing up, logging in, refreshing.

use actix_web::http::header::USER_AGENT;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::Serialize;
use tradepost_platform::request::{Body, Fields, FromFields, boolean, text};
use tradepost_problem::Rejection;
use utoipa::ToSchema;

use super::client_address;
use crate::UserService;
use crate::fields::{NewPassword, Username};
use crate::service::{Device, Grant, Login, Registration};

/// What somebody signs up with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the body; Registration is what it is read into")]
struct RegisterRequest {
    /// 6 to 30 letters, digits or underscores; unique whatever its case.
    #[schema(example = "trader_jane", min_length = 6, max_length = 30)]
    username: String,
    #[schema(example = "jane@example.com", max_length = 254)]
    email: String,
    /// 12 to 128 characters with a lower-case and an upper-case letter, a digit and a symbol.
    #[schema(example = "TestPassword123!", min_length = 12, max_length = 128)]
    password: String,
    #[schema(example = "Jane", max_length = 50)]
    first_name: String,
    #[schema(example = "Doe", max_length = 50)]
    last_name: String,
    /// 10 to 15 digits.
    #[schema(example = "+1 555 010 9999")]
    phone: Option<String>,
    /// Must make an age of 13 to 120 years.
    #[schema(example = "1990-02-28", format = Date)]
    date_of_birth: Option<String>,
    #[schema(example = false, default = false)]
    marketing_emails_consent: Option<bool>,
}

impl FromFields for Registration {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let username: Option<Username> = fields.required("username", text(str::parse));
        let email = fields.required("email", text(str::parse));
        let password: Option<NewPassword> = fields.required("password", text(str::parse));
        let first_name = fields.required("first_name", text(str::parse));
        let last_name = fields.required("last_name", text(str::parse));
        let phone = fields.optional("phone", text(optional_phone));
        let date_of_birth = fields.optional("date_of_birth", text(str::parse));
        let consent = fields.optional("marketing_emails_consent", boolean);
        if let (Some(username), Some(password)) = (&username, &password)
            && let Err(rule) = password.suits(username.as_str(), email.as_ref())
        {
            fields.refuse("password", rule.to_string());
        }
        Some(Self {
            username: username?,
            email: email?,
            password: password?,
            first_name: first_name?,
            last_name: last_name?,
            phone: phone?.flatten(),
            date_of_birth: date_of_birth?,
            marketing_emails_consent: consent?.unwrap_or(false),
        })
    }
}

/// An empty text says "no number".
pub(super) fn optional_phone(text: &str) -> Result<Option<crate::fields::Phone>, crate::fields::BrokenRule> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// What somebody logs in with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the body; Login is what it is read into")]
struct LoginRequest {
    #[schema(example = "trader_jane")]
    username: String,
    #[schema(example = "TestPassword123!")]
    password: String,
}

impl FromFields for Login {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let username = fields.required("username", text(str::parse));
        let password = fields.required("password", text(str::parse));
        Some(Self { username: username?, password: password? })
    }
}

/// A refresh token to exchange.
#[derive(ToSchema)]
#[schema(as = RefreshRequest)]
struct Refresh {
    /// As a login or the refresh before gave it.
    #[schema(example = "AZoMHlt6fD6dVQ9fPBsqEAGaDB5bentvnVUPXzwbKhA…")]
    refresh_token: String,
}

impl FromFields for Refresh {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let token = fields.required("refresh_token", text(|text| Ok::<_, String>(text.to_owned())));
        Some(Self { refresh_token: token? })
    }
}

/// A sentence about what was done.
#[derive(Serialize, ToSchema)]
pub(super) struct Message {
    #[schema(example = "User registered successfully")]
    pub message: &'static str,
}

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
struct TokenResponse {
    /// Goes into `Authorization: Bearer …`.
    #[schema(example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ0cmFkZXJfamFuZSJ9.c2ln")]
    access_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 3600)]
    expires_in: i64,
    /// Good for one exchange at `/auth/refresh`.
    #[schema(example = "AZoMHlt6fD6dVQ9fPBsqEAGaDB5bentvnVUPXzwbKhA…")]
    refresh_token: String,
    /// Seconds until the session is over.
    #[schema(example = 2_592_000)]
    refresh_expires_in: i64,
}

impl From<Grant> for TokenResponse {
    fn from(grant: Grant) -> Self {
        Self {
            access_token: grant.access_token,
            token_type: "bearer",
            expires_in: grant.expires_in,
            refresh_token: grant.refresh_token,
            refresh_expires_in: grant.refresh_expires_in,
        }
    }
}

/// Sign up.
#[utoipa::path(tag = "accounts", request_body = RegisterRequest, responses(
    (status = 201, description = "The user exists and can log in.", body = Message),
    (status = 409, description = "`username_taken`, `email_taken`: somebody else has it."),
    (status = 422, description = "`validation_failed`"),
))]
#[post("/auth/register")]
pub async fn register(
    service: Data<UserService>,
    Body(registration): Body<Registration>,
) -> Result<HttpResponse, Rejection> {
    service.register(registration).await?;
    Ok(HttpResponse::Created().json(Message { message: "User registered successfully" }))
}

/// Log in.
#[utoipa::path(tag = "accounts", request_body = LoginRequest, responses(
    (status = 200, description = "A session, with its tokens.", body = TokenResponse),
    (status = 401, description = "`invalid_credentials`: the name or the password is wrong."),
    (status = 422, description = "`validation_failed`"),
    (status = 429, description = "`too_many_attempts`: too many failed for this account or from this address.",
     headers(("Retry-After" = u64, description = "Seconds until the next attempt is taken."))),
))]
#[post("/auth/login")]
pub async fn login(
    service: Data<UserService>,
    request: HttpRequest,
    Body(login): Body<Login>,
) -> Result<Json<impl Serialize>, Rejection> {
    let grant = service.into_inner().log_in(login, device(&request)).await?;
    Ok(Json(TokenResponse::from(grant)))
}

/// Exchange a refresh token for new tokens; the old one is used up.
#[utoipa::path(tag = "accounts", request_body = Refresh, responses(
    (status = 200, description = "New tokens for the same session.", body = TokenResponse),
    (status = 401, description = "`invalid_refresh_token`: unknown, expired, or used before."),
    (status = 422, description = "`validation_failed`"),
))]
#[post("/auth/refresh")]
pub async fn refresh(
    service: Data<UserService>,
    Body(refresh): Body<Refresh>,
) -> Result<Json<impl Serialize>, Rejection> {
    Ok(Json(TokenResponse::from(service.refresh(&refresh.refresh_token).await?)))
}

fn device(request: &HttpRequest) -> Device {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Device {
        address: client_address(request),
        user_agent: user_agent.map(|text| text.chars().take(200).collect()),
    }
}
