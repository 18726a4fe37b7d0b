//! How the inventory module is joined.

use tradepost_inventory::{Inventory, PROBLEMS, Settings, TABLE, routes, state};
use tradepost_inventory_api::wire;
use tradepost_platform::cursor::Cursors;

use super::{Arc, Compiled, Composition, Config, Foundation, StartError};

pub const MODULE: Compiled = Compiled {
    name: "inventory",
    routes,
    root_routes: None,
    needs: &[],
    uses: &["user"],
    needs_secret: true,
    is_called: true,
    stands_alone: false,
    table: Some(TABLE),
    problems: &[PROBLEMS],
    check,
    join,
};

fn join(foundation: &Foundation, composition: &mut Composition) -> Result<(), StartError> {
    let settings = settings(&foundation.config)?;
    warn_of_gaps(&foundation.config, &settings);
    let clock = Arc::clone(&foundation.clock);
    let inventory = Inventory::new(settings, Some(foundation.store()?), clock).map_err(StartError::new)?;
    composition.catalog = Some(inventory.clone());
    let catalog = Arc::clone(&inventory);
    composition.internal.push(Arc::new(move |config| wire::routes(config, catalog.clone())));
    let task = Arc::clone(&inventory);
    composition.tasks.push(Box::new(|stop| Box::pin(task.run(stop))));
    let task = Arc::clone(&inventory);
    composition.tasks_on_tables.push(Box::new(|stop| Box::pin(task.run_on_table(stop))));
    let streams = Arc::clone(&inventory);
    composition.endings.push(Box::new(move || streams.end_streams()));
    let told = Arc::clone(&inventory);
    composition.details.push(("prices", Arc::new(move || serde_json::json!(told.condition()))));
    let cursors = Cursors::new(foundation.secret()?.derive("cursors"));
    composition.states.push(Arc::new(state(inventory, cursors)));
    Ok(())
}

fn settings(config: &Config) -> Result<Settings, StartError> {
    let settings: Settings = config.section("inventory")?;
    settings.check(config.is_production()).map_err(StartError::new)?;
    Ok(settings)
}

/// Between two answers of the feed its prices must not become too old to trade at.
fn warn_of_gaps(config: &Config, settings: &Settings) {
    #[derive(serde::Deserialize)]
    struct Ages {
        max_quote_age_s: u64,
    }
    let Ok(Ages { max_quote_age_s }) = config.section::<Ages>("order") else { return };
    let least = settings.feed_interval().as_secs() * 3;
    if max_quote_age_s < least {
        tracing::warn!(
            max_quote_age_s,
            "order.max_quote_age_s should be at least {least}, three times as long as the feed takes between two answers:              orders are refused while prices are older"
        );
    }
}

fn check(config: &Config) -> Result<(), StartError> {
    let clock = Arc::new(tradepost_kernel::SystemClock);
    Inventory::new(settings(config)?, None, clock).map(|_| ()).map_err(StartError::new)
}
