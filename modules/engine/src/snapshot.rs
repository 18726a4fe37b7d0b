//! Consistent copies of a database that another process may be writing to.

use std::path::Path;

use crate::error::EngineError;
use crate::{database_file, open_file};

/// Writes a consistent copy of the database in `data_dir` to the new file `to`, while its engine runs or not.
///
/// Takes no lock and disturbs the running engine for milliseconds; writes that were answered before the call
/// are in the copy. The copy is for [`Engine::open_snapshot`](crate::Engine::open_snapshot). It blocks for as
/// long as the copying takes. Use the same program version as the running engine: opening the live file
/// brings its internal tables up to date. Fails if there is no database, or if `to` exists or cannot be
/// written.
pub fn snapshot(data_dir: &Path, to: &Path) -> Result<(), EngineError> {
    let file = database_file(data_dir);
    require(&file)?;
    if to.exists() {
        return Err(EngineError::SnapshotExists { file: to.to_owned() });
    }
    let failed = |reason: String| EngineError::Snapshot { file: to.to_owned(), reason };
    let target = to.to_str().ok_or_else(|| failed("its path is not valid Unicode".to_owned()))?;
    let database =
        open_file(&file).map_err(|reason| EngineError::Open { file, reason: reason.to_string() })?;
    database.vacuum_into(target).map_err(|reason| failed(reason.to_string()))
}

/// Refuses a file that does not exist, which opening would otherwise create.
pub(crate) fn require(file: &Path) -> Result<(), EngineError> {
    if file.is_file() { Ok(()) } else { Err(EngineError::NoDatabase { file: file.to_owned() }) }
}
