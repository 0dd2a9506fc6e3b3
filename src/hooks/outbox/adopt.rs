//! Taking over the slot of a process that is gone.
//!
//! Its events move into the own database in steps, each of which is first
//! durable there and then gone from the other: a crash between the two moves
//! them again, and the ids show what is there already. They get numbers before
//! all of the own: an upload that a client continues here has its older events
//! there.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::path::Path;

use rusqlite::params;

use super::OutboxError;
use super::slot::Slot;
use super::store::{Commit, Count, Store};

/// Events that are moved at once: some milliseconds for which promises wait.
const STEP: i64 = 128;

/// A slot whose events are being moved.
#[derive(Debug)]
pub(super) struct Adoption {
    slot: Slot,
    /// The first number of the own that its events get, and the one after the
    /// last.
    first: i64,
    end: i64,
    next: i64,
}

/// What a step moved.
#[derive(Debug)]
pub(super) struct Moved {
    /// Its first number.
    pub(super) first: i64,
    /// How much of it each sink has.
    pub(super) counts: Vec<Count>,
}

impl Adoption {
    /// Finds a slot with events that nobody holds. Their numbers end before
    /// `least`. A slot that cannot be taken over is added to `without`, and
    /// those are not looked at.
    pub(super) fn find(
        directory: &Path,
        without: &mut BTreeSet<u32>,
        store: &Store,
        least: i64,
        max_bytes: u64,
    ) -> Result<Option<Self>, OutboxError> {
        for number in Slot::numbers(directory)? {
            if without.contains(&number) {
                continue;
            }
            let adoption = match Slot::try_take(directory, number) {
                Ok(Some(slot)) => Self::begin(slot, store, least, max_bytes),
                Ok(None) => continue,
                Err(error) => Err(error),
            };
            match adoption {
                Ok(None) => {}
                Ok(adoption) => return Ok(adoption),
                Err(error) => {
                    tracing::error!(
                        slot = number, %error, cause = error.source().map(ToString::to_string),
                        "a slot of the outbox cannot be taken over; its events stay there"
                    );
                    without.insert(number);
                }
            }
        }
        Ok(None)
    }

    fn begin(
        slot: Slot,
        store: &Store,
        least: i64,
        max_bytes: u64,
    ) -> Result<Option<Self>, OutboxError> {
        let path = slot.database().to_owned();
        let failed = |error| OutboxError::storage("adopt", &path, error);
        let mut other = Store::open(&path, max_bytes)?;
        let events = other.events().map_err(failed)?;
        if events == 0 {
            return Ok(None);
        }
        let change = other.change(Commit::Durable).map_err(failed)?;
        change.settle_followed().map_err(failed)?;
        change.commit().map_err(failed)?;
        drop(other);
        let name = path.to_string_lossy();
        store
            .connection()
            .execute("ATTACH DATABASE ?1 AS other", [&*name])
            .map_err(failed)?;
        let end = least.min(1);
        Ok(Some(Self {
            slot,
            first: end - events,
            end,
            next: end - events,
        }))
    }

    pub(super) const fn first(&self) -> i64 {
        self.first
    }

    pub(super) const fn end(&self) -> i64 {
        self.end
    }

    pub(super) const fn slot(&self) -> u32 {
        self.slot.number()
    }

    /// Moves some events; `None`, and the other database is left, if there are
    /// no more.
    pub(super) fn step(&mut self, store: &mut Store) -> rusqlite::Result<Option<Moved>> {
        let change = store.change(Commit::Durable)?;
        let connection = change.connection();
        let moved = connection.execute(
            "INSERT INTO main.event (seq, id, upload, kind, payload)
             SELECT ?1 - 1 + row_number() OVER (ORDER BY seq), id, upload, kind, payload
             FROM other.event WHERE true ORDER BY seq LIMIT ?2
             ON CONFLICT (id) DO NOTHING",
            params![self.next, STEP],
        )?;
        connection.execute(
            "INSERT INTO main.delivery
                 (seq, sink, state, since, promise, attempts, cause, error)
             SELECT own.seq, d.sink, d.state, d.since, ?1, d.attempts, d.cause, d.error
             FROM (SELECT seq, id FROM other.event ORDER BY seq LIMIT ?2) AS o
             JOIN other.delivery d ON d.seq = o.seq
             JOIN main.event own ON own.id = o.id
             WHERE true ON CONFLICT DO NOTHING",
            params![self.next, STEP],
        )?;
        connection.execute(
            "DELETE FROM other.delivery
             WHERE seq IN (SELECT seq FROM other.event ORDER BY seq LIMIT ?1)",
            [STEP],
        )?;
        let left = connection.execute(
            "DELETE FROM other.event
             WHERE seq IN (SELECT seq FROM other.event ORDER BY seq LIMIT ?1)",
            [STEP],
        )?;
        let first = self.next;
        let next = first + i64::try_from(left.max(moved)).unwrap_or(0);
        let counts = connection
            .prepare_cached(
                "SELECT sink, count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2)
                 FROM main.delivery WHERE seq >= ?1 AND seq < ?2 GROUP BY sink",
            )?
            .query_map([first, next], Count::of)?
            .collect::<rusqlite::Result<_>>()?;
        change.commit()?;
        self.next = next;
        if left == 0 {
            self.leave(store)?;
            return Ok(None);
        }
        Ok(Some(Moved { first, counts }))
    }

    /// Leaves the other database as it is; it will be tried again.
    pub(super) fn give_up(self, store: &Store) {
        if let Err(error) = store.connection().execute_batch("DETACH DATABASE other") {
            tracing::warn!(slot = self.slot(), %error, "an outbox stays open");
        }
    }

    fn leave(&self, store: &Store) -> rusqlite::Result<()> {
        store.connection().execute_batch("DETACH DATABASE other")?;
        let other = rusqlite::Connection::open(self.slot.database())?;
        other.execute_batch("VACUUM")
    }
}
