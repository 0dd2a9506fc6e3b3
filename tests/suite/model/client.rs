//! A client that uses a server until it goes away.

use fastrand::Rng;

use super::operation::{form, size};
use super::upload::{Known, Step, Trouble, Upload};
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

/// The client and the uploads that it made.
pub struct Client<'a> {
    pub tus: Tus,
    pub rng: Rng,
    pub refusals: &'a [Refusal],
    /// Told apart by the numbers from here on.
    pub next_salt: u64,
    pub uploads: Vec<Upload>,
}

impl Client<'_> {
    /// Goes on with `first`, then makes uploads and removes some of them.
    /// Returns when the server is gone.
    pub fn use_until_it_is_gone(&mut self, first: Option<&mut Upload>) -> Step {
        let ended = self.live(first);
        match ended {
            Err(Trouble::NoAnswer(_)) => Ok(()),
            other => other,
        }
    }

    fn live(&mut self, first: Option<&mut Upload>) -> Step {
        if let Some(upload) = first {
            self.complete(upload)?;
        }
        loop {
            let mut upload = self.new_upload();
            let ended = self.life_of(&mut upload);
            self.uploads.push(upload);
            ended?;
        }
    }

    fn new_upload(&mut self) -> Upload {
        let (refusal, more) = *self.rng.choice(self.refusals).unwrap();
        let length = match self.rng.u32(0..4) {
            0 => 0,
            1 => self.rng.u64(1..1000),
            _ => self.rng.u64(1000..600_000),
        };
        let mut upload = Upload::new(self.next_salt, length, Some(more));
        upload.refusal = refusal;
        self.next_salt += 1;
        upload
    }

    fn life_of(&mut self, upload: &mut Upload) -> Step {
        let first = self
            .rng
            .bool()
            .then(|| (size(&mut self.rng), form(&mut self.rng)));
        upload.create(&self.tus, first)?;
        if upload.exists == Known::No {
            return Ok(());
        }
        self.complete(upload)?;
        if upload.finished == Known::Yes && self.rng.bool() {
            upload.get(&self.tus)?;
        }
        if self.rng.bool() {
            upload.delete(&self.tus)?;
            upload.not_found(&self.tus, "HEAD")?;
        }
        Ok(())
    }

    fn complete(&mut self, upload: &mut Upload) -> Step {
        while upload.left() > 0 {
            // Small ones, so that there are many.
            let size = size(&mut self.rng).min(50_000);
            upload.append(&self.tus, size, form(&mut self.rng))?;
        }
        Ok(())
    }
}
