//! Why the outbox could not do what it was asked for.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the outbox could not do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// It holds as much as it may. Nothing was recorded.
    #[error(
        "the outbox is full: {used} bytes of {max}; it has room again when sinks take events or dead letters are dropped"
    )]
    Full {
        /// Bytes that it takes on the disk.
        used: u64,
        /// Bytes that it may take.
        max: u64,
    },
    /// The database failed, for example since the disk is full. Nothing was
    /// recorded.
    #[error("cannot {action} the outbox {}", path.display())]
    Storage {
        /// What was tried, such as `write to`.
        action: &'static str,
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// A directory or file could not be made or opened.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, such as `make`.
        action: &'static str,
        /// What it was tried with.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// The database has a form that this version does not know.
    #[error(
        "the outbox {} was written by another version (form {found}, this one knows {known}); start that version, or move the directory away",
        path.display()
    )]
    Version {
        /// The database.
        path: PathBuf,
        /// The form that it has.
        found: i64,
        /// The form that this version reads and writes.
        known: i64,
    },
    /// It was closed, or its writer is gone.
    #[error("the outbox is closed")]
    Closed,
}

impl OutboxError {
    pub(super) fn storage(action: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        Self::Storage {
            action,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }
}
