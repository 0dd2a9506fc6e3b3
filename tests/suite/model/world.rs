//! A server, the uploads that it should have, and everything that happens.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fastrand::Rng;

use super::client::Client;
use super::disk::Disk;
use super::manner::{Form, Manner};
use super::operation::{Ask, Operation};
use super::upload::{Kind, Known, Step, Trouble, Upload};
use crate::harness::guests::install;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;
use crate::harness::wire::Wire;

/// More uploads than this make a run slow and find nothing more.
const MANY: usize = 14;

/// What the hook answers at the end of an upload, and how metadata asks for it.
type Refusals = &'static [(Option<u16>, &'static str)];

pub struct World {
    pub(super) setup: Setup,
    pub(super) server: Option<Server>,
    pub(super) tus: Tus,
    pub(super) uploads: Vec<Upload>,
    /// What was removed or has expired.
    pub(super) deleted: Vec<Upload>,
    /// Parts that became others.
    pub(super) used: Vec<Upload>,
    /// Creations whose answer nobody got. They may exist.
    pub(super) unborn: Vec<Upload>,
    /// An append that is taken over from.
    pub(super) held: Option<Wire>,
    pub(super) remove_parts: bool,
    pub(super) kills: usize,
    /// What clients were doing when a kill came.
    pub killed_in: BTreeMap<&'static str, usize>,
    /// The plugin that was installed last, and whether it is loaded for sure.
    pub(super) guest: (&'static str, bool),
    pub(super) next_salt: u64,
    pub(super) refusals: Refusals,
    pub(super) step: usize,
}

impl World {
    pub fn new(refusals: Refusals, remove_parts: bool) -> Self {
        let mut setup = Setup::new().with_hooks();
        // Nothing gets that old here by itself.
        setup = setup.arguments(&["--expiration", "1h", "--expiration-interval", "1s"]);
        if remove_parts {
            setup = setup.argument("--remove-parts");
        }
        install(&setup.hooks_dir(), "hostile", "guest");
        let server = setup.start();
        Self {
            tus: Tus::new(server.files()),
            server: Some(server),
            setup,
            uploads: Vec::new(),
            deleted: Vec::new(),
            used: Vec::new(),
            unborn: Vec::new(),
            held: None,
            remove_parts,
            kills: 0,
            killed_in: BTreeMap::new(),
            guest: ("hostile", true),
            next_salt: 1,
            refusals,
            step: 0,
        }
    }

    /// Lets something happen, and checks what must be so afterwards.
    pub fn apply(&mut self, operation: &Operation) -> Step {
        self.step += 1;
        self.held = None;
        self.make_room()?;
        let touched = match *operation {
            Operation::Create { .. } => self.create(operation)?,
            Operation::CreateTorn { length, sent, end } => {
                self.create_torn(length, sent, end)?;
                None
            }
            Operation::Concatenate { ref parts } => self.concatenate(parts)?,
            Operation::ConcatenateEarly { ref lengths } => {
                let mut client = self.client(0);
                let made = client.concatenate_early(lengths);
                self.take_back(client);
                made?;
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
            Operation::Restart(ref restart) => {
                self.restart(restart)?;
                None
            }
            Operation::Append { which, .. }
            | Operation::AppendElsewhere { which, .. }
            | Operation::AppendPastTheEnd { which, .. }
            | Operation::AppendTorn { which, .. }
            | Operation::Head { which }
            | Operation::Get { which, .. }
            | Operation::ConcatenateOther { which }
            | Operation::ConcatenateAgain { which }
            | Operation::Expire { which }
            | Operation::Delete { which } => {
                let Some(which) = which.checked_rem(self.uploads.len()) else {
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

    fn apply_to(&mut self, which: usize, operation: &Operation) -> Result<Option<usize>, Trouble> {
        let (upload, tus) = (&mut self.uploads[which], &self.tus);
        match *operation {
            Operation::Append { size, manner, .. } => upload.append(tus, size, manner)?,
            Operation::AppendElsewhere { by, .. } => upload.append_elsewhere(tus, by)?,
            Operation::AppendPastTheEnd {
                surplus, manner, ..
            } => upload.append_past_the_end(tus, surplus, manner)?,
            Operation::AppendTorn {
                promised,
                sent,
                end,
                manner,
                ..
            } => self.append_torn(which, promised, sent, end, manner)?,
            Operation::Get { range, .. } => {
                let range = range.filter(|_| upload.length > 0).map(|(a, b)| {
                    let (a, b) = (a % upload.length, b % upload.length);
                    a.min(b)..a.max(b) + 1
                });
                upload.get(tus, range)?;
            }
            Operation::ConcatenateOther { .. } => self.concatenate_other(which)?,
            Operation::ConcatenateAgain { .. } => self.concatenate_again(which)?,
            Operation::Expire { .. } => return self.expire(which),
            Operation::Delete { .. } => {
                self.delete(which)?;
                return Ok(None);
            }
            _ => {}
        }
        Ok(Some(which))
    }

    fn create(&mut self, operation: &Operation) -> Result<Option<usize>, Trouble> {
        let Operation::Create {
            length,
            ref metadata,
            first,
            manner,
            partial,
            deferred,
        } = *operation
        else {
            return Ok(None);
        };
        let mut upload = self.new_upload(length, metadata.as_deref());
        upload.note(format!("step {}: {operation:?}", self.step));
        if partial {
            upload.kind = Kind::Partial;
        }
        if deferred {
            upload.declared = Known::No;
        }
        upload.create(&self.tus, first, manner)?;
        if upload.exists == Known::No {
            return Ok(None);
        }
        self.uploads.push(upload);
        Ok(self.uploads.len().checked_sub(1))
    }

    /// Makes one of several, which are made before if there are none.
    fn concatenate(&mut self, drawn: &[usize]) -> Result<Option<usize>, Trouble> {
        let ready = |uploads: &[Upload]| -> Vec<usize> {
            let all = uploads.iter().enumerate();
            let ready = all.filter(|(_, upload)| upload.is_finished_part());
            ready.map(|(which, _)| which).collect()
        };
        while ready(&self.uploads).len() < drawn.len() {
            let length = (drawn[0] % 400_000) as u64;
            let mut part = self.new_upload(length, None);
            part.note(format!("step {}: a part", self.step));
            part.kind = Kind::Partial;
            let manner = Manner {
                form: Form::Chunked,
                ..Manner::PLAIN
            };
            part.create(&self.tus, Some(u64::MAX), manner)?;
            self.uploads.push(part);
        }
        let ready = ready(&self.uploads);
        let parts: Vec<&Upload> = drawn
            .iter()
            .map(|drawn| &self.uploads[ready[drawn % ready.len()]])
            .collect();
        let mut whole = Upload::made_of(self.next_salt, &parts);
        self.next_salt += 1;
        whole.note(format!("step {}: of {} parts", self.step, drawn.len()));
        whole.concatenate(&self.tus)?;
        if self.remove_parts {
            whole.use_up(&mut self.uploads);
        }
        self.uploads.push(whole);
        self.sort_out();
        Ok(self.uploads.len().checked_sub(1))
    }

    /// Tries to make one of what is no finished part.
    fn concatenate_other(&mut self, which: usize) -> Step {
        let other = &self.uploads[which];
        if other.kind == Kind::Partial {
            // It would wait.
            return Ok(());
        }
        let expected = 400;
        let mut whole = Upload::made_of(self.next_salt, &[other]);
        match whole.concatenate(&self.tus) {
            Err(Trouble::Broken(text)) if text.contains(&format!("answered {expected} ")) => Ok(()),
            Err(other) => Err(other),
            Ok(()) => Err(whole.broken(format!("it was made, expected {expected}"))),
        }
    }

    /// Who asks again for what was made of parts that are gone is told where
    /// it is.
    fn concatenate_again(&mut self, which: usize) -> Step {
        let made = &self.uploads[which];
        if !self.remove_parts
            || !made.is_final()
            || made.finished != Known::Yes
            || made.half_removed
        {
            return Ok(());
        }
        let mut again = made.clone();
        again.concatenate(&self.tus)?;
        again.ensure(again.id == made.id, || format!("expected {}", made.id))
    }

    pub(super) fn delete(&mut self, which: usize) -> Step {
        self.uploads[which].delete(&self.tus)?;
        let gone = self.uploads[which].not_found(&self.tus, "HEAD");
        self.sort_out();
        gone
    }

    /// Removes uploads until there are not too many.
    fn make_room(&mut self) -> Step {
        while self.uploads.len() >= MANY {
            self.delete(0)?;
        }
        Ok(())
    }

    fn ask_deleted(&mut self, which: usize, ask: Ask) -> Step {
        let gone = self.deleted.iter_mut().chain(&mut self.used);
        let mut gone: Vec<_> = gone.collect();
        let count = gone.len().max(1);
        let Some(upload) = gone.get_mut(which % count) else {
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
        let (before, is_loaded) = self.guest;
        let wait = wait && is_loaded;
        if wait && guest != before {
            server.wait_for_log_after(mark, "plugin loaded");
        }
        self.guest = (guest, wait);
    }

    pub(super) fn new_upload(&mut self, length: u64, metadata: Option<&str>) -> Upload {
        self.next_salt += 1;
        Upload::new(self.next_salt - 1, length, metadata)
    }

    /// Puts every upload where it belongs.
    pub(super) fn sort_out(&mut self) {
        let nobody_knows = |upload: &mut Upload| upload.id.is_empty();
        let unborn = self.uploads.extract_if(.., nobody_knows);
        let unborn = unborn.filter(|upload| upload.exists == Known::Maybe);
        self.unborn.extend(unborn);
        let gone = |upload: &mut Upload| upload.exists == Known::No;
        for upload in self.uploads.extract_if(.., gone) {
            match upload.used_by {
                Some(_) => self.used.push(upload),
                None => self.deleted.push(upload),
            }
        }
        // What is left of a part goes with the whole.
        let is_there = |id: &str| self.uploads.iter().any(|upload| upload.id == id);
        let left = self
            .used
            .extract_if(.., |part| !part.used_by.as_deref().is_some_and(is_there));
        self.deleted.extend(left);
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.setup.path().join("data")
    }

    pub(super) fn look(&self) -> Result<Disk, Trouble> {
        let mut looks = (0..50).map(|_| Disk::look(&self.data_dir()));
        // Something may go away under a look.
        let seen = looks.find(Result::is_ok);
        seen.unwrap_or_else(|| Disk::look(&self.data_dir()))
            .map_err(Trouble::Broken)
    }

    /// A client that has all uploads, until they are taken back.
    pub(super) fn client(&mut self, seed: u64) -> Client {
        Client {
            tus: self.tus.clone(),
            rng: Rng::with_seed(seed),
            refusals: self.refusals,
            remove_parts: self.remove_parts,
            next_salt: self.next_salt,
            uploads: std::mem::take(&mut self.uploads),
            doing: "nothing",
        }
    }

    pub(super) fn take_back(&mut self, client: Client) {
        self.next_salt = client.next_salt;
        self.uploads = client.uploads;
        self.sort_out();
    }
}
