//! The public routes of the catalog, relative to `/api/v1`.

mod admin;
mod asset;
mod assets;
mod categories;
mod example;
mod fresh;
mod kept;
mod market;
mod number;
mod prepared;
mod prices;
mod selection;
mod stream;

use std::sync::{Arc, OnceLock};

use actix_web::web::Data;
use tradepost_platform::cursor::Cursors;
use utoipa_actix_web::service_config::ServiceConfig;

pub use self::example::price_event;
use self::kept::Kept;
pub use self::number::Number;
pub use self::prepared::Prepared;
use crate::Inventory;

/// The public routes. They answer from what [`state`] adds.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(assets::list_assets).service(asset::get_asset).service(prices::get_prices);
    config.service(categories::list_categories).service(market::show_market);
    config.service(stream::stream_prices);
    admin::routes(config);
}

/// What the routes answer from.
pub fn state(inventory: Arc<Inventory>, cursors: Cursors) -> impl Fn(&mut ServiceConfig<'_>) + Clone {
    let cursors = Data::new(admin::AuditCursors(cursors));
    move |config| {
        // Each worker of the server calls this once, and keeps answers of its own.
        config.app_data(Kept::new(Arc::clone(&inventory)));
        config.app_data(Data::from(Arc::clone(&inventory))).app_data(cursors.clone());
    }
}

/// What is written by the first request that needs it.
pub fn once<T, E>(known: &OnceLock<T>, write: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
    if let Some(written) = known.get() {
        return Ok(written);
    }
    let written = write()?;
    Ok(known.get_or_init(|| written))
}
