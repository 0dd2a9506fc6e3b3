//! The file in which SQLite logs changes that are not in the database yet: where it is,
//! and how large.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

/// The log is written back when it has this many pages (32 MiB), or an eighth of
/// what the outbox may take: each time costs two more syncs.
pub(super) const LOG_PAGES: i64 = 4096;

/// How many bytes a log of that many pages has, each of `page` bytes, with what a
/// commit adds before it is written back.
pub(super) const fn log_size(pages: i64, page: i64) -> i64 {
    const FRAME_HEADER: i64 = 24;
    (pages + pages / 16 + 1) * (page + FRAME_HEADER)
}

/// Why [`reserve`] did not.
pub(super) enum Reserve {
    /// Another process writes, or the database is not to be had.
    Busy(rusqlite::Error),
    /// The file does not take it.
    Io(io::Error),
}

/// Gives the log its full size at once. A sync of bytes in their place waits for
/// the disk; one of a file that grew also waits for the journal of the file
/// system, and so for all uploads that are being synced at the time. What follows
/// the log's last commit is ignored, zeros too.
pub(super) fn reserve(connection: &mut Connection, log: &Path, size: i64) -> Result<(), Reserve> {
    // Nobody else writes to it meanwhile.
    let alone = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(Reserve::Busy)?;
    let fill = || {
        let mut file = OpenOptions::new().append(true).open(log)?;
        let size = u64::try_from(size).unwrap_or(0);
        let missing = size.saturating_sub(file.metadata()?.len());
        io::copy(&mut io::repeat(0).take(missing), &mut file)?;
        file.sync_all()
    };
    fill().map_err(Reserve::Io)?;
    alone.rollback().map_err(Reserve::Busy)
}

/// The log of changes that are not in the database yet.
pub(super) fn log_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
