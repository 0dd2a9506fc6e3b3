//! A client that uses a server until it goes away.

use fastrand::Rng;

use super::manner::{Form, Manner};
use super::operation::size;
use super::upload::{Kind, Known, Step, Trouble, Upload};
use crate::harness::tus::Tus;

/// What the hook answers when one of the client's uploads is complete, and how
/// metadata asks for it.
type Refusal = (Option<u16>, &'static str);

/// Without a hook that refuses.
pub const AGREED: &[Refusal] = &[(None, "")];

/// With the guest `hostile`: agrees, refuses, dies, and never answers.
pub const HOSTILE: &[Refusal] = &[
    (None, ""),
    (None, ",behave-finish b2s="),
    (Some(403), ",behave-finish cmVqZWN0"),
    (Some(503), ",behave-finish dHJhcA=="),
    (Some(503), ",behave-finish bG9vcA=="),
];

/// More uploads than this make a run slow and find nothing more.
const MANY: usize = 12;

/// The client and the uploads that it knows.
pub struct Client {
    pub tus: Tus,
    pub rng: Rng,
    pub refusals: &'static [Refusal],
    pub remove_parts: bool,
    /// Told apart by the numbers from here on.
    pub next_salt: u64,
    pub uploads: Vec<Upload>,
    /// What it was doing when the server went away.
    pub doing: &'static str,
}

impl Client {
    /// Does one thing after the other. Returns when the server is gone.
    pub fn use_until_it_is_gone(&mut self) -> Step {
        loop {
            match self.do_something() {
                Ok(()) => {}
                Err(Trouble::NoAnswer(_)) => return Ok(()),
                broken => return broken,
            }
        }
    }

    fn do_something(&mut self) -> Step {
        let there = |upload: &&Upload| upload.exists == Known::Yes;
        let drawn = match self.uploads.iter().filter(there).count() {
            MANY.. => 9,
            _ => self.rng.u32(0..10),
        };
        match drawn {
            0..3 => self.create(),
            3..5 => self.append(),
            5..7 => self.finish(),
            7 if self.rng.bool() => self.concatenate(),
            7 => {
                let count = self.rng.usize(1..4);
                let lengths: Vec<u64> = (0..count).map(|_| self.rng.u64(0..300_000)).collect();
                self.concatenate_early(&lengths)
            }
            8 => self.read(),
            _ => self.terminate(),
        }
    }

    fn create(&mut self) -> Step {
        let (refusal, more) = *self.rng.choice(self.refusals).unwrap();
        let length = match self.rng.u32(0..4) {
            0 => 0,
            1 => self.rng.u64(1..1000),
            2 => self.rng.u64(1000..600_000),
            // Several buffers of the store.
            _ => self.rng.u64(600_000..3_000_000),
        };
        let mut upload = Upload::new(self.next_salt, length, Some(more));
        self.next_salt += 1;
        upload.refusal = refusal;
        if refusal.is_none() && self.rng.bool() {
            upload.kind = Kind::Partial;
        }
        if self.rng.u32(0..4) == 0 {
            upload.declared = Known::No;
        }
        let first = match self.rng.u32(0..3) {
            0 => None,
            1 => Some(size(&mut self.rng)),
            _ => Some(u64::MAX),
        };
        let manner = Manner::random(&mut self.rng);
        self.doing = "create";
        let created = upload.create(&self.tus, first, manner);
        if upload.exists != Known::No {
            self.uploads.push(upload);
        }
        created
    }

    fn append(&mut self) -> Step {
        let Some(which) = self.choose(|upload| upload.left() > 0 && !upload.is_final()) else {
            return self.create();
        };
        // Small ones, so that there are many.
        let size = size(&mut self.rng).min(50_000);
        let manner = Manner::random(&mut self.rng);
        self.doing = "append";
        self.uploads[which].append(&self.tus, size, manner)
    }

    fn finish(&mut self) -> Step {
        let unfinished = |upload: &Upload| upload.finished != Known::Yes && !upload.is_final();
        let Some(which) = self.choose(unfinished) else {
            return self.create();
        };
        let manner = Manner {
            declare: true,
            ..Manner::random(&mut self.rng).righted()
        };
        self.doing = "finish";
        self.uploads[which].append(&self.tus, u64::MAX, manner)
    }

    fn concatenate(&mut self) -> Step {
        let count = self.rng.usize(1..4);
        while self
            .uploads
            .iter()
            .filter(|part| part.is_finished_part())
            .count()
            < count
        {
            let length = self.rng.u64(0..300_000);
            let mut part = Upload::new(self.next_salt, length, Some(""));
            self.next_salt += 1;
            part.kind = Kind::Partial;
            self.doing = "create";
            let manner = Manner {
                form: Form::Chunked,
                ..Manner::PLAIN
            };
            let created = part.create(&self.tus, Some(u64::MAX), manner);
            self.uploads.push(part);
            created?;
        }
        let chosen: Vec<usize> = (0..count)
            .filter_map(|_| self.choose(Upload::is_finished_part))
            .collect();
        let parts: Vec<&Upload> = chosen.iter().map(|which| &self.uploads[*which]).collect();
        let mut whole = Upload::made_of(self.next_salt, &parts);
        self.next_salt += 1;
        self.doing = "concatenate";
        let made = whole.concatenate(&self.tus);
        if self.remove_parts {
            whole.use_up(&mut self.uploads);
        }
        self.uploads.push(whole);
        made
    }

    /// Makes one of new parts, and finishes them afterwards.
    pub fn concatenate_early(&mut self, lengths: &[u64]) -> Step {
        let first = self.uploads.len();
        for length in lengths {
            let mut part = Upload::new(self.next_salt, *length, Some(""));
            self.next_salt += 1;
            part.kind = Kind::Partial;
            part.declared = Known::No;
            self.doing = "create";
            let created = part.create(&self.tus, None, Manner::PLAIN);
            self.uploads.push(part);
            created?;
        }
        let parts: Vec<&Upload> = self.uploads[first..].iter().collect();
        let mut whole = Upload::made_of(self.next_salt, &parts);
        self.next_salt += 1;
        whole.waits = true;
        self.doing = "concatenate";
        let made = whole.concatenate(&self.tus);
        let finished = made.and_then(|()| {
            for which in first..first + lengths.len() {
                let manner = Manner {
                    declare: true,
                    ..Manner::random(&mut self.rng).righted()
                };
                self.uploads[which].append(&self.tus, u64::MAX, manner)?;
            }
            whole.head(&self.tus)?;
            whole.ensure(!whole.waits, || "its parts are finished".to_owned())
        });
        if self.remove_parts {
            whole.use_up(&mut self.uploads);
        }
        self.uploads.push(whole);
        finished
    }

    fn read(&mut self) -> Step {
        let Some(which) = self.choose(|upload| upload.finished == Known::Yes) else {
            return self.finish();
        };
        self.doing = "read";
        self.uploads[which].get(&self.tus, None)
    }

    fn terminate(&mut self) -> Step {
        let Some(which) = self.choose(|_| true) else {
            return self.create();
        };
        self.doing = "terminate";
        self.uploads[which].delete(&self.tus)?;
        self.uploads[which].not_found(&self.tus, "HEAD")
    }

    /// One of the uploads that are there and such.
    fn choose(&mut self, such: impl Fn(&Upload) -> bool) -> Option<usize> {
        let all = self.uploads.iter().enumerate();
        let there = all.filter(|(_, upload)| upload.exists == Known::Yes && such(upload));
        let indices: Vec<usize> = there.map(|(which, _)| which).collect();
        self.rng.choice(indices)
    }
}
