//! The tables at the start: made, or found missing, as soon as the store answers.

use std::sync::Arc;
use std::time::Duration;

use tradepost_platform::dynamo::{Dynamo, EngineKind, TableDefinition};
use tradepost_problem::Outage;

use crate::health::Phase;
use crate::modules::{self, Task};
use crate::{Config, StartError};

/// The pause after the first attempt that failed; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Makes the tables of the embedded engine. What is to be done about a store elsewhere is left to a task: that store
/// may not be there yet, and services start in any order. Requests are welcome once the tables that this process
/// makes are made.
///
/// # Errors
/// When the embedded engine makes no table.
pub async fn prepare(
    config: &Config,
    dynamo: &Dynamo,
    phase: &Arc<Phase>,
) -> Result<Option<Task>, StartError> {
    let tables = modules::tables(config)?;
    if config.storage.engine == EngineKind::Embedded {
        for table in &tables {
            table.create(dynamo).await?;
        }
        phase.serving();
        return Ok(None);
    }
    let (dynamo, phase, makes_tables) = (dynamo.clone(), Arc::clone(phase), config.storage.create_tables);
    if !makes_tables {
        phase.serving();
    }
    Ok(Some(Box::new(move |mut stop| {
        Box::pin(async move {
            let work = async {
                for table in &tables {
                    settle(table, &dynamo, makes_tables).await;
                }
                phase.serving();
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = work => {}
            }
        })
    })))
}

/// Goes on until the store has said or done what there is to say or do.
async fn settle(table: &TableDefinition, dynamo: &Dynamo, makes_tables: bool) {
    let mut pause = FIRST_PAUSE;
    // An outage has been logged with its cause.
    while look_at(table, dynamo, makes_tables).await.is_err() {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Making tables takes rights that a server should not have, so it does so only when told to.
async fn look_at(table: &TableDefinition, dynamo: &Dynamo, makes_tables: bool) -> Result<(), Outage> {
    let name = dynamo.table(table.name);
    let name = name.name();
    if makes_tables {
        if table.create(dynamo).await? {
            tracing::info!(name, "made the table");
        }
    } else if !table.is_active(dynamo).await? {
        tracing::error!(
            name,
            "there is no such table, or it lacks an index: run `tradepost create-tables`, or set \
             storage.create_tables"
        );
    }
    Ok(())
}
