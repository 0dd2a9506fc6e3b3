//! What is added to an upload, and what must come of it.

use super::manner::{Answer, Form, Manner};
use super::upload::{Known, Step, Upload};
use crate::harness::tus::Tus;

impl Upload {
    /// Adds bytes where it ends.
    pub fn append(&mut self, tus: &Tus, size: u64, manner: Manner) -> Step {
        if self.is_final() {
            return self.append_to_final(tus);
        }
        let manner = self.to_declare(manner);
        let (from, size) = (self.told, size.min(self.left()));
        let before = self.clone();
        let right = manner.is_right();
        let declared = manner.declare || self.declared == Known::Yes;
        let finishes =
            right && declared && from + size == self.length && self.finished != Known::Yes;
        if right {
            self.is_sent(from + size, manner.check.is_some());
            self.expect_finish(finishes);
            self.may_be_declared(manner);
        }
        let answer = self.patch(tus, from, self.bytes(from, size), manner);
        let answer = self.answer(&format!("append {size} at {from} {manner:?}"), answer)?;
        match answer.status {
            204 if right && (self.refusal.is_none() || !finishes) => {
                self.told_in(&answer, from + size)?;
                if finishes {
                    self.finished = Known::Yes;
                }
                self.is_stored(from + size, size, manner);
                Ok(())
            }
            460 if !right => Ok(()),
            409 if !before.is_settled() => self.is_elsewhere(&before, &answer),
            // By the request whose connection broke.
            423 if before.disturbed => Ok(()),
            status if finishes && Some(status) == self.refusal => {
                self.is_stored(self.length, self.length, manner);
                Ok(())
            }
            other => Err(self.broken(format!("answered {other}"))),
        }
    }

    /// Tries to add bytes where it does not end.
    pub fn append_elsewhere(&mut self, tus: &Tus, by: i64) -> Step {
        if self.is_final() {
            return self.append_to_final(tus);
        }
        let offset = if by < 0 && self.told >= by.unsigned_abs() {
            self.told - by.unsigned_abs()
        } else {
            self.sent + by.unsigned_abs()
        };
        let answer = self.patch(tus, offset, vec![b'!'; 100], Manner::PLAIN);
        let answer = self.answer(&format!("append at {offset}"), answer)?;
        self.ensure(answer.status == 409, || {
            format!("answered {}", answer.status)
        })?;
        self.learn_from(&answer)
    }

    /// Sends more than is left. Without a length to go by, what fits is stored,
    /// unless there is a checksum.
    pub fn append_past_the_end(&mut self, tus: &Tus, surplus: u64, manner: Manner) -> Step {
        if self.is_final() {
            return self.append_to_final(tus);
        }
        let manner = Manner {
            declare: manner.declare || self.declared != Known::Yes,
            ..manner
        };
        let before = self.clone();
        let (from, left) = (self.told, self.left());
        let mut bytes = self.bytes(from, left);
        bytes.resize(bytes.len() + usize::try_from(surplus).unwrap(), b'!');
        let fits = manner.form == Form::Chunked && manner.check.is_none();
        if fits {
            self.is_sent(self.length, false);
            self.may_be_declared(manner);
        }
        let answer = self.patch(tus, from, bytes, manner);
        let what = format!("append {left} + {surplus} at {from} {manner:?}");
        let answer = self.answer(&what, answer)?;
        match answer.status {
            409 if !before.is_settled() => self.is_elsewhere(&before, &answer),
            423 if before.disturbed => Ok(()),
            413 if fits => {
                self.is_stored(self.length, left, manner);
                Ok(())
            }
            413 => Ok(()),
            other => Err(self.broken(format!("answered {other}"))),
        }
    }

    fn append_to_final(&mut self, tus: &Tus) -> Step {
        let answer = self.patch(tus, self.told, b"!".to_vec(), Manner::PLAIN);
        let answer = self.answer("append to a final upload", answer)?;
        self.ensure(answer.status == 403, || {
            format!("answered {}", answer.status)
        })
    }

    /// Says the length too, if a request that is not seen to its end may have
    /// said it.
    pub fn to_declare(&self, manner: Manner) -> Manner {
        Manner {
            declare: manner.declare || self.declared == Known::Maybe,
            ..manner
        }
    }

    /// The length is about to be said.
    pub fn may_be_declared(&mut self, manner: Manner) {
        if manner.declare && self.declared == Known::No {
            self.declared = Known::Maybe;
        }
    }

    fn is_stored(&mut self, offset: u64, size: u64, manner: Manner) {
        if size > 0 {
            self.settle(offset);
        }
        if manner.declare {
            self.declared = Known::Yes;
        }
    }

    /// The answer was that the upload ends elsewhere: nothing has changed.
    fn is_elsewhere(&mut self, before: &Self, answer: &Answer) -> Step {
        self.undo(before);
        self.learn_from(answer)
    }

    pub(super) fn patch(
        &self,
        tus: &Tus,
        offset: u64,
        bytes: Vec<u8>,
        manner: Manner,
    ) -> Result<Answer, String> {
        let mut fields = vec![("Upload-Offset", offset.to_string())];
        if manner.declare {
            fields.push(("Upload-Length", self.length.to_string()));
        }
        manner.send(tus, "PATCH", &self.url(tus), &fields, bytes)
    }
}
