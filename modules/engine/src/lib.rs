//! An embedded DynamoDB-compatible engine that the AWS SDK talks to through its HTTP connector: in process,
//! no socket, data in one SQLite file (or in memory). [`Server`] opens it to other processes.
//!
//! ```no_run
//! # fn main() -> Result<(), tradepost_engine::EngineError> {
//! let engine = tradepost_engine::Engine::open(std::path::Path::new("data"), "process 4711")?;
//! let config = aws_sdk_dynamodb::Config::builder()
//!     .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
//!     .region(aws_sdk_dynamodb::config::Region::new("local"))
//!     .endpoint_url("http://in-process")
//!     .allow_no_auth()
//!     .http_client(engine.http_client())
//!     .build();
//! let client = aws_sdk_dynamodb::Client::from_conf(config);
//! # Ok(())
//! # }
//! ```
//!
//! Every write is on disk (WAL, `synchronous=FULL`) before it is answered. One thread does all the work, one
//! operation after the other, so keep reads small: a 1 MB page holds everyone else up for tens of
//! milliseconds. The SDK's connect and read timeouts mean nothing here; its operation and attempt timeouts
//! work as usual.

mod answer;
mod connector;
mod dispatch;
mod error;
mod http;
mod lock;
mod settings;
mod snapshot;
mod sweep;
mod worker;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use dynoxide::Database;

pub use crate::error::EngineError;
pub use crate::http::{ACCESS_KEY_ID, Server};
pub use crate::settings::Settings;
pub use crate::snapshot::snapshot;

use crate::lock::FolderLock;
use crate::worker::{Location, Worker};

/// The name of the database file inside the data folder.
const DATABASE_FILE: &str = "tradepost.db";

/// A running engine; clones are handles to the same one.
///
/// An SDK client made with [`Engine::http_client`] holds a handle too. When the last handle drops, the
/// operation that is running is finished, the database is closed and the data folder is unlocked, before the
/// drop returns.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// What the handles share. The order of the fields is the order of closing: the folder stays locked until the
/// worker has closed the database.
struct Inner {
    worker: Worker,
    lock: Option<Arc<FolderLock>>,
}

impl Engine {
    /// Opens the database in `data_dir`, creating folder and file if missing, and locks the folder for as
    /// long as the engine lives; `holder` says who we are, for the message another process gets meanwhile.
    ///
    /// Blocks for some milliseconds, so call it at the start and not on a request path. Fails with
    /// [`EngineError::Locked`] if another engine has the folder, and otherwise if the folder cannot be made
    /// or locked or the file is not a database.
    pub fn open(data_dir: &Path, holder: &str) -> Result<Engine, EngineError> {
        let lock = FolderLock::take(data_dir, holder)?;
        let file = database_file(data_dir);
        lock::make_private(&file)
            .map_err(|reason| EngineError::Open { file: file.clone(), reason: reason.to_string() })?;
        Engine::start(Location::File(file), Some(Arc::new(lock)))
    }

    /// The same, for a folder that must hold a database already.
    ///
    /// # Errors
    /// As [`Engine::open`], and [`EngineError::NoDatabase`].
    pub fn open_existing(data_dir: &Path, holder: &str) -> Result<Engine, EngineError> {
        snapshot::require(&database_file(data_dir))?;
        Engine::open(data_dir, holder)
    }

    /// An empty engine whose data ends with its last handle. Fails only if SQLite or a thread cannot start.
    pub fn in_memory() -> Result<Engine, EngineError> {
        Engine::start(Location::Memory, None)
    }

    /// Opens a copy that [`snapshot`] made, without any lock: nobody else may be using that file.
    ///
    /// Fails with [`EngineError::NoDatabase`] if there is no such file.
    pub fn open_snapshot(file: &Path) -> Result<Engine, EngineError> {
        snapshot::require(file)?;
        Engine::start(Location::File(file.to_owned()), None)
    }

    /// The HTTP client to give to `aws_sdk_dynamodb::Config`: what it "sends" is answered by this engine.
    ///
    /// It never fails to answer: a request that the engine cannot serve comes back as a DynamoDB error,
    /// status 400 where the request is at fault and 500 where the disk or the engine is (then a write may or
    /// may not have happened). `ClientRequestToken` is ignored.
    pub fn http_client(&self) -> SharedHttpClient {
        connector::http_client(self.clone())
    }

    /// Deletes the items whose time to live has passed, in every table that has it enabled, and answers how
    /// many.
    ///
    /// Reads these tables whole, 25 items at a time on a thread of its own; other operations get in between.
    /// It goes on to its end, and holds the data folder until then, even if the future is dropped. Fails if
    /// the disk does; what was deleted before that stays deleted.
    pub async fn sweep_ttl(&self) -> Result<usize, EngineError> {
        sweep::sweep(&self.inner).await
    }

    fn start(location: Location, lock: Option<Arc<FolderLock>>) -> Result<Engine, EngineError> {
        let database = location
            .open()
            .map_err(|reason| EngineError::Open { file: location.name(), reason: reason.to_string() })?;
        let worker = Worker::start(location, database).map_err(|reason| EngineError::Thread { reason })?;
        Ok(Engine { inner: Arc::new(Inner { worker, lock }) })
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("location", self.inner.worker.location()).finish()
    }
}

/// Opens or creates the database at `file`.
fn open_file(file: &Path) -> dynoxide::Result<Database> {
    let path = file.to_str().ok_or_else(|| {
        dynoxide::DynoxideError::InternalServerError("its path is not valid Unicode".to_owned())
    })?;
    Database::new(path)
}

/// The database file of a data folder.
fn database_file(data_dir: &Path) -> PathBuf {
    data_dir.join(DATABASE_FILE)
}
