//! Telling how far an append is that is under way.

use tokio::time::Instant;

use super::{Cause, Uploads};
use crate::hooks::EventKind;
use crate::store::{Record, StoreError};

/// One append's news for those who want to hear of it.
pub(super) struct Progress<'a> {
    uploads: &'a Uploads,
    cause: &'a Cause<'a>,
    record: &'a Record,
    told: u64,
    /// Where the bytes end that came.
    came: u64,
    looked: Instant,
}

impl<'a> Progress<'a> {
    /// `None` if nobody wants to hear of it.
    pub(super) fn of(
        uploads: &'a Uploads,
        cause: &'a Cause<'a>,
        record: &'a Record,
        offset: u64,
    ) -> Option<Self> {
        uploads.hooks.wants(EventKind::PostReceive).then(|| Self {
            uploads,
            cause,
            record,
            told: offset,
            came: offset,
            looked: Instant::now(),
        })
    }

    /// More bytes came.
    pub(super) fn came(&mut self, bytes: usize) {
        self.came += bytes as u64;
    }

    /// When to tell of what came and was not told yet; `None` if there is none.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.told < self.came).then(|| self.looked + self.uploads.progress_interval)
    }

    /// Tells what is stored, if it is time to and that is more than before.
    pub(super) async fn look(&mut self) -> Result<(), StoreError> {
        let Self {
            uploads,
            cause,
            record,
            ..
        } = *self;
        if self.due().is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        self.looked = Instant::now();
        // Asked of the store: bytes that came may not be written yet.
        let stored = uploads.store.load(&record.id).await?.offset;
        if stored > self.told {
            self.told = stored;
            uploads.tell_progress(record, stored, cause);
        }
        Ok(())
    }
}

impl Uploads {
    /// Tells who wants to hear of it that an unfinished upload has grown.
    pub(super) fn tell_progress(&self, record: &Record, offset: u64, cause: &Cause<'_>) {
        if self.hooks.wants(EventKind::PostReceive) {
            let event = self.event(EventKind::PostReceive, record, offset, cause);
            self.hooks.progress(&event);
        }
    }
}
