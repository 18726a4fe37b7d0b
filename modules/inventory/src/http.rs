//! The public routes of the catalog, relative to `/api/v1`.

mod asset;
mod assets;
mod example;
mod fresh;
mod number;
mod prepared;
mod stream;

use std::sync::Arc;

use actix_web::web::Data;
use utoipa_actix_web::service_config::ServiceConfig;

pub use self::example::price_event;
pub use self::number::Number;
pub use self::prepared::Prepared;
use crate::Inventory;

/// The public routes. They answer from what [`state`] adds.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(assets::list_assets).service(asset::get_asset).service(stream::stream_prices);
}

/// What the routes answer from.
pub fn state(inventory: Arc<Inventory>) -> impl Fn(&mut ServiceConfig<'_>) + Clone {
    let inventory = Data::from(inventory);
    move |config| {
        config.app_data(inventory.clone());
    }
}
