//! The HTTP form of this module, below `/api/v1`.

mod orders;
mod portfolio;
mod positions;
mod preview;
mod trades;

use std::sync::Arc;

use actix_web::web::Data;
use tradepost_platform::cursor::Cursors;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::OrderService;

/// What the handlers work with.
struct Api {
    service: Arc<OrderService>,
    cursors: Cursors,
}

/// The routes of this module, to be mounted at `/api/v1`. They answer from what [`state`] adds.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(orders::place_order)
        .service(orders::list_orders)
        .service(preview::preview_order)
        .service(orders::get_order)
        .service(orders::cancel_order)
        .service(portfolio::get_portfolio)
        .service(positions::get_asset_balance)
        .service(positions::list_asset_balances)
        .service(trades::list_asset_transactions);
}

/// What the routes answer from.
pub fn state(service: Arc<OrderService>, cursors: Cursors) -> impl Fn(&mut ServiceConfig<'_>) + Clone {
    let api = Data::new(Api { service, cursors });
    move |config| {
        config.app_data(api.clone());
    }
}
