//! How the order module is joined.

use tradepost_order::{OrderService, PROBLEMS, Settings, TABLE, routes, state};
use tradepost_platform::cursor::Cursors;

use super::{Arc, Compiled, Composition, Config, Foundation, StartError, peers::missing};

pub const MODULE: Compiled = Compiled {
    name: "order",
    routes,
    root_routes: None,
    needs: &["user", "inventory"],
    uses: &[],
    needs_secret: true,
    is_called: false,
    stands_alone: false,
    table: Some(TABLE),
    problems: &[PROBLEMS],
    check,
    join,
};

fn join(foundation: &Foundation, composition: &mut Composition) -> Result<(), StartError> {
    let settings = settings(&foundation.config)?;
    let accounts = composition.accounts.clone().ok_or_else(|| missing("order", "user"))?;
    let catalog = composition.catalog.clone().ok_or_else(|| missing("order", "inventory"))?;
    let clock = Arc::clone(&foundation.clock);
    let service = OrderService::new(settings, foundation.store()?.clone(), accounts, catalog, clock);
    let task = Arc::clone(&service);
    composition.tasks_on_tables.push(Box::new(|stop| Box::pin(task.run_recovery(stop))));
    let task = Arc::clone(&service);
    composition.tasks_on_tables.push(Box::new(|stop| Box::pin(task.run_triggers(stop))));
    let cursors = Cursors::new(foundation.secret()?.derive("cursors"));
    composition.states.push(Arc::new(state(service, cursors)));
    Ok(())
}

fn settings(config: &Config) -> Result<Settings, StartError> {
    let settings: Settings = config.section("order")?;
    settings.check().map_err(StartError::new)?;
    Ok(settings)
}

fn check(config: &Config) -> Result<(), StartError> {
    settings(config).map(|_| ())
}
