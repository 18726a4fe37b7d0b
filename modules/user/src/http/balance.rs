//! Cash: the balance and its history.

use actix_web::get;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use serde::Serialize;
use tradepost_kernel::{AssetId, Decimal, EntryId, OrderId, Timestamp, Usd};
use tradepost_platform::auth::{Caller, signed_in};
use tradepost_platform::cursor::Cursors;
use tradepost_platform::request::{Fields, FromFields, Paging, Query, moment, text};
use tradepost_problem::{Outage, Rejection};
use tradepost_user_api::{
    Account, Accounts, Entry, EntryKind, LedgerFilter, LedgerPlace, LedgerQuery, Position,
};
use utoipa::{IntoParams, ToSchema};

use crate::UserService;

/// The cash of a user.
#[derive(Serialize, ToSchema)]
struct BalanceResponse {
    /// Available and held together.
    #[schema(value_type = String, example = "1000.00")]
    current_balance: Usd,
    #[schema(value_type = String, example = "1000.00")]
    available_balance: Usd,
    /// Set aside for open orders.
    #[schema(value_type = String, example = "0.00")]
    held_balance: Usd,
    #[schema(example = "USD")]
    currency: &'static str,
    #[schema(value_type = String, example = "2026-01-31T09:30:00.125Z", format = DateTime)]
    updated_at: Timestamp,
}

impl TryFrom<Position> for BalanceResponse {
    type Error = Outage;
    fn try_from(cash: Position) -> Result<Self, Outage> {
        Ok(Self {
            current_balance: cash.total().to_usd().map_err(|error| broken(&error))?,
            available_balance: cash.available.to_usd().map_err(|error| broken(&error))?,
            held_balance: cash.held.to_usd().map_err(|error| broken(&error))?,
            currency: "USD",
            updated_at: cash.updated_at,
        })
    }
}

fn broken(error: &dyn std::fmt::Display) -> Outage {
    Outage::internal("read cash", error)
}

/// One entry of the cash ledger.
#[derive(Serialize, ToSchema)]
struct Transaction {
    #[schema(value_type = String, example = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10")]
    transaction_id: EntryId,
    /// `deposit`, `withdraw`, `order_payment` or `order_sale`.
    #[schema(example = "deposit")]
    transaction_type: &'static str,
    /// Negative for money going out.
    #[schema(value_type = String, example = "1000.00")]
    amount: Decimal,
    /// Always `completed`: what did not happen is not in the ledger.
    #[schema(example = "completed")]
    status: &'static str,
    #[schema(example = "First deposit")]
    description: Option<String>,
    #[schema(value_type = String, example = "1000.00")]
    balance_after: Usd,
    /// The order behind a payment or a sale.
    #[schema(value_type = Option<String>, example = json!(null))]
    order_id: Option<OrderId>,
    #[schema(value_type = String, example = "2026-01-31T09:30:00.125Z", format = DateTime)]
    created_at: Timestamp,
}

impl TryFrom<Entry> for Transaction {
    type Error = Outage;
    fn try_from(entry: Entry) -> Result<Self, Outage> {
        let amount = entry.amount.to_usd().map_err(|error| broken(&error))?.get();
        Ok(Self {
            transaction_id: entry.id,
            transaction_type: name(entry.kind),
            amount: if entry.debit == Account::User { -amount } else { amount },
            status: "completed",
            description: entry.description,
            balance_after: entry.balance_after.to_usd().map_err(|error| broken(&error))?,
            order_id: entry.order,
            created_at: entry.created_at,
        })
    }
}

const KINDS: [EntryKind; 4] =
    [EntryKind::Deposit, EntryKind::Withdrawal, EntryKind::Purchase, EntryKind::Sale];

fn name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Deposit => "deposit",
        EntryKind::Withdrawal => "withdraw",
        EntryKind::Purchase => "order_payment",
        EntryKind::Sale => "order_sale",
    }
}

fn kind(text: &str) -> Result<EntryKind, &'static str> {
    KINDS
        .into_iter()
        .find(|kind| name(*kind) == text)
        .ok_or("must be deposit, withdraw, order_payment or order_sale")
}

/// A page of the cash ledger.
#[derive(Serialize, ToSchema)]
struct TransactionList {
    transactions: Vec<Transaction>,
    /// The number of all entries of the account, whatever the filters.
    #[schema(example = 1)]
    total_count: u64,
    #[schema(example = false)]
    has_more: bool,
    /// Gives the next page as `cursor`.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// Which entries are wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the query; TransactionQuery is what it is read into")]
struct TransactionParams {
    /// `deposit`, `withdraw`, `order_payment` or `order_sale`.
    #[param(example = "deposit")]
    transaction_type: Option<String>,
    /// At this moment or later.
    #[param(example = "2026-01-01T00:00:00Z", format = DateTime)]
    from: Option<String>,
    /// Before this moment.
    #[param(example = "2030-01-01T00:00:00Z", format = DateTime)]
    to: Option<String>,
}

struct TransactionQuery {
    filter: LedgerFilter,
    paging: Paging,
}

impl FromFields for TransactionQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let kind = fields.optional("transaction_type", text(kind));
        let from = fields.optional("from", text(moment));
        let to = fields.optional("to", text(moment));
        let paging = Paging::read(fields);
        Some(Self { filter: LedgerFilter { kind: kind?, from: from?, to: to? }, paging: paging? })
    }
}

/// The cash of the caller.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), responses(
    (status = 200, description = "The balance.", body = BalanceResponse),
))]
#[get("/balance", wrap = "from_fn(signed_in)")]
pub async fn get_balance(
    service: Data<UserService>,
    caller: Caller,
) -> Result<Json<impl Serialize>, Rejection> {
    Ok(Json(BalanceResponse::try_from(service.cash(caller.user).await?)?))
}

/// The history of the caller's cash, newest first.
#[utoipa::path(tag = "accounts", security(("bearer" = [])), params(TransactionParams, Paging), responses(
    (status = 200, description = "A page of the history.", body = TransactionList),
    (status = 400, description = "`malformed_request`: the cursor was altered or belongs to other filters."),
    (status = 422, description = "`validation_failed`"),
))]
#[get("/balance/transactions", wrap = "from_fn(signed_in)")]
pub async fn list_transactions(
    service: Data<UserService>,
    cursors: Data<Cursors>,
    caller: Caller,
    Query(query): Query<TransactionQuery>,
) -> Result<Json<impl Serialize>, Rejection> {
    let scope = format!("balance/transactions/{}", caller.user);
    let (limit, at_offset) = (query.paging.limit, |skip| LedgerPlace { before: None, skip });
    let (filter, place) = query.paging.start(&cursors, &scope, query.filter, at_offset)?;
    let (user, asset) = (caller.user, AssetId::USD);
    let query = LedgerQuery { user, asset, filter: filter.clone(), place: Some(place), limit };
    let ledger = service.ledger(query).await?;
    let next_cursor = ledger.page.next.map(|place| cursors.encode(&scope, &filter, &place));
    Ok(Json(TransactionList {
        transactions: ledger.page.items.into_iter().map(Transaction::try_from).collect::<Result<_, _>>()?,
        total_count: ledger.total,
        has_more: next_cursor.is_some(),
        next_cursor,
    }))
}
