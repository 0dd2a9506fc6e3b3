//! What is asked about an upload as a whole, and what must come of it.

use std::ops::Range;

use super::manner::{Answer, Form, Manner};
use super::upload::{Kind, Known, Step, Trouble, Upload};
use crate::harness::tus::Tus;

impl Upload {
    /// Creates it, with its first bytes if it has some.
    pub fn create(&mut self, tus: &Tus, first: Option<u64>, manner: Manner) -> Step {
        let size = first.map_or(0, |size| size.min(self.length));
        // Without a body nothing is checked.
        let has_body = first.is_some() && (size > 0 || manner.form == Form::Chunked);
        let right = manner.is_right() || !has_body;
        let finishes = right && self.declared == Known::Yes && size == self.length;
        if right {
            self.is_sent(size, manner.check.is_some());
        }
        let refused = if right { self.refusal } else { Some(460) };
        let refused = refused.filter(|_| finishes || !right);
        self.exists = Known::Maybe;
        self.half_removed = refused.is_some();
        self.expect_finish(finishes);
        let mut fields = match self.declared {
            Known::Yes => vec![("Upload-Length", self.length.to_string())],
            _ => vec![("Upload-Defer-Length", "1".to_owned())],
        };
        if self.kind == Kind::Partial {
            fields.push(("Upload-Concat", "partial".to_owned()));
        }
        fields.extend(self.metadata.clone().map(|raw| ("Upload-Metadata", raw)));
        let answer = match first {
            Some(_) => manner.send(tus, "POST", tus.files(), &fields, self.bytes(0, size)),
            None => send(tus, "POST", tus.files(), &fields),
        };
        let answer = self.answer(&format!("create with {first:?} {manner:?}"), answer)?;
        if refused.is_some() {
            // It is removed again, since nobody knows of it.
            self.expect(&answer, refused)?;
            self.exists = Known::No;
            return Ok(());
        }
        self.is_created(&answer, size, finishes)
    }

    /// Makes it of its parts, at once or when they are finished.
    pub fn concatenate(&mut self, tus: &Tus) -> Step {
        let Kind::Final { header, .. } = &self.kind else {
            panic!("it is not made of parts");
        };
        let mut fields = vec![("Upload-Concat", header.clone())];
        fields.extend(self.metadata.clone().map(|raw| ("Upload-Metadata", raw)));
        self.sent = self.length;
        self.exists = Known::Maybe;
        self.expect_finish(true);
        let answer = send(tus, "POST", tus.files(), &fields);
        let answer = self.answer("concatenate", answer)?;
        if !self.waits {
            return self.is_created(&answer, self.length, true);
        }
        self.is_named(&answer)?;
        let offset = answer.header("upload-offset");
        self.ensure(offset.is_empty(), || format!("its offset is {offset}"))
    }

    fn is_created(&mut self, answer: &Answer, size: u64, finishes: bool) -> Step {
        self.is_named(answer)?;
        self.told_in(answer, size)?;
        self.settle(size);
        if finishes {
            self.finished = Known::Yes;
        }
        Ok(())
    }

    fn is_named(&mut self, answer: &Answer) -> Step {
        self.expect(answer, Some(201))?;
        let location = answer.header("location");
        let id = location.rsplit('/').next().unwrap();
        id.clone_into(&mut self.id);
        self.note(format!("its id is {id}"));
        self.exists = Known::Yes;
        Ok(())
    }

    /// Asks how far it is. It may have expired, or may never have been there,
    /// if nobody knows that it exists.
    pub fn head(&mut self, tus: &Tus) -> Step {
        let answer = self.answer("head", send(tus, "HEAD", &self.url(tus), &[]))?;
        if matches!(answer.status, 404 | 410) && self.exists != Known::Yes {
            self.exists = Known::No;
            self.expired |= answer.status == 410;
            return Ok(());
        }
        self.expect(&answer, Some(200))?;
        self.ensure(self.exists != Known::No, || "it is there".to_owned())?;
        self.exists = Known::Yes;
        let offset = answer.header("upload-offset");
        if !self.is_final() {
            self.learn_from(&answer)?;
        } else if offset.is_empty() {
            let unfinished = self.finished != Known::Yes;
            self.ensure(unfinished, || "it is finished and has no offset".to_owned())?;
        } else {
            self.ensure(offset == self.length.to_string(), || {
                format!("its offset is {offset}")
            })?;
            self.settle(self.length);
            self.finished = Known::Yes;
            self.waits = false;
        }
        self.has_told_length(&answer)?;
        let concat = match &self.kind {
            Kind::Whole => "",
            Kind::Partial => "partial",
            Kind::Final { header, .. } => header,
        };
        let metadata = self.metadata.as_deref().unwrap_or_default();
        for (name, expected) in [("upload-metadata", metadata), ("upload-concat", concat)] {
            let value = answer.header(name);
            self.ensure(value == expected, || {
                format!("{name} is {value:?}, expected {expected:?}")
            })?;
        }
        Ok(())
    }

    fn has_told_length(&mut self, answer: &Answer) -> Step {
        let length = answer.header("upload-length");
        let deferred = answer.header("upload-defer-length");
        let (possible, other) = match (length, deferred) {
            ("", "1") => (self.declared != Known::Yes || self.waits, self.declared),
            (number, "") => (
                number == self.length.to_string() && self.declared != Known::No,
                Known::Yes,
            ),
            _ => (false, self.declared),
        };
        self.ensure(possible, || {
            format!("Upload-Length is {length:?}, Upload-Defer-Length {deferred:?}")
        })?;
        self.declared = other;
        Ok(())
    }

    /// Reads it, or a part of it.
    pub fn get(&mut self, tus: &Tus, range: Option<Range<u64>>) -> Step {
        let mut fields = Vec::new();
        if let Some(range) = &range {
            fields.push(("Range", format!("bytes={}-{}", range.start, range.end - 1)));
        }
        let answer = send(tus, "GET", &self.url(tus), &fields);
        let answer = self.answer(&format!("get {range:?}"), answer)?;
        let success = if range.is_some() { 206 } else { 200 };
        match (answer.status, self.finished) {
            (status, Known::Yes | Known::Maybe) if status == success => self.finished = Known::Yes,
            // A request whose connection broke may finish it later.
            (409, Known::No | Known::Maybe) => return Ok(()),
            (status, _) => return Err(self.broken(format!("answered {status}"))),
        }
        let range = range.unwrap_or(0..self.length);
        let (found, expected) = (answer.body.len() as u64, range.end - range.start);
        self.ensure(found == expected, || {
            format!("{found} bytes are served of {range:?}")
        })?;
        self.compare_from(range.start, &answer.body)
    }

    pub fn delete(&mut self, tus: &Tus) -> Step {
        self.exists = Known::Maybe;
        self.half_removed = true;
        let answer = self.answer("delete", send(tus, "DELETE", &self.url(tus), &[]))?;
        self.expect(&answer, Some(204))?;
        self.exists = Known::No;
        Ok(())
    }

    /// One that is not there is not there for anybody.
    pub fn not_found(&mut self, tus: &Tus, method: &str) -> Step {
        let answer = match method {
            "PATCH" => self.patch(tus, self.told, b"!".to_vec(), Manner::PLAIN),
            method => send(tus, method, &self.url(tus), &[]),
        };
        let answer = self.answer(&format!("{method} of what is gone"), answer)?;
        // What has expired is remembered for as long as the server lives.
        let possible = answer.status == 404 || self.expired && answer.status == 410;
        self.ensure(possible, || format!("answered {}", answer.status))
    }

    pub(super) fn url(&self, tus: &Tus) -> String {
        assert!(!self.id.is_empty(), "nobody knows its URL");
        format!("{}/{}", tus.files(), self.id)
    }

    /// Takes down the answer to a request.
    pub(super) fn answer(
        &mut self,
        what: &str,
        answer: Result<Answer, String>,
    ) -> Result<Answer, Trouble> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.note(format!("{what}: no answer"));
                return Err(Trouble::NoAnswer(error));
            }
        };
        self.note(format!("{what}: {}", answer.status));
        // What the server says when it is told to end, and never for a hook
        // that fails in this model unless that is expected.
        if answer.status == 503 && self.refusal != Some(503) {
            return Err(Trouble::NoAnswer("503".to_owned()));
        }
        Ok(answer)
    }

    fn expect(&self, answer: &Answer, status: Option<u16>) -> Step {
        self.ensure(Some(answer.status) == status, || {
            let text = String::from_utf8_lossy(&answer.body);
            format!("answered {} {text:?}, expected {status:?}", answer.status)
        })
    }

    pub(super) fn learn_from(&mut self, answer: &Answer) -> Step {
        match answer.header("upload-offset").parse() {
            Ok(offset) => self.learn(offset),
            Err(_) => Err(self.broken("no Upload-Offset")),
        }
    }

    pub(super) fn told_in(&self, answer: &Answer, expected: u64) -> Step {
        let offset = answer.header("upload-offset");
        self.ensure(offset == expected.to_string(), || {
            format!("Upload-Offset is {offset:?}, expected {expected}")
        })
    }
}

/// A request without a body.
fn send(tus: &Tus, method: &str, url: &str, fields: &[(&str, String)]) -> Result<Answer, String> {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    Answer::read(tus.try_send(method, url, &fields, ""))
}
