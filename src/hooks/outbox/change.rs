//! Every change of the database of a slot.

use rusqlite::{Result, Transaction, params};

use super::Entry;

/// A change that is not committed yet, and is undone when dropped.
#[derive(Debug)]
pub(super) struct Change<'a>(Transaction<'a>);

impl<'a> Change<'a> {
    pub(super) const fn new(transaction: Transaction<'a>) -> Self {
        Self(transaction)
    }

    /// Adds an event; `false` if its id is there already.
    pub(super) fn add(&self, seq: i64, entry: &Entry) -> Result<bool> {
        let mut statement = self.0.prepare_cached(
            "INSERT INTO event (seq, id, upload, kind, payload) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO NOTHING",
        )?;
        let added = statement.execute(params![
            seq,
            entry.event_id,
            entry.upload,
            entry.kind,
            entry.payload
        ])?;
        Ok(added > 0)
    }

    /// Adds a delivery to an event.
    pub(super) fn add_delivery(
        &self,
        seq: i64,
        sink: &str,
        state: i64,
        since: i64,
        promise: i64,
    ) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO delivery (seq, sink, state, since, promise)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute(params![seq, sink, state, since, promise])?;
        Ok(())
    }

    /// The undecided deliveries of an event are to be made.
    pub(super) fn keep(&self, seq: i64) -> Result<()> {
        self.0
            .prepare_cached("UPDATE delivery SET state = 1 WHERE seq = ?1 AND state = 0")?
            .execute([seq])?;
        Ok(())
    }

    /// Removes an event with all that belongs to it.
    pub(super) fn remove(&self, seq: i64) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM delivery WHERE seq = ?1")?
            .execute([seq])?;
        self.remove_if_done(seq)
    }

    /// Removes a delivery, and its event if it was the last one.
    pub(super) fn delivered(&self, seq: i64, sink: &str) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM delivery WHERE seq = ?1 AND sink = ?2")?
            .execute(params![seq, sink])?;
        self.remove_if_done(seq)
    }

    /// A dead letter is to be delivered again, with a deadline from now on.
    pub(super) fn replay(&self, seq: i64, sink: &str, now: i64) -> Result<()> {
        self.0
            .prepare_cached(
                "UPDATE delivery SET state = 1, attempts = 0, since = ?3
                 WHERE seq = ?1 AND sink = ?2 AND state = 2",
            )?
            .execute(params![seq, sink, now])?;
        Ok(())
    }

    fn remove_if_done(&self, seq: i64) -> Result<()> {
        self.0
            .prepare_cached(
                "DELETE FROM event WHERE seq = ?1
                 AND NOT EXISTS (SELECT 1 FROM delivery WHERE seq = ?1)",
            )?
            .execute([seq])?;
        Ok(())
    }

    /// Notes what went wrong with a delivery.
    pub(super) fn failed(&self, failed: &Failed<'_>, state: i64) -> Result<()> {
        self.0
            .prepare_cached(
                "UPDATE delivery SET state = ?3, attempts = ?4, cause = ?5, error = ?6
                 WHERE seq = ?1 AND sink = ?2 AND state = 1",
            )?
            .execute(params![
                failed.seq,
                failed.sink,
                state,
                failed.attempts,
                failed.cause,
                failed.error
            ])?;
        Ok(())
    }

    /// Decides about what a crash left undecided and a later promise for the
    /// same upload followed: of one moment the later promise stands for both,
    /// and any other moment shows that the earlier one had come.
    pub(super) fn settle_followed(&self) -> Result<()> {
        self.0.execute_batch(
            "CREATE TEMP TABLE followed AS
                 SELECT DISTINCT d.seq AS seq, EXISTS (
                     SELECT 1 FROM event later JOIN delivery l ON l.seq = later.seq
                     WHERE later.upload = e.upload AND later.kind = e.kind
                     AND later.seq > d.seq AND l.promise <> d.promise
                 ) AS again
                 FROM delivery d JOIN event e ON e.seq = d.seq
                 WHERE d.state = 0 AND EXISTS (
                     SELECT 1 FROM event later JOIN delivery l ON l.seq = later.seq
                     WHERE later.upload = e.upload AND later.seq > d.seq
                     AND l.promise <> d.promise
                 );
             UPDATE delivery SET state = 1
                 WHERE state = 0 AND seq IN (SELECT seq FROM followed WHERE NOT again);
             DELETE FROM delivery
                 WHERE state = 0 AND seq IN (SELECT seq FROM followed WHERE again);
             DELETE FROM event WHERE seq IN (SELECT seq FROM followed WHERE again)
                 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.seq = event.seq);
             DROP TABLE followed;",
        )
    }

    pub(super) fn commit(self) -> Result<()> {
        self.0.commit()
    }

    /// For the parts that change in other ways.
    pub(super) const fn connection(&self) -> &Transaction<'a> {
        &self.0
    }
}

/// A delivery that did not work.
#[derive(Debug)]
pub(super) struct Failed<'a> {
    pub(super) seq: i64,
    pub(super) sink: &'a str,
    pub(super) attempts: u32,
    pub(super) cause: &'a str,
    pub(super) error: &'a str,
}
