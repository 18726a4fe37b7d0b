//! What every request and every health check shares.

use std::sync::Arc;

use tokio::sync::watch;
use tradepost_kernel::Clock;

use crate::answer::End;
use crate::client::{Connections, connections};
use crate::pool::Pool;
use crate::upstream::Upstream;
use crate::{Module, Settings};

/// Whether the module behind a method and a path does once what it is asked twice under one `Idempotency-Key`.
pub type TakesKey = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// The upstreams of all modules and the connections to them. Give it to the app as `web::Data`.
pub struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) max_body_bytes: usize,
    pub(crate) takes_key: TakesKey,
    pub(crate) connections: Connections,
    pools: [Pool; 3],
    /// Whether event streams, which have no end of their own, end now.
    ends_streams: watch::Sender<bool>,
}

impl Gateway {
    /// A gateway that refuses bodies of more than `max_body_bytes`. A key is no reason to repeat a request that does
    /// not take one: whoever ignores it would do twice what was asked. The clock counts how long breakers stay open.
    ///
    /// # Errors
    /// A sentence that names the setting that is wrong.
    pub fn new(
        settings: Settings,
        max_body_bytes: usize,
        takes_key: TakesKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, String> {
        settings.check()?;
        let [user, order, inventory] = Module::ALL.map(|module| pool(&settings, module, &clock));
        let pools = [user?, order?, inventory?];
        let connections = connections(&settings);
        let ends_streams = watch::Sender::new(false);
        Ok(Arc::new(Self { connections, settings, max_body_bytes, takes_key, pools, ends_streams }))
    }

    /// The module that owns a path, in the spelling of the request; nobody owns what is not to be forwarded.
    #[must_use]
    pub fn owner(&self, path: &str) -> Option<Module> {
        Module::owning(path)
    }

    /// Ends every event stream, so that a server that stops need not wait for them: their clients go elsewhere.
    pub fn end_streams(&self) {
        self.ends_streams.send_replace(true);
    }

    pub(crate) fn end_of_streams(&self) -> End {
        End::Told(self.ends_streams.subscribe())
    }

    pub(crate) fn pool(&self, module: Module) -> &Pool {
        let [user, order, inventory] = &self.pools;
        match module {
            Module::User => user,
            Module::Order => order,
            Module::Inventory => inventory,
        }
    }

    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.pools.iter().flat_map(Pool::upstreams)
    }
}

fn pool(settings: &Settings, module: Module, clock: &Arc<dyn Clock>) -> Result<Pool, String> {
    let upstreams = settings.upstreams(module)?.into_iter();
    let upstreams = upstreams.map(|at| Upstream::new(module, at, settings.breaker(), Arc::clone(clock)));
    Ok(Pool::new(upstreams.collect::<Result<_, _>>()?))
}
