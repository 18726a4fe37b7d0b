//! What administrators do with the catalog.

mod add;
mod audit;
mod set;
mod suspend;
mod terms;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use tradepost_problem::Rejection;
use utoipa_actix_web::service_config::ServiceConfig;

pub use self::audit::AuditCursors;
use crate::Inventory;
use crate::entry::Entry;

/// The routes of administrators.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(add::add_asset)
        .service(set::set_asset)
        .service(suspend::suspend_asset)
        .service(suspend::resume_asset)
        .service(audit::list_audit_events);
}

/// The asset as everybody sees it now.
fn shown(inventory: &Inventory, entry: &Entry, created: bool) -> Result<HttpResponse, Rejection> {
    let text = super::asset::answer(entry, inventory.now())?;
    let mut answer = if created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.insert_header(ContentType::json()).body(text))
}
