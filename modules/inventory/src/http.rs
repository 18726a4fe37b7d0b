//! The public routes of the catalog, relative to `/api/v1`.

mod asset;
mod assets;
mod example;
mod number;

use std::sync::Arc;

use actix_web::web::Data;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::Inventory;

/// The public routes and what they answer from.
pub fn routes(inventory: Arc<Inventory>) -> impl Fn(&mut ServiceConfig<'_>) + Clone {
    move |config| {
        config.app_data(Data::from(Arc::clone(&inventory)));
        config.service(assets::list_assets).service(asset::get_asset);
    }
}
