//! Requests whose connection breaks in the middle.

use super::inspect::until_ok;
use super::manner::Manner;
use super::upload::{Known, Step};
use super::world::World;
use crate::harness::tus::OFFSET_TYPE;
use crate::harness::wire::{End, Wire};

impl World {
    /// Promises bytes and sends some of them. Without `end` the connection
    /// stays open until the next operation.
    pub(super) fn append_torn(
        &mut self,
        which: usize,
        promised: u64,
        sent: u64,
        end: Option<End>,
        manner: Manner,
    ) -> Step {
        let upload = &mut self.uploads[which];
        if upload.is_final() {
            return Ok(());
        }
        let manner = upload.to_declare(manner);
        let promised = promised.min(upload.left());
        let (from, sent) = (upload.told, sent.min(promised));
        let was_settled = upload.is_settled() && !upload.disturbed;
        let keeps = manner.keeps_torn(promised, sent);
        if keeps {
            upload.is_sent(from + sent, manner.check.is_some());
            let declared = manner.declare || upload.declared != Known::No;
            upload.expect_finish(declared && from + sent == upload.length);
            upload.may_be_declared(manner);
        }
        let mut head = format!(
            "PATCH /files/{} HTTP/1.1\nHost: localhost\nTus-Resumable: 1.0.0\n\
             Upload-Offset: {from}\nContent-Type: {OFFSET_TYPE}\n",
            upload.id
        );
        if manner.declare {
            head += &format!("Upload-Length: {}\n", upload.length);
        }
        let promised = upload.bytes(from, promised);
        let (head, body) = manner.torn(&head, &promised, usize::try_from(sent).unwrap());
        let address = self.server.as_ref().unwrap().address();
        let wire = Wire::open(address, &head, &body);
        match end {
            Some(end) => wire.end(end),
            None => self.held = Some(wire),
        }
        if end == Some(End::Fin) && was_settled && keeps {
            self.all_is_stored(which)
        } else {
            self.uploads[which].disturbed = true;
            Ok(())
        }
    }

    pub(super) fn create_torn(&mut self, length: u64, sent: u64, end: End) -> Step {
        let mut upload = self.new_upload(length, Some(""));
        upload.note(format!("step {}: torn creation, {end:?}", self.step));
        let (sent, salt) = (sent.min(length), upload.salt);
        upload.is_sent(sent, false);
        upload.expect_finish(sent == length);
        let head = format!(
            "POST /files HTTP/1.1\nHost: localhost\nTus-Resumable: 1.0.0\nUpload-Length: {length}\n\
             Upload-Metadata: {}\nContent-Type: {OFFSET_TYPE}\nContent-Length: {length}\n",
            upload.metadata.as_deref().unwrap()
        );
        let address = self.server.as_ref().unwrap().address();
        Wire::open(address, &head, &upload.bytes(0, sent)).end(end);
        upload.exists = Known::Maybe;
        upload.disturbed = true;
        self.unborn.push(upload);
        if end == End::Rst {
            return Ok(());
        }
        until_ok(|| {
            self.check_disk_now(None)?;
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
        until_ok(|| {
            let disk = self.look()?;
            let upload = &mut self.uploads[which];
            let bytes = disk
                .data(&upload.id)
                .map_err(|error| upload.broken(error))?;
            upload.learn(bytes.len() as u64)?;
            upload.ensure(upload.is_settled(), || {
                "not all that came is stored".to_owned()
            })
        })
    }
}
