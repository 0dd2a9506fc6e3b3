//! The database of one slot: its form, and every statement that is run on it.
//!
//! An event's payload is one row that is written once and never changed; for
//! each sink that has yet to hear of it there is one small row beside it. Both
//! are numbered in the order of promises. An event goes with its last delivery.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use rusqlite::{Result, Row, params};

use super::change::Change;
use super::log::{LOG_PAGES, Reserve, log_of, log_size, reserve};
use super::{Entry, OutboxError};

/// The form below, in `user_version`. A database of another form is refused.
const FORM: i64 = 1;

const FORM_SQL: &str = "
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        upload TEXT NOT NULL,
        kind TEXT NOT NULL,
        payload BLOB NOT NULL
    ) STRICT;
    CREATE TABLE delivery (
        -- Of an event. That there is one is not checked: every promise would pay.
        seq INTEGER NOT NULL,
        sink TEXT NOT NULL,
        state INTEGER NOT NULL,
        -- Milliseconds of the Unix epoch: the promise, or the last replay.
        since INTEGER NOT NULL,
        -- Equal for what was promised together.
        promise INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        cause TEXT,
        error TEXT,
        PRIMARY KEY (seq, sink)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX dead ON delivery (seq) WHERE state = 2;
";

/// `delivery.state`.
pub(super) const UNDECIDED: i64 = 0;
pub(super) const PENDING: i64 = 1;
pub(super) const DEAD: i64 = 2;

/// 8 KiB hold three events of 2 KiB, where the usual 4 KiB hold one and waste
/// the rest.
const PAGE: i64 = 8192;

/// How long to wait for another process that writes, which is only ever the
/// operator's command line.
const BUSY: Duration = Duration::from_secs(5);

/// Statements kept prepared; there are fewer.
const STATEMENTS: usize = 64;

/// An event and where it stands in the order.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    pub(super) seq: i64,
    /// Milliseconds of the Unix epoch from which the deadline counts.
    pub(super) since: i64,
    /// Deliveries that were tried.
    pub(super) attempts: u32,
    pub(super) entry: Arc<Entry>,
}

/// An event that nobody decided about before the process ended.
#[derive(Debug)]
pub(super) struct Leftover {
    pub(super) seq: i64,
    pub(super) since: i64,
    pub(super) entry: Arc<Entry>,
    pub(super) sinks: Vec<String>,
}

/// Whether a commit is on the disk when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commit {
    Durable,
    /// It is after the next durable one.
    Lazy,
}

/// How many events a sink has in one state.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) sink: String,
    pub(super) pending: u64,
    pub(super) dead: u64,
}

impl Count {
    /// Reads a row of a sink, what is pending, and what is dead.
    pub(super) fn of(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            sink: row.get(0)?,
            pending: row.get(1)?,
            dead: row.get(2)?,
        })
    }
}

/// An open database.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    path: PathBuf,
    commit: Commit,
}

impl Store {
    /// Opens a database that may take that many bytes, and gives it its form if
    /// the file is empty.
    pub(super) fn open(path: &Path, max_bytes: u64) -> std::result::Result<Self, OutboxError> {
        let most = i64::try_from(max_bytes).unwrap_or(i64::MAX) / PAGE / 8;
        let log_pages = most.clamp(1, LOG_PAGES);
        let failed = |error| OutboxError::storage("open", path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        Self::configure(&connection, log_pages).map_err(failed)?;
        let found = form(&mut connection).map_err(failed)?;
        if found != FORM {
            return Err(OutboxError::Version {
                path: path.to_owned(),
                found,
                known: FORM,
            });
        }
        let log = log_of(path);
        match reserve(&mut connection, &log, log_size(log_pages, PAGE)) {
            Ok(()) => {}
            Err(Reserve::Busy(error)) => return Err(failed(error)),
            // It only makes the log faster. On a full disk what is there can still
            // be delivered, which makes room.
            Err(Reserve::Io(error)) => tracing::warn!(
                path = %log.display(), %error,
                "no room could be reserved for the log of the outbox"
            ),
        }
        Ok(Self {
            connection,
            path: path.to_owned(),
            commit: Commit::Durable,
        })
    }

    fn configure(connection: &Connection, log_pages: i64) -> Result<()> {
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // These two only have effect on an empty file.
        connection.pragma_update(None, "page_size", PAGE)?;
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "wal_autocheckpoint", log_pages)?;
        connection.pragma_update(None, "journal_size_limit", log_size(log_pages, PAGE))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins to change it; nothing is changed before the commit.
    pub(super) fn change(&mut self, commit: Commit) -> Result<Change<'_>> {
        if commit != self.commit {
            let synchronous = match commit {
                Commit::Durable => "full",
                // With a log, this syncs only when it is written back.
                Commit::Lazy => "normal",
            };
            self.connection
                .pragma_update(None, "synchronous", synchronous)?;
            self.commit = commit;
        }
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map(Change::new)
    }

    /// The least and the greatest number in use, 0 if there is none.
    pub(super) fn bounds(&self) -> Result<(i64, i64)> {
        self.connection.query_row(
            "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM event",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// What waits for `sink` after number `after`, in order.
    pub(super) fn pending(&self, sink: &str, after: i64, limit: usize) -> Result<Vec<Queued>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT d.seq, d.since, d.attempts, e.id, e.upload, e.kind, e.payload
             FROM delivery d JOIN event e ON e.seq = d.seq
             WHERE d.seq > ?1 AND d.sink = ?2 AND d.state = ?3
             ORDER BY d.seq LIMIT ?4",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        statement
            .query_map(params![after, sink, PENDING, limit], |row| {
                Ok(Queued {
                    seq: row.get(0)?,
                    since: row.get(1)?,
                    attempts: row.get(2)?,
                    entry: entry(row, 3)?,
                })
            })?
            .collect()
    }

    /// What nobody decided about, of the numbers from `first` until before `end`. Looks
    /// at each of them: an index would cost every promise more than this costs a start.
    pub(super) fn undecided(&self, first: i64, end: i64) -> Result<Vec<Leftover>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.seq, d.since, e.id, e.upload, e.kind, e.payload, group_concat(d.sink, char(10))
             FROM delivery d JOIN event e ON e.seq = d.seq
             WHERE d.seq >= ?1 AND d.seq < ?2 AND d.state = 0 GROUP BY d.seq ORDER BY d.seq",
        )?;
        statement
            .query_map([first, end], |row| {
                let sinks: String = row.get(6)?;
                Ok(Leftover {
                    seq: row.get(0)?,
                    since: row.get(1)?,
                    entry: entry(row, 2)?,
                    sinks: sinks.lines().map(str::to_owned).collect(),
                })
            })?
            .collect()
    }

    /// How much each sink has.
    pub(super) fn counts(&self) -> Result<Vec<Count>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT sink, count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2)
             FROM delivery GROUP BY sink",
        )?;
        statement.query_map([], Count::of)?.collect()
    }

    /// How many events there are.
    pub(super) fn events(&self) -> Result<i64> {
        self.connection
            .query_row("SELECT count(*) FROM event", [], |row| row.get(0))
    }

    /// How many bytes are in use in the database and its log. Free pages are
    /// used again before the file grows.
    pub(super) fn used(&self) -> Result<u64> {
        Ok(self.used_with(pages_in_use(&self.connection)?))
    }

    /// How many bytes are in use, with that many pages of the database.
    pub(super) fn used_with(&self, pages: i64) -> u64 {
        let log = log_of(&self.path).metadata().map_or(0, |log| log.len());
        u64::try_from(pages * PAGE).unwrap_or(0) + log
    }

    /// Changes whenever another process changed the database.
    pub(super) fn version(&self) -> Result<i64> {
        self.pragma("data_version")
    }

    /// Gives free pages back to the file system, `most` at most, if they are
    /// the larger part of a file that is not small.
    pub(super) fn shrink(&self, most: u32) -> Result<()> {
        let (pages, free) = (self.pragma("page_count")?, self.pragma("freelist_count")?);
        if free > i64::from(most) && free > pages / 2 {
            let mut statement = self
                .connection
                .prepare_cached(&format!("PRAGMA incremental_vacuum({most})"))?;
            let mut rows = statement.query([])?;
            // A page is freed with each step.
            while rows.next()?.is_some() {}
        }
        Ok(())
    }

    /// Writes the log back into the database and empties it.
    pub(super) fn checkpoint(&self) -> Result<()> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    fn pragma(&self, name: &str) -> Result<i64> {
        pragma(&self.connection, name)
    }

    /// For the parts that read in other ways.
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Pages that hold something. In a change it costs no lock.
pub(super) fn pages_in_use(connection: &Connection) -> Result<i64> {
    Ok(pragma(connection, "page_count")? - pragma(connection, "freelist_count")?)
}

fn pragma(connection: &Connection, name: &str) -> Result<i64> {
    connection
        .prepare_cached(&format!("PRAGMA {name}"))?
        .query_row([], |row| row.get(0))
}

/// Which form the database has, once it has one.
fn form(connection: &mut Connection) -> Result<i64> {
    let version = |connection: &Connection| {
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
    };
    // Two may open it at once.
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&change)?;
    if found != 0 {
        return Ok(found);
    }
    change.execute_batch(FORM_SQL)?;
    change.pragma_update(None, "user_version", FORM)?;
    change.commit()?;
    Ok(FORM)
}

fn entry(row: &Row<'_>, first: usize) -> Result<Arc<Entry>> {
    Ok(Arc::new(Entry {
        event_id: row.get(first)?,
        upload: row.get(first + 1)?,
        kind: row.get(first + 2)?,
        payload: row.get(first + 3)?,
    }))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn store(directory: &TempDir) -> Store {
        let path = directory.path().join("outbox.db");
        std::fs::File::create_new(&path).unwrap();
        Store::open(&path, 1 << 30).unwrap()
    }

    #[test]
    fn a_durable_commit_is_synced_and_a_lazy_one_is_not() {
        let directory = TempDir::new().unwrap();
        let mut store = store(&directory);
        let (full, normal) = (2, 1);
        for (commit, synchronous) in [
            (Commit::Durable, full),
            (Commit::Lazy, normal),
            (Commit::Durable, full),
        ] {
            store.change(commit).unwrap().commit().unwrap();
            assert_eq!(store.pragma("synchronous").unwrap(), synchronous);
        }
    }

    #[test]
    fn the_database_has_a_log_and_gives_pages_back() {
        let directory = TempDir::new().unwrap();
        let store = store(&directory);
        let mode: String = store
            .connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
        let incremental = 2;
        assert_eq!(store.pragma("auto_vacuum").unwrap(), incremental);
        assert_eq!(store.pragma("page_size").unwrap(), PAGE);
    }

    #[test]
    fn the_log_has_its_size_from_the_start_and_keeps_it() {
        let directory = TempDir::new().unwrap();
        let mut store = store(&directory);
        let log = log_of(store.path());
        let size = log.metadata().unwrap().len();
        assert_eq!(size, u64::try_from(log_size(LOG_PAGES, PAGE)).unwrap());
        for seq in 0..500 {
            let change = store.change(Commit::Lazy).unwrap();
            let entry = Entry {
                event_id: seq.to_string(),
                upload: "u".to_owned(),
                kind: "post-finish".to_owned(),
                payload: vec![b'x'; 50_000],
            };
            change.add(seq, &entry).unwrap();
            change.commit().unwrap();
        }
        assert_eq!(log.metadata().unwrap().len(), size);
        drop(store);
        let store = Store::open(&directory.path().join("outbox.db"), 1 << 30).unwrap();
        assert_eq!(store.events().unwrap(), 500);
    }

    #[test]
    fn a_database_of_another_form_is_refused() {
        let directory = TempDir::new().unwrap();
        let store = store(&directory);
        let path = store.path().to_owned();
        store
            .connection
            .pragma_update(None, "user_version", FORM + 1)
            .unwrap();
        drop(store);
        let error = Store::open(&path, 1 << 30).unwrap_err().to_string();
        assert!(error.contains("form 2, this one knows 1"), "{error}");
    }
}
