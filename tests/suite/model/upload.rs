//! One upload as the model expects it to be.
//!
//! What a request may change is taken into account before it is sent, and what
//! its answer says afterwards: without an answer, both remain possible.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::content::{content, first_difference};

/// Why a step did not go as it should.
#[derive(Debug)]
pub enum Trouble {
    /// The server went away before it answered, or said that it goes.
    NoAnswer(String),
    /// A promise is broken.
    Broken(String),
}

pub type Step = Result<(), Trouble>;

/// Something that is so, or not, or was not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    No,
    Maybe,
    Yes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Whole,
    Partial,
    /// Made of parts, by this `Upload-Concat`.
    Final {
        header: String,
        parts: Vec<String>,
    },
}

#[derive(Debug, Clone)]
pub struct Upload {
    /// The last segment of its URL; empty as long as nobody told.
    pub id: String,
    /// What tells it apart from others.
    pub salt: u64,
    pub kind: Kind,
    pub length: u64,
    /// Whether the server was told the length.
    pub declared: Known,
    pub metadata: Option<String>,
    /// Bytes that must be there: the largest offset that was told.
    pub told: u64,
    /// Bytes that can be there: more were never sent.
    pub sent: u64,
    /// What is behind this comes all together or not at all.
    atomic: Option<u64>,
    /// Whether a request whose connection broke may still come up.
    pub disturbed: bool,
    pub exists: Known,
    pub finished: Known,
    /// It is not there because it expired.
    pub expired: bool,
    /// It is not there because it became part of this upload.
    pub used_by: Option<String>,
    /// Whether it was made before its parts were finished, and not seen
    /// finished since.
    pub waits: bool,
    /// Whether its removal may have begun.
    pub half_removed: bool,
    /// The status with which the hook refuses that it is finished.
    pub refusal: Option<u16>,
    /// What its bytes are: so many of the content of each salt.
    pieces: Vec<(u64, u64)>,
    steps: Vec<String>,
}

impl Upload {
    /// One that is not created yet. `more` is metadata behind the pair that
    /// tells uploads apart; `None` for no metadata.
    pub fn new(salt: u64, length: u64, more: Option<&str>) -> Self {
        Self {
            id: String::new(),
            salt,
            kind: Kind::Whole,
            length,
            declared: Known::Yes,
            metadata: more.map(|more| format!("salt {}{more}", STANDARD.encode(salt.to_string()))),
            told: 0,
            sent: 0,
            atomic: None,
            disturbed: false,
            exists: Known::No,
            finished: Known::No,
            expired: false,
            used_by: None,
            waits: false,
            half_removed: false,
            refusal: None,
            pieces: vec![(salt, length)],
            steps: Vec::new(),
        }
    }

    /// One that is to be made of these.
    pub fn made_of(salt: u64, parts: &[&Self]) -> Self {
        let ids: Vec<_> = parts.iter().map(|part| part.id.clone()).collect();
        let header = format!("final;/files/{}", ids.join(" /files/"));
        let mut whole = Self::new(salt, 0, Some(""));
        whole.length = parts.iter().map(|part| part.length).sum();
        whole.pieces = parts.iter().flat_map(|part| part.pieces.clone()).collect();
        whole.kind = Kind::Final { header, parts: ids };
        whole
    }

    /// Takes away what it was made of, if the server removes parts. What nobody
    /// answered may have come that far, or not.
    pub fn use_up(&self, uploads: &mut [Self]) {
        let Kind::Final { parts, .. } = &self.kind else {
            return;
        };
        for part in uploads.iter_mut().filter(|part| parts.contains(&part.id)) {
            part.note(format!(
                "part of {:?}, which exists: {:?}",
                self.id, self.exists
            ));
            if self.exists == Known::Yes && !self.waits {
                part.exists = Known::No;
                part.used_by = Some(self.id.clone());
            } else {
                part.exists = Known::Maybe;
            }
        }
    }

    pub fn is_final(&self) -> bool {
        matches!(self.kind, Kind::Final { .. })
    }

    /// Whether it can be a part.
    pub fn is_finished_part(&self) -> bool {
        (&self.kind, self.finished, self.exists) == (&Kind::Partial, Known::Yes, Known::Yes)
    }

    pub fn note(&mut self, what: impl Into<String>) {
        self.steps.push(what.into());
    }

    /// The end of the run, with everything that happened to this upload.
    pub fn broken(&self, what: impl AsRef<str>) -> Trouble {
        let mut text = format!("{}\n", what.as_ref());
        let short = Self {
            steps: Vec::new(),
            ..self.clone()
        };
        writeln!(text, "{short:?}").unwrap();
        for step in &self.steps {
            writeln!(text, "  {step}").unwrap();
        }
        Trouble::Broken(text)
    }

    pub fn ensure(&self, holds: bool, what: impl FnOnce() -> String) -> Step {
        if holds {
            Ok(())
        } else {
            Err(self.broken(what()))
        }
    }

    pub fn is_settled(&self) -> bool {
        self.told == self.sent
    }

    pub fn left(&self) -> u64 {
        self.length - self.told
    }

    /// The bytes from `from` on.
    pub fn bytes(&self, from: u64, length: u64) -> Vec<u8> {
        let (mut bytes, mut start) = (Vec::new(), 0);
        for (salt, size) in &self.pieces {
            let (first, end) = (from.max(start), (from + length).min(start + size));
            if first < end {
                bytes.extend(content(*salt, first - start, end - first));
            }
            start += size;
        }
        bytes
    }

    /// Bytes up to `to` are about to be sent; stored together or not at all, if
    /// `atomic`.
    pub fn is_sent(&mut self, to: u64, atomic: bool) {
        self.atomic = (atomic && self.is_settled()).then_some(self.told);
        self.sent = self.sent.max(to);
    }

    /// Nothing is under way, and the upload has as many bytes as this.
    pub fn settle(&mut self, offset: u64) {
        (self.told, self.sent, self.atomic) = (offset, offset, None);
    }

    /// Takes in an offset that the server told.
    pub fn learn(&mut self, offset: u64) -> Step {
        let torn = self
            .atomic
            .is_some_and(|from| from < offset && offset < self.sent);
        let possible = (self.told..=self.sent).contains(&offset) && !torn;
        self.ensure(possible, || {
            let (told, sent) = (self.told, self.sent);
            match torn {
                true => format!("the offset told is {offset}, in the midst of {told}..={sent}"),
                false => format!("the offset told is {offset}, expected {told}..={sent}"),
            }
        })?;
        self.told = offset;
        Ok(())
    }

    /// The server is killed. What fits one buffer of the store is verified
    /// before it is written; a kill may leave a beginning of it.
    pub fn may_be_cut_by_a_kill(&mut self) {
        if self.sent - self.told <= 1 << 20 {
            self.atomic = None;
        }
    }

    /// What was about to happen did not.
    pub fn undo(&mut self, before: &Self) {
        self.sent = before.sent;
        self.atomic = before.atomic;
        self.declared = before.declared;
        self.finished = before.finished;
    }

    /// All connections are gone: what is there now is all there will be.
    pub fn nothing_is_under_way(&mut self) {
        self.settle(self.told);
        self.disturbed = false;
        // HEAD would have told the length. Whether an upload of which all bytes
        // are there is finished, it does not tell.
        if self.declared == Known::Maybe {
            self.declared = Known::No;
        }
        if self.finished == Known::Maybe && (self.left() > 0 || self.declared == Known::No) {
            self.finished = Known::No;
        }
    }

    /// Whether these are the upload's first bytes.
    pub fn compare(&self, bytes: &[u8]) -> Step {
        self.compare_from(0, bytes)
    }

    /// Whether these are the upload's bytes from `from` on.
    pub fn compare_from(&self, from: u64, bytes: &[u8]) -> Step {
        let expected = self.bytes(from, bytes.len() as u64);
        self.ensure(bytes.len() <= expected.len(), || {
            "too many bytes".to_owned()
        })?;
        match first_difference(bytes, &expected) {
            None => Ok(()),
            Some(at) => Err(self.broken(format!(
                "the byte at {from} + {at} of {} is another one; what follows is {:?}, expected {:?}",
                bytes.len(),
                &bytes[at..bytes.len().min(at + 16)],
                &expected[at..bytes.len().min(at + 16)],
            ))),
        }
    }

    /// If `finishes`, the upload may be finished from now on.
    pub fn expect_finish(&mut self, finishes: bool) {
        if finishes && self.finished == Known::No && self.refusal.is_none() {
            self.finished = Known::Maybe;
        }
    }
}
