//! What can go wrong around the engine; what goes wrong inside an operation is a DynamoDB error instead.

use std::io;
use std::path::PathBuf;

/// Why the engine could not be opened, served, swept or copied. The message is a whole sentence for an operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The data folder does not exist and cannot be created, or is not a folder.
    #[error("the data folder {} cannot be created: {reason}", folder.display())]
    Folder {
        /// The data folder.
        folder: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The lock file cannot be written or locked, for a reason other than somebody else having it.
    #[error("the lock file {} cannot be used: {reason}", file.display())]
    LockFile {
        /// The lock file.
        file: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// Another engine is running on this data folder.
    #[error("the data folder {} is in use by {holder}", folder.display())]
    Locked {
        /// The data folder.
        folder: PathBuf,
        /// What the holder said of itself, from the lock file.
        holder: String,
    },
    /// There is no database file where one is needed.
    #[error("there is no database at {}", file.display())]
    NoDatabase {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// The file cannot be opened as a database: no access, a failing disk, another program's file, or one
    /// that a newer version wrote.
    #[error("the database {} cannot be opened: {reason}", file.display())]
    Open {
        /// The database file.
        file: PathBuf,
        /// What the engine says.
        reason: String,
    },
    /// The target of a snapshot exists; it is not overwritten.
    #[error("the snapshot cannot be written to {}: the file exists already", file.display())]
    SnapshotExists {
        /// The target.
        file: PathBuf,
    },
    /// Copying the database failed, for instance because the disk is full.
    #[error("the snapshot cannot be written to {}: {reason}", file.display())]
    Snapshot {
        /// The target.
        file: PathBuf,
        /// What the engine says.
        reason: String,
    },
    /// Deleting expired items failed part of the way.
    #[error("expired items could not all be deleted: {reason}")]
    Sweep {
        /// What the engine says.
        reason: String,
    },
    /// The engine cannot be served to other processes.
    #[error("{reason}")]
    Serve {
        /// A whole sentence that says what to do.
        reason: String,
    },
    /// The operating system gives us no thread.
    #[error("the engine's thread cannot be started: {reason}")]
    Thread {
        /// What the operating system says.
        reason: io::Error,
    },
    /// The engine broke while it worked, or its database cannot be reopened after that; the log says more.
    #[error("the engine gave no answer; its log says why")]
    NoAnswer,
}
