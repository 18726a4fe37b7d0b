//! The lock of a data folder: two engines on one database file would each trust caches the other makes wrong.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::error::EngineError;

/// The name of the lock file inside the data folder.
const LOCK_FILE: &str = "lock";

/// The exclusive lock on a data folder, given back on drop. The operating system gives it back if the process
/// dies, so a lock file that is left over locks nobody out.
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Creates the folder if it is missing and takes its lock, leaving `holder` in the lock file.
    pub(crate) fn take(folder: &Path, holder: &str) -> Result<FolderLock, EngineError> {
        make_folder(folder).map_err(|reason| EngineError::Folder { folder: folder.to_owned(), reason })?;
        let path = folder.join(LOCK_FILE);
        let unusable = |reason| EngineError::LockFile { file: path.clone(), reason };
        let mut file = open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(EngineError::Locked {
                    folder: folder.to_owned(),
                    holder: read_holder(&mut file),
                });
            }
            Err(TryLockError::Error(reason)) => return Err(unusable(reason)),
        }
        write_holder(&mut file, holder).map_err(unusable)?;
        Ok(FolderLock { _file: file })
    }
}

/// Opens without truncating: until the lock is ours, the text in the file is somebody else's.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn write_holder(file: &mut File, holder: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(holder.as_bytes())
}

/// Some systems do not let a locked file be read, and the holder may not have written its name yet.
fn read_holder(file: &mut File) -> String {
    let mut holder = String::new();
    match file.read_to_string(&mut holder) {
        Ok(_) if !holder.trim().is_empty() => holder.trim().to_owned(),
        _ => "another process".to_owned(),
    }
}

/// Makes a folder that nobody but its owner may look into: it holds personal data.
#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Makes an empty file that nobody but its owner may read, unless it exists. What the database keeps beside it
/// gets the same permissions.
#[cfg(unix)]
pub(crate) fn make_private(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file).map(|_| ())
}

#[cfg(not(unix))]
pub(crate) fn make_private(file: &Path) -> io::Result<()> {
    fs::OpenOptions::new().append(true).create(true).open(file).map(|_| ())
}
