//! The public routes of the catalog, relative to `/api/v1`.

mod admin;
mod asset;
mod assets;
mod example;
mod fresh;
mod number;
mod prepared;
mod prices;

use std::sync::Arc;

use actix_web::web::Data;
use tradepost_platform::cursor::Cursors;
use utoipa_actix_web::service_config::ServiceConfig;

pub use self::prepared::Prepared;
use crate::Inventory;

/// The public routes. They answer from what [`state`] adds.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(assets::list_assets).service(asset::get_asset).service(prices::get_prices);
    admin::routes(config);
}

/// What the routes answer from.
pub fn state(inventory: Arc<Inventory>, cursors: Cursors) -> impl Fn(&mut ServiceConfig<'_>) + Clone {
    let (inventory, cursors) = (Data::from(inventory), Data::new(admin::AuditCursors(cursors)));
    move |config| {
        config.app_data(inventory.clone()).app_data(cursors.clone());
    }
}
