//! Whether everything is as it must be: what lies on the disk, and what the
//! server says.

use std::time::{Duration, Instant};

use super::disk::Disk;
use super::upload::{Known, Step, Trouble, Upload};
use super::world::World;
use crate::harness::server::PATIENCE;

/// So many uploads that were removed are asked for now and then.
const REMEMBERED: usize = 12;

impl World {
    /// Everything about every upload.
    pub fn check_all(&mut self) -> Step {
        for upload in &mut self.uploads {
            upload.head(&self.tus)?;
        }
        self.sort_out();
        for upload in self.deleted.iter_mut().chain(&mut self.used) {
            upload.not_found(&self.tus, "HEAD")?;
            // A removal that was cut short is done with; otherwise nothing is.
            upload.not_found(&self.tus, "DELETE")?;
        }
        for which in 0..self.uploads.len() {
            self.check_disk(Some(which))?;
        }
        self.check_disk(None)?;
        let old = self.deleted.len().saturating_sub(REMEMBERED);
        self.deleted.drain(..old);
        Ok(())
    }

    /// What lies on the disk is what must be there, and nothing else; of the
    /// upload `which`, byte for byte.
    ///
    /// A request whose connection broke may still be running: what it does is
    /// waited for.
    pub(super) fn check_disk(&mut self, which: Option<usize>) -> Step {
        until_ok(|| self.check_disk_now(which))
    }

    pub(super) fn check_disk_now(&mut self, which: Option<usize>) -> Step {
        let disk = self.look()?;
        self.find_unborn(&disk);
        self.check_strangers(&disk)?;
        for upload in &self.uploads {
            check_record(upload, &disk)?;
        }
        match which {
            Some(which) => check_bytes(&self.uploads[which], &disk),
            None => Ok(()),
        }
    }

    /// Creations without an answer that are there after all.
    pub(super) fn find_unborn(&mut self, disk: &Disk) {
        for (id, record) in &disk.records {
            let unborn = |upload: &Upload| upload.metadata == record.metadata;
            let Some(at) = self.unborn.iter().position(unborn) else {
                continue;
            };
            let mut upload = self.unborn.swap_remove(at);
            upload.note(format!("step {}: found as {id}", self.step));
            upload.id.clone_from(id);
            // The bytes of one that was refused, or that a start removes, may have
            // gone before a kill came.
            if !upload.half_removed && !upload.is_final() {
                upload.exists = Known::Yes;
            }
            self.uploads.push(upload);
        }
    }

    /// Nothing is there that belongs to no upload, but for what a kill may leave
    /// behind: an empty data file and temporary files, of one request each.
    fn check_strangers(&self, disk: &Disk) -> Step {
        for id in disk.records.keys() {
            if let Some(upload) = self.deleted.iter().find(|upload| upload.id == *id) {
                return Err(upload.broken("it was removed and has a record"));
            }
            let mut known = self.uploads.iter().chain(&self.used);
            if !known.any(|upload| upload.id == *id) {
                return Err(Trouble::Broken(format!("nobody created {id}")));
            }
        }
        let not_empty = disk.strangers.values().any(|size| *size > 0);
        if not_empty || disk.strangers.len() > self.kills || disk.temporary > self.kills {
            return Err(Trouble::Broken(format!(
                "after {} kills there are {} temporary files, and without a record: {:?}",
                self.kills, disk.temporary, disk.strangers
            )));
        }
        Ok(())
    }
}

fn check_record(upload: &Upload, disk: &Disk) -> Step {
    if upload.exists != Known::Yes {
        return Ok(());
    }
    let Some(record) = disk.records.get(&upload.id) else {
        return Err(upload.broken("it has no record"));
    };
    let length = match upload.declared {
        Known::Yes => record.length == Some(upload.length) || upload.waits,
        Known::No => record.length.is_none(),
        Known::Maybe => record.length.is_none_or(|length| length == upload.length),
    };
    upload.ensure(length, || format!("its record says {:?}", record.length))?;
    upload.ensure(record.metadata == upload.metadata, || {
        format!("its record has other metadata: {:?}", record.metadata)
    })?;
    let finished = match upload.finished {
        Known::Yes => record.finished,
        Known::No => !record.finished,
        Known::Maybe => true,
    };
    upload.ensure(finished, || {
        format!("its record says finished: {}", record.finished)
    })
}

fn check_bytes(upload: &Upload, disk: &Disk) -> Step {
    if upload.exists != Known::Yes {
        return Ok(());
    }
    let bytes = disk
        .data(&upload.id)
        .map_err(|error| upload.broken(error))?;
    let stored = bytes.len() as u64;
    // Of one that was not made to its end, nobody is told how much there is.
    let most = match upload.is_final() {
        true => upload.length,
        false => upload.sent,
    };
    upload.ensure((upload.told..=most).contains(&stored), || {
        format!("{stored} bytes are stored")
    })?;
    upload.compare(&bytes)
}

/// Tries until it works; the last failure if it never does.
pub(super) fn until_ok(mut attempt: impl FnMut() -> Step) -> Step {
    let until = Instant::now() + PATIENCE / 4;
    loop {
        match attempt() {
            Err(Trouble::Broken(_)) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(2));
            }
            ended => return ended,
        }
    }
}
