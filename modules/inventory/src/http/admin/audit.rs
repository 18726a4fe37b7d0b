//! `GET /inventory/admin/audit`: what administrators did.

use actix_web::get;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradepost_kernel::{AssetId, PageLimit, Timestamp};
use tradepost_platform::auth::admin_only;
use tradepost_platform::cursor::Cursors;
use tradepost_platform::request::{Fields, FromFields, Query, integer, text};
use tradepost_problem::{Outage, Rejection};
use utoipa::{IntoParams, ToSchema};

use crate::Inventory;
use crate::store::{AuditEvent, AuditPlace};

/// The list that cursors belong to.
const SCOPE: &str = "catalog-audit";

/// The list has no filters.
#[derive(Serialize, Deserialize)]
struct Unfiltered {}

/// What cursors of this list are made with.
pub struct AuditCursors(pub Cursors);

/// Which page of the record.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListAudit {
    /// How many events to answer at most.
    #[param(value_type = u16, required = false, minimum = 1, maximum = 100, default = 50, example = 50)]
    limit: PageLimit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl FromFields for ListAudit {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let limit = fields.optional("limit", integer(1, 100));
        let cursor = fields.optional("cursor", text(|cursor| Ok::<_, String>(cursor.to_owned())));
        Some(Self { limit: limit?.and_then(PageLimit::new).unwrap_or_default(), cursor: cursor? })
    }
}

/// A page of the record, the newest event first.
#[derive(Serialize, ToSchema)]
struct AuditAnswer {
    data: Vec<AuditBody>,
    /// Whether there are more.
    #[schema(example = false)]
    has_more: bool,
    /// Give it as `cursor` for the next page.
    next_cursor: Option<String>,
}

/// What an administrator did.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "event_id": "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10", "at": "2026-01-31T12:00:00Z", "by": "jane_doe",
    "action": "suspend", "asset_id": "LUNA", "before": null,
    "after": {
        "asset": "LUNA", "suspension": { "at": "2026-01-31T12:00:00Z", "reason": "The network has halted." },
        "category": null, "description": null, "custom": null,
        "rules": { "quantity_step": null, "min_value": null, "max_value": null }
    }
}))]
struct AuditBody {
    event_id: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The name of the administrator.
    by: String,
    /// `add`, `set`, `suspend` or `resume`.
    action: String,
    #[schema(value_type = String)]
    asset_id: AssetId,
    /// What administrators had changed of the asset before, if anything.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// All that administrators have changed of it since.
    #[schema(value_type = Object)]
    after: Value,
}

impl AuditBody {
    fn of(event: AuditEvent) -> Result<Self, Outage> {
        let value = |amendment| {
            serde_json::to_value(amendment).map_err(|error| Outage::internal("write audit event", &error))
        };
        Ok(Self {
            event_id: event.id,
            at: event.at,
            by: event.by,
            action: event.action,
            asset_id: event.asset,
            before: event.before.map(value).transpose()?,
            after: value(event.after)?,
        })
    }
}

/// What administrators did with the catalog, the newest first.
#[utoipa::path(tag = "administration", security(("bearer" = [])), params(ListAudit), responses(
    (status = 200, description = "A page of the record.", body = AuditAnswer),
    (status = 400, description = "`malformed_request`: the cursor was altered"),
    (status = 403, description = "`forbidden`: only an administrator may do this."),
    (status = 422, description = "`validation_failed`"),
))]
#[get("/inventory/admin/audit", wrap = "from_fn(admin_only)")]
pub async fn list_audit_events(
    inventory: Data<Inventory>,
    cursors: Data<AuditCursors>,
    query: Query<ListAudit>,
) -> Result<Json<AuditAnswer>, Rejection> {
    let ListAudit { limit, cursor } = query.0;
    let place = cursor
        .map(|cursor| cursors.0.decode::<Unfiltered, AuditPlace>(SCOPE, &cursor, &Unfiltered {}))
        .transpose()?;
    let limit = limit.get();
    let mut events = inventory.audit(place.map(|(_, place)| place).as_ref(), limit + 1).await?;
    let has_more = events.len() > limit;
    events.truncate(limit);
    let last = events.last().filter(|_| has_more);
    let place = last.map(|event| AuditPlace { at: event.at, id: event.id.clone() });
    let next_cursor = place.map(|place| cursors.0.encode(SCOPE, &Unfiltered {}, &place));
    let data = events.into_iter().map(AuditBody::of).collect::<Result<_, _>>()?;
    Ok(Json(AuditAnswer { data, has_more, next_cursor }))
}
