//! Cash in and out.

use actix_web::middleware::from_fn;
use actix_web::post;
use actix_web::web::Data;
use serde::Serialize;
use tradepost_kernel::{Decimal, EntryId, Timestamp, Usd, UserId};
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::idempotency::{Answer, KeyHeader, Keyed, Told};
use tradepost_platform::request::{Fields, FromFields, decimal, text};
use tradepost_problem::Rejection;
use utoipa::ToSchema;

use crate::UserService;
use crate::fields::Description;
use crate::service::{Cash, CashReceipt};

/// Money in or out.
#[derive(ToSchema)]
#[schema(as = CashRequest)]
struct CashMovement {
    /// Dollars: more than 0, at most 1000000, at most two decimals. A number or a numeric string.
    #[schema(value_type = String, example = "1000.00")]
    amount: Usd,
    /// At most 200 characters.
    #[schema(value_type = Option<String>, example = "First deposit")]
    description: Option<Description>,
}

impl FromFields for CashMovement {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let amount = fields.required("amount", decimal(positive_amount));
        let description = fields.optional("description", text(str::parse));
        Some(Self { amount: amount?, description: description? })
    }
}

impl CashMovement {
    fn of(self, user: UserId) -> Cash {
        Cash { user, amount: self.amount, description: self.description }
    }
}

fn positive_amount(value: Decimal) -> Result<Usd, String> {
    if value <= Decimal::ZERO {
        return Err("must be greater than 0".to_owned());
    }
    if value > Decimal::from(1_000_000) {
        return Err("must be at most 1000000".to_owned());
    }
    Usd::new(value).map_err(|error| error.to_string())
}

/// Cash that was moved.
#[derive(Serialize, ToSchema)]
struct CashResponse {
    #[schema(example = true)]
    success: bool,
    #[schema(example = "Successfully deposited $1000.00")]
    message: String,
    /// The entry in `/balance/transactions`.
    #[schema(value_type = String, example = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10")]
    transaction_id: EntryId,
    #[schema(value_type = String, example = "1000.00")]
    balance_after: Usd,
    #[schema(value_type = String, example = "2026-01-31T09:30:00.125Z", format = DateTime)]
    timestamp: Timestamp,
}

impl CashResponse {
    fn answer(done: &str, receipt: &CashReceipt) -> Answer {
        let response = Self {
            success: true,
            message: format!("Successfully {done} ${}", receipt.amount),
            transaction_id: receipt.id,
            balance_after: receipt.balance_after,
            timestamp: receipt.at,
        };
        Answer::json(201, &response)
    }
}

/// Put cash in. There is no payment provider behind it.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), params(KeyHeader), request_body = CashMovement, responses(
    (status = 201, description = "The cash is there.", body = CashResponse),
    (status = 403, description = "`deposits_disabled`: the operator makes the deposits here."),
    (status = 422, description = "`validation_failed`, `daily_limit_exceeded`, `balance_too_large`"),
))]
#[post("/balance/deposit", wrap = "from_fn(signed_in)")]
pub async fn deposit(
    service: Data<UserService>,
    caller: Caller,
    keyed: Keyed<CashMovement>,
) -> Result<Told, Rejection> {
    let (movement, once) = keyed.telling(|receipt| CashResponse::answer("deposited", receipt));
    Ok(service.deposit(movement.of(caller.user), &once).await?)
}

/// Take cash out. There is no payment provider behind it.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), params(KeyHeader), request_body(
    content = CashMovement, example = json!({ "amount": "50.00", "description": "Pocket money" })
), responses(
    (status = 201, description = "The cash is gone.", body = CashResponse, example = json!({
        "success": true, "message": "Successfully withdrew $50.00", "balance_after": "950.00",
        "transaction_id": "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a11", "timestamp": "2026-01-31T09:31:00.125Z"
    })),
    (status = 422, description = "`validation_failed`, `insufficient_funds`, `daily_limit_exceeded`"),
))]
#[post("/balance/withdraw", wrap = "from_fn(signed_in)")]
pub async fn withdraw(
    service: Data<UserService>,
    caller: Caller,
    keyed: Keyed<CashMovement>,
) -> Result<Told, Rejection> {
    let (movement, once) = keyed.telling(|receipt| CashResponse::answer("withdrew", receipt));
    Ok(service.withdraw(movement.of(caller.user), &once).await?)
}
