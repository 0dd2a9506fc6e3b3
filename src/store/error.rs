//! What can go wrong in a store.

use std::io;
use std::path::PathBuf;

/// Why a store could not do as it was told. The text names paths and is for
/// the operator's log, not for clients.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No upload has this id, or its bytes are gone.
    #[error("no such upload")]
    NotFound,
    /// An upload has this id already.
    #[error("the id is taken")]
    IdTaken,
    /// Something lies at the chosen path already.
    #[error("the path {} is taken", .0.display())]
    PathTaken(PathBuf),
    /// The chosen path leads out of the data directory, through a symbolic
    /// link.
    #[error("{} leads out of the data directory", .0.display())]
    OutsideDataDirectory(PathBuf),
    /// The data file is not as long as the caller was told; somebody else
    /// wrote to it or cut it.
    #[error("{} has {found} bytes instead of {expected}", path.display())]
    UnexpectedLength {
        /// The data file.
        path: PathBuf,
        /// Bytes there should be.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// The bytes of a checked append are not those that were expected. None of
    /// them is stored.
    #[error("the bytes do not have the expected checksum")]
    ChecksumMismatch,
    /// The record cannot be understood: torn, foreign, or of a newer version.
    #[error("the record {} is damaged: {reason}", path.display())]
    DamagedRecord {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no room left for the bytes.
    #[error("no space left for {}", .0.display())]
    DiskFull(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, such as `open`.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The thread that did the work is gone: it panicked, or the runtime ends.
    #[error("the storage thread ended early")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl StoreError {
    /// An error of the operating system, with what was tried.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path),
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }
}
