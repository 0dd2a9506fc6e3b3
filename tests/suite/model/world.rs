//! A server, the uploads that it should have, and everything that happens.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::client::Client;
use super::disk::Disk;
use super::operation::{Ask, Form, Operation, Stop};
use super::upload::{Known, Step, Trouble, Upload};
use crate::harness::guests::install;
use crate::harness::server::{PATIENCE, Server, Setup};
use crate::harness::tus::{OFFSET_TYPE, Tus};
use crate::harness::wire::{End, Wire};

/// More uploads than this make a run slow and find nothing more.
const MANY: usize = 12;

/// So many uploads that were removed are asked for now and then.
const REMEMBERED: usize = 12;

pub struct World {
    setup: Setup,
    server: Option<Server>,
    tus: Tus,
    pub uploads: Vec<Upload>,
    deleted: Vec<Upload>,
    /// Creations whose answer nobody got. They may exist.
    unborn: Vec<Upload>,
    kills: usize,
    guest: &'static str,
    next_salt: u64,
    refusals: &'static [(Option<u16>, &'static str)],
    step: usize,
}

impl World {
    pub fn new(refusals: &'static [(Option<u16>, &'static str)]) -> Self {
        let setup = Setup::new().with_hooks();
        install(&setup.hooks_dir(), "hostile", "guest");
        let server = setup.start();
        Self {
            tus: Tus::new(server.files()),
            server: Some(server),
            setup,
            uploads: Vec::new(),
            deleted: Vec::new(),
            unborn: Vec::new(),
            kills: 0,
            guest: "hostile",
            next_salt: 1,
            refusals,
            step: 0,
        }
    }

    /// Lets something happen, and checks what must be so afterwards.
    pub fn apply(&mut self, operation: &Operation) -> Step {
        self.step += 1;
        let touched = match *operation {
            Operation::Create {
                length,
                ref metadata,
                first,
            } => {
                self.make_room()?;
                let mut upload = self.new_upload(length, metadata.as_deref());
                upload.note(format!("step {}: {operation:?}", self.step));
                upload.create(&self.tus, first)?;
                self.uploads.push(upload);
                self.uploads.len().checked_sub(1)
            }
            Operation::CreateTorn { length, sent, end } => {
                self.make_room()?;
                self.create_torn(length, sent, end)?;
                None
            }
            Operation::AskDeleted { which, ask } => {
                self.ask_deleted(which, ask)?;
                None
            }
            Operation::Reload { guest, wait } => {
                self.reload(guest, wait);
                None
            }
            Operation::Restart {
                how,
                which,
                after,
                structure,
                sync,
                client,
            } => {
                let arguments = [
                    "--dir-structure",
                    structure,
                    if sync {
                        "--force-fsync=true"
                    } else {
                        "--force-fsync=false"
                    },
                ];
                let which = self.choose(which);
                self.restart(how, which, after, client, &arguments)?;
                None
            }
            Operation::Append { which, .. }
            | Operation::AppendElsewhere { which, .. }
            | Operation::AppendPastTheEnd { which, .. }
            | Operation::AppendNothing { which }
            | Operation::AppendTorn { which, .. }
            | Operation::Head { which }
            | Operation::Get { which }
            | Operation::Delete { which } => {
                let Some(which) = self.choose(which) else {
                    return Ok(());
                };
                self.uploads[which].note(format!("step {}: {operation:?}", self.step));
                self.apply_to(which, operation)?
            }
        };
        if let Some(upload) = touched {
            self.uploads[upload].head(&self.tus)?;
        }
        self.check_disk(touched)
    }

    /// Everything about every upload.
    pub fn check_all(&mut self) -> Step {
        for upload in &mut self.uploads {
            upload.head(&self.tus)?;
        }
        for upload in self
            .uploads
            .extract_if(.., |upload| upload.exists == Known::No)
        {
            self.deleted.push(upload);
        }
        for upload in &mut self.deleted {
            upload.not_found(&self.tus, "HEAD")?;
            // A removal that was cut short is done with; otherwise nothing is.
            upload.not_found(&self.tus, "DELETE")?;
        }
        let old = self.deleted.len().saturating_sub(REMEMBERED);
        self.deleted.drain(..old);
        for which in 0..self.uploads.len() {
            self.check_disk(Some(which))?;
        }
        self.check_disk(None)
    }

    /// Ends the server while a client uses it, and starts another one.
    pub fn restart(
        &mut self,
        how: Stop,
        which: Option<usize>,
        after: u64,
        seed: u64,
        arguments: &[&str],
    ) -> Step {
        let server = self.server.take().unwrap();
        let mut client = Client {
            tus: self.tus.clone(),
            rng: Rng::with_seed(seed),
            refusals: self.refusals,
            next_salt: self.next_salt,
            uploads: Vec::new(),
        };
        for upload in &mut self.uploads {
            upload.note(format!("step {}: {how:?} after {after} us", self.step));
        }
        let first = which.map(|which| &mut self.uploads[which]);
        let ended = std::thread::scope(|scope| {
            let using = scope.spawn(|| client.use_until_it_is_gone(first));
            std::thread::sleep(Duration::from_micros(after));
            match how {
                Stop::Kill => server.kill(),
                Stop::Terminate => assert_eq!(server.terminate().code(), Some(0)),
            }
            using.join().unwrap()
        });
        self.kills += usize::from(how == Stop::Kill);
        self.next_salt = client.next_salt;
        for upload in client.uploads {
            self.adopt(upload);
        }
        ended?;
        let server = self.setup.clone().arguments(arguments).start();
        self.tus = Tus::new(server.files());
        self.server = Some(server);
        for upload in &mut self.uploads {
            upload.head(&self.tus)?;
            upload.nothing_is_under_way();
        }
        self.check_all()
    }

    /// Removes uploads until there are not too many.
    pub fn make_room(&mut self) -> Step {
        while self.uploads.len() >= MANY {
            self.delete(0)?;
        }
        Ok(())
    }

    fn apply_to(&mut self, which: usize, operation: &Operation) -> Result<Option<usize>, Trouble> {
        let (upload, tus) = (&mut self.uploads[which], &self.tus);
        match *operation {
            Operation::Append { size, form, .. } => upload.append(tus, size, form)?,
            Operation::AppendElsewhere { by, .. } => upload.append_elsewhere(tus, by)?,
            Operation::AppendPastTheEnd { surplus, form, .. } => {
                upload.append_past_the_end(tus, surplus, form)?;
            }
            Operation::AppendNothing { .. } => upload.append(tus, 0, Form::Sized)?,
            Operation::AppendTorn {
                promised,
                sent,
                end,
                ..
            } => self.append_torn(which, promised, sent, end)?,
            Operation::Get { .. } => upload.get(tus)?,
            Operation::Delete { .. } => {
                self.delete(which)?;
                return Ok(None);
            }
            _ => {}
        }
        Ok(Some(which))
    }

    fn append_torn(&mut self, which: usize, promised: u64, sent: u64, end: End) -> Step {
        let upload = &mut self.uploads[which];
        let promised = promised.min(upload.left());
        let (from, sent) = (upload.told, sent.min(promised));
        let was_settled = upload.is_settled();
        upload.sent = upload.sent.max(from + sent);
        upload.expect_finish(from + sent == upload.length);
        let head = Wire::patch_head(
            &format!("/files/{}", upload.id),
            from,
            usize::try_from(promised).unwrap(),
        );
        let address = self.server.as_ref().unwrap().address();
        Wire::open(address, &head, &upload.bytes(from, sent)).end(end);
        if end == End::Rst || !was_settled {
            return Ok(());
        }
        self.all_is_stored(which)
    }

    fn create_torn(&mut self, length: u64, sent: u64, end: End) -> Step {
        let mut upload = self.new_upload(length, Some(""));
        upload.note(format!("step {}: torn creation, {end:?}", self.step));
        let (sent, salt) = (sent.min(length), upload.salt);
        upload.sent = sent;
        upload.expect_finish(sent == length);
        let head = format!(
            "POST /files HTTP/1.1\nHost: localhost\nTus-Resumable: 1.0.0\nUpload-Length: {length}\n\
             Upload-Metadata: {}\nContent-Type: {OFFSET_TYPE}\nContent-Length: {length}\n",
            upload.metadata.as_deref().unwrap()
        );
        let address = self.server.as_ref().unwrap().address();
        Wire::open(address, &head, &upload.bytes(0, sent)).end(end);
        upload.exists = Known::Maybe;
        self.unborn.push(upload);
        if end == End::Rst {
            return Ok(());
        }
        until_ok(|| {
            self.check_disk(None)?;
            match self.unborn.iter().find(|upload| upload.salt == salt) {
                Some(upload) => Err(upload.broken("a creation that broke off left no upload")),
                None => Ok(()),
            }
        })?;
        let found = self.uploads.iter().position(|upload| upload.salt == salt);
        found.map_or(Ok(()), |which| self.all_is_stored(which))
    }

    /// Waits until all that was sent is stored. The server is not asked, which
    /// could end what it is waited for.
    fn all_is_stored(&mut self, which: usize) -> Step {
        let data_dir = self.data_dir();
        let upload = &mut self.uploads[which];
        until_ok(|| {
            let disk = Disk::look(&data_dir).map_err(Trouble::Broken)?;
            let bytes = disk
                .data(&upload.id)
                .map_err(|error| upload.broken(error))?;
            upload.learn(bytes.len() as u64)?;
            upload.ensure(upload.is_settled(), || {
                "not all that came is stored".to_owned()
            })
        })
    }

    fn delete(&mut self, which: usize) -> Step {
        self.uploads[which].delete(&self.tus)?;
        let mut upload = self.uploads.swap_remove(which);
        let found = upload.not_found(&self.tus, "HEAD");
        self.deleted.push(upload);
        found
    }

    fn ask_deleted(&mut self, which: usize, ask: Ask) -> Step {
        let count = self.deleted.len().max(1);
        let Some(upload) = self.deleted.get_mut(which % count) else {
            return Ok(());
        };
        let method = match ask {
            Ask::Head => "HEAD",
            Ask::Get => "GET",
            Ask::Append => "PATCH",
            Ask::Delete => "DELETE",
        };
        upload.not_found(&self.tus, method)
    }

    fn reload(&mut self, guest: &'static str, wait: bool) {
        let server = self.server.as_ref().unwrap();
        let mark = server.mark();
        install(&server.hooks_dir(), guest, "guest");
        if wait && guest != self.guest {
            server.wait_for_log_after(mark, "plugin loaded");
        }
        self.guest = guest;
    }

    fn new_upload(&mut self, length: u64, metadata: Option<&str>) -> Upload {
        self.next_salt += 1;
        Upload::new(self.next_salt - 1, length, metadata)
    }

    fn choose(&self, which: usize) -> Option<usize> {
        which.checked_rem(self.uploads.len())
    }

    /// Puts the upload of a client where it belongs.
    fn adopt(&mut self, mut upload: Upload) {
        upload.note(format!("step {}: adopted", self.step));
        if !upload.id.is_empty() {
            self.uploads.push(upload);
        } else if upload.exists == Known::Maybe {
            self.unborn.push(upload);
        }
    }

    /// What lies on the disk is what must be there, and nothing else; of the
    /// upload `which`, byte for byte.
    ///
    /// A request whose connection broke may still be running: what it does is
    /// waited for.
    fn check_disk(&mut self, which: Option<usize>) -> Step {
        until_ok(|| {
            let disk = Disk::look(&self.data_dir()).map_err(Trouble::Broken)?;
            self.find_unborn(&disk);
            self.check_strangers(&disk)?;
            for upload in &self.uploads {
                check_record(upload, &disk)?;
            }
            match which {
                Some(which) => check_bytes(&self.uploads[which], &disk),
                None => Ok(()),
            }
        })
    }

    fn data_dir(&self) -> PathBuf {
        self.setup.path().join("data")
    }

    /// Creations without an answer that are there after all.
    fn find_unborn(&mut self, disk: &Disk) {
        for (id, record) in &disk.records {
            let Some(at) = self
                .unborn
                .iter()
                .position(|upload| upload.metadata == record.metadata)
            else {
                continue;
            };
            let mut upload = self.unborn.swap_remove(at);
            upload.note(format!("step {}: found as {id}", self.step));
            upload.id.clone_from(id);
            upload.exists = Known::Yes;
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
            if !self.uploads.iter().any(|upload| upload.id == *id) {
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
    upload.ensure(record.length == upload.length, || {
        format!("its record says {} bytes", record.length)
    })?;
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
    upload.ensure((upload.told..=upload.sent).contains(&stored), || {
        format!("{stored} bytes are stored")
    })?;
    upload.compare(&bytes)
}

/// Tries until it works; the last failure if it never does.
fn until_ok(mut attempt: impl FnMut() -> Step) -> Step {
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
