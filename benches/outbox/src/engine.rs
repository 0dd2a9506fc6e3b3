//! The databases that an outbox could stand on, each used as its documentation
//! asks for, behind what an outbox needs.

use std::path::Path;

use anyhow::Result;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{Durability, ReadableDatabase as _, TableDefinition};
use rusqlite::{Connection, params};

/// An event, numbered in its order.
pub struct Event {
    /// Its number.
    pub seq: u64,
    /// A UUIDv7.
    pub id: String,
    /// Some KiB of JSON.
    pub payload: Vec<u8>,
}

/// A database with an event's payload, the index of its id, and one delivery.
pub trait Engine: Send {
    /// Adds and removes events. Both are on the disk when it returns.
    fn commit(&mut self, add: &[Event], remove: &[(u64, String)]) -> Result<()>;

    /// Reads that many events from the least number on; returns how many there
    /// were.
    fn read(&self, limit: usize) -> Result<usize>;

    /// Gives back to the file system what is free.
    fn shrink(&mut self) -> Result<()>;
}

/// The names of the engines.
pub const NAMES: [&str; 3] = ["SQLite", "redb", "fjall"];

/// Opens one by its name.
pub fn open(name: &str, directory: &Path) -> Result<Box<dyn Engine>> {
    Ok(match name {
        "SQLite" => Box::new(Sqlite::open(directory)?),
        "redb" => Box::new(Redb::open(directory)?),
        "fjall" => Box::new(Fjall::open(directory)?),
        other => anyhow::bail!("no engine {other}; there are {NAMES:?}"),
    })
}

/// With the tables and settings of `src/hooks/outbox/store.rs`.
struct Sqlite(Connection);

impl Sqlite {
    fn open(directory: &Path) -> Result<Self> {
        let connection = Connection::open(directory.join("outbox.db"))?;
        connection.pragma_update(None, "page_size", 8192)?;
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS event (
                seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payload BLOB NOT NULL
            ) STRICT;
            CREATE TABLE IF NOT EXISTS delivery (
                seq INTEGER NOT NULL, sink TEXT NOT NULL,
                state INTEGER NOT NULL, PRIMARY KEY (seq, sink)
            ) STRICT, WITHOUT ROWID;",
        )?;
        Ok(Self(connection))
    }
}

impl Engine for Sqlite {
    fn commit(&mut self, add: &[Event], remove: &[(u64, String)]) -> Result<()> {
        let change = self.0.transaction()?;
        for event in add {
            change
                .prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3)")?
                .execute(params![event.seq, event.id, event.payload])?;
            change
                .prepare_cached("INSERT INTO delivery VALUES (?1, 'sink', 1)")?
                .execute([event.seq])?;
        }
        for (seq, _) in remove {
            change
                .prepare_cached("DELETE FROM delivery WHERE seq = ?1")?
                .execute([seq])?;
            change
                .prepare_cached("DELETE FROM event WHERE seq = ?1")?
                .execute([seq])?;
        }
        Ok(change.commit()?)
    }

    fn read(&self, limit: usize) -> Result<usize> {
        let mut statement = self.0.prepare_cached(
            "SELECT e.payload FROM delivery d JOIN event e ON e.seq = d.seq
             WHERE d.state = 1 ORDER BY d.seq LIMIT ?1",
        )?;
        let payloads = statement.query_map([limit], |row| row.get::<_, Vec<u8>>(0))?;
        Ok(payloads.collect::<Result<Vec<_>, _>>()?.len())
    }

    fn shrink(&mut self) -> Result<()> {
        let mut statement = self.0.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }
}

struct Redb(redb::Database);

const EVENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("event");
const IDS: TableDefinition<&str, u64> = TableDefinition::new("id");
const DELIVERIES: TableDefinition<(u64, &str), u8> = TableDefinition::new("delivery");

impl Redb {
    fn open(directory: &Path) -> Result<Self> {
        Ok(Self(redb::Database::create(directory.join("outbox.redb"))?))
    }
}

impl Engine for Redb {
    fn commit(&mut self, add: &[Event], remove: &[(u64, String)]) -> Result<()> {
        let mut change = self.0.begin_write()?;
        change.set_durability(Durability::Immediate)?;
        {
            let mut events = change.open_table(EVENTS)?;
            let mut ids = change.open_table(IDS)?;
            let mut deliveries = change.open_table(DELIVERIES)?;
            for event in add {
                events.insert(event.seq, event.payload.as_slice())?;
                ids.insert(event.id.as_str(), event.seq)?;
                deliveries.insert((event.seq, "sink"), 1)?;
            }
            for (seq, id) in remove {
                deliveries.remove((*seq, "sink"))?;
                ids.remove(id.as_str())?;
                events.remove(seq)?;
            }
        }
        Ok(change.commit()?)
    }

    fn read(&self, limit: usize) -> Result<usize> {
        let read = self.0.begin_read()?;
        let (events, deliveries) = (read.open_table(EVENTS)?, read.open_table(DELIVERIES)?);
        let mut payloads = Vec::new();
        for delivery in deliveries.range::<(u64, &str)>(..)?.take(limit) {
            let (seq, _) = delivery?.0.value();
            payloads.extend(events.get(seq)?.map(|payload| payload.value().to_vec()));
        }
        Ok(payloads.len())
    }

    fn shrink(&mut self) -> Result<()> {
        self.0.compact()?;
        Ok(())
    }
}

struct Fjall {
    database: Database,
    events: Keyspace,
    ids: Keyspace,
    deliveries: Keyspace,
}

impl Fjall {
    fn open(directory: &Path) -> Result<Self> {
        let database = Database::builder(directory.join("fjall")).open()?;
        let keyspace = |name| database.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self {
            events: keyspace("event")?,
            ids: keyspace("id")?,
            deliveries: keyspace("delivery")?,
            database,
        })
    }
}

impl Engine for Fjall {
    fn commit(&mut self, add: &[Event], remove: &[(u64, String)]) -> Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for event in add {
            let seq = event.seq.to_be_bytes();
            batch.insert(&self.events, seq, event.payload.as_slice());
            batch.insert(&self.ids, event.id.as_bytes(), seq);
            batch.insert(&self.deliveries, delivery(event.seq), [1]);
        }
        for (seq, id) in remove {
            batch.remove(&self.deliveries, delivery(*seq));
            batch.remove(&self.ids, id.as_bytes());
            batch.remove(&self.events, seq.to_be_bytes());
        }
        Ok(batch.commit()?)
    }

    fn read(&self, limit: usize) -> Result<usize> {
        let mut payloads = Vec::new();
        for delivery in self.deliveries.iter().take(limit) {
            let key = delivery.key()?;
            payloads.extend(self.events.get(key.get(..8).unwrap_or_default())?);
        }
        Ok(payloads.len())
    }

    fn shrink(&mut self) -> Result<()> {
        for keyspace in [&self.events, &self.ids, &self.deliveries] {
            keyspace.rotate_memtable_and_wait()?;
            keyspace.major_compact()?;
        }
        Ok(())
    }
}

fn delivery(seq: u64) -> Vec<u8> {
    let mut key = seq.to_be_bytes().to_vec();
    key.extend(b"sink");
    key
}
