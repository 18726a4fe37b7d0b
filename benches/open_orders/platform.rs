//! The engine with its file on disk, and services on it as processes would have them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tradepost::{App, Config, Overrides};
use tradepost_engine::Engine;
use tradepost_inventory::Inventory;
use tradepost_kernel::SystemClock;
use tradepost_order::{Order, OrderRecord, OrderService, Settings, Status, StoredOrder, order_records};
use tradepost_platform::auth::SessionCache;
use tradepost_platform::dynamo::Dynamo;
use tradepost_platform::secrets::Secret;
use tradepost_user::{SigningKey, UserService};
use tradepost_user_api::Accounts;

use crate::Outcome;
use crate::counted::Counted;
use crate::market::Market;

pub struct Platform {
    config: Config,
    pub market: Arc<Market>,
    /// The store as all see it whose calls are not counted.
    pub others: Dynamo,
    settled: Arc<AtomicUsize>,
    engine: Engine,
    folder: TempDir,
}

/// Recovery as it runs in every process.
pub struct Recovery {
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Platform {
    pub async fn open() -> Outcome<Self> {
        // Not where temporary files usually are: that is often memory, where a write on disk costs nothing.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let config = config(&folder)?;
        let engine = Engine::open(folder.path(), "the bench")?;
        let others = Dynamo::in_process(engine.http_client(), &config.storage.table_prefix);
        for table in tradepost::modules::tables(&config)? {
            table.create(&others).await?;
        }
        let inventory = Inventory::new(config.section("inventory")?, None, Arc::new(SystemClock))?;
        let market = Arc::new(Market::around(&*inventory).await?);
        Ok(Self { config, market, others, settled: Arc::default(), engine, folder })
    }

    /// A server of everything on this store.
    pub async fn serve(&self) -> Outcome<App> {
        Ok(App::start_with(config(&self.folder)?, self.others.clone(), Arc::new(SystemClock)).await?)
    }

    /// The store, with a count of its own of what it is asked.
    pub fn store(&self) -> Dynamo {
        Dynamo::in_process(self.engine.http_client(), &self.config.storage.table_prefix)
    }

    /// The accounts as a process has them.
    pub fn accounts(&self, store: &Dynamo) -> Outcome<Arc<dyn Accounts>> {
        let key = SigningKey::from_pem(&SigningKey::generate_pem()?)?;
        let secret = Secret::from_bytes(b"signs nothing in this bench");
        let (settings, tokens) = (self.config.section("user")?, self.config.auth.tokens());
        let (cache, clock) = (Arc::new(SessionCache::default()), Arc::new(SystemClock));
        Ok(UserService::new(settings, tokens, key, &secret, store, cache, clock)?)
    }

    /// The same, and what they settle counts.
    pub fn counted_accounts(&self, store: &Dynamo) -> Outcome<Arc<dyn Accounts>> {
        let settled = Arc::clone(&self.settled);
        Ok(Arc::new(Counted { accounts: self.accounts(store)?, settled }))
    }

    /// How many trades were settled through those.
    pub fn settled(&self) -> usize {
        self.settled.load(Ordering::SeqCst)
    }

    /// The orders as a process has them that keeps what it knows of prices for so long.
    pub fn orders(
        &self,
        store: &Dynamo,
        accounts: Arc<dyn Accounts>,
        sweep_interval_ms: u32,
    ) -> Outcome<Arc<OrderService>> {
        let mut settings: Settings = self.config.section("order")?;
        settings.sweep_interval_ms = sweep_interval_ms;
        let market = Arc::clone(&self.market);
        Ok(OrderService::new(settings, store.clone(), accounts, market, Arc::new(SystemClock)))
    }

    /// How long a process keeps what it knows unless told.
    pub fn sweep_interval_ms(&self) -> Outcome<u32> {
        Ok(self.config.section::<Settings>("order")?.sweep_interval_ms)
    }

    /// Starts recovery, in another process as far as the triggers can tell.
    pub fn recover(&self) -> Outcome<Recovery> {
        let accounts = self.counted_accounts(&self.others)?;
        let service = self.orders(&self.others, accounts, self.sweep_interval_ms()?)?;
        let (stop, stopped) = watch::channel(false);
        Ok(Recovery { stop, running: tokio::spawn(service.run_recovery(stopped)) })
    }

    /// How many orders that waited for a price are completed.
    pub async fn filled_orders(&self) -> Outcome<usize> {
        let (mut filled, mut place) = (0, None);
        loop {
            let page = order_records(&self.others, place).await?;
            let is_filled = |order: &Order| order.status == Status::Completed && order.limit_price.is_some();
            let is_filled = |record: &OrderRecord| matches!(&record.stored, StoredOrder::Order { order, .. } if is_filled(order));
            filled += page.items.iter().filter(|record| is_filled(record)).count();
            place = page.more_after;
            if place.is_none() {
                return Ok(filled);
            }
        }
    }

    /// How large the data is.
    pub fn file_mib(&self) -> Outcome<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(self.folder.path())? {
            bytes += entry?.metadata()?.len();
        }
        Ok(bytes >> 20)
    }
}

impl Recovery {
    pub async fn stop(self) -> Outcome<()> {
        self.stop.send(true)?;
        Ok(self.running.await?)
    }
}

/// The defaults, on this folder, and without limits for users who sign up all at once.
fn config(folder: &TempDir) -> Outcome<Config> {
    let data_dir = folder.path().display().to_string();
    let keys = [
        ("data_dir", data_dir.as_str()),
        ("server.listen", "127.0.0.1:0"),
        ("rate_limits.per_address", "0"),
        ("rate_limits.auth_per_address", "0"),
    ];
    let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    Ok(Config::load(&Overrides { keys, ..Overrides::default() })?)
}

/// What this process has in memory, the bench itself included; only Linux tells.
pub fn memory_mib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}
