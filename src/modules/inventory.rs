//! How the inventory module is joined.

use tradepost_inventory::{Inventory, PROBLEMS, Settings, routes, state};
use tradepost_inventory_api::wire;

use super::{Arc, Compiled, Composition, Config, Foundation, StartError};

pub const MODULE: Compiled = Compiled {
    name: "inventory",
    routes,
    root_routes: None,
    needs: &[],
    needs_secret: false,
    is_called: true,
    stands_alone: false,
    table: None,
    problems: &[PROBLEMS],
    check,
    join,
};

fn join(foundation: &Foundation, composition: &mut Composition) -> Result<(), StartError> {
    let settings = settings(&foundation.config)?;
    let inventory = Inventory::new(settings, Arc::clone(&foundation.clock)).map_err(StartError::new)?;
    composition.catalog = Some(inventory.clone());
    let catalog = Arc::clone(&inventory);
    composition.internal.push(Arc::new(move |config| wire::routes(config, catalog.clone())));
    let task = Arc::clone(&inventory);
    composition.tasks.push(Box::new(|stop| Box::pin(task.run(stop))));
    composition.states.push(Arc::new(state(inventory)));
    Ok(())
}

fn settings(config: &Config) -> Result<Settings, StartError> {
    let settings: Settings = config.section("inventory")?;
    settings.check(config.is_production()).map_err(StartError::new)?;
    Ok(settings)
}

fn check(config: &Config) -> Result<(), StartError> {
    let clock = Arc::new(tradepost_kernel::SystemClock);
    Inventory::new(settings(config)?, clock).map(|_| ()).map_err(StartError::new)
}
