//! One upload as the model expects it to be.
//!
//! What a request may change is taken into account before it is sent, and what
//! its answer says afterwards: without an answer, both remain possible.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::{Body, Response};

use super::content::{content, first_difference};
use super::operation::Form;
use crate::harness::tus::{OFFSET_TYPE, Tus, header};

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

#[derive(Debug)]
pub struct Upload {
    /// The last segment of its URL; empty as long as nobody told.
    pub id: String,
    /// What tells it apart from others.
    pub salt: u64,
    pub length: u64,
    pub metadata: Option<String>,
    /// Bytes that must be there: the largest offset that was told.
    pub told: u64,
    /// Bytes that can be there: more were never sent.
    pub sent: u64,
    pub exists: Known,
    pub finished: Known,
    /// The status with which the hook refuses that it is finished.
    pub refusal: Option<u16>,
    steps: Vec<String>,
}

impl Upload {
    /// One that is not created yet. `more` is metadata behind the pair that
    /// tells uploads apart; `None` for no metadata.
    pub fn new(salt: u64, length: u64, more: Option<&str>) -> Self {
        Self {
            id: String::new(),
            salt,
            length,
            metadata: more.map(|more| format!("salt {}{more}", STANDARD.encode(salt.to_string()))),
            told: 0,
            sent: 0,
            exists: Known::No,
            finished: Known::No,
            refusal: None,
            steps: Vec::new(),
        }
    }

    pub fn note(&mut self, what: impl Into<String>) {
        self.steps.push(what.into());
    }

    /// The end of the run, with everything that happened to this upload.
    pub fn broken(&self, what: impl AsRef<str>) -> Trouble {
        let mut text = format!(
            "{}\nupload {:?} of {} bytes, told {}, sent {}, exists {:?}, finished {:?}\n",
            what.as_ref(),
            self.id,
            self.length,
            self.told,
            self.sent,
            self.exists,
            self.finished
        );
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

    pub fn bytes(&self, from: u64, length: u64) -> Vec<u8> {
        content(self.salt, from, length)
    }

    /// Nothing is under way, and the upload has as many bytes as this.
    fn settle(&mut self, offset: u64) {
        (self.told, self.sent) = (offset, offset);
    }

    /// Takes in an offset that the server told.
    pub fn learn(&mut self, offset: u64) -> Step {
        self.ensure((self.told..=self.sent).contains(&offset), || {
            format!(
                "the offset told is {offset}, expected {}..={}",
                self.told, self.sent
            )
        })?;
        self.told = offset;
        Ok(())
    }

    /// All connections are gone: what is there now is all there will be.
    pub fn nothing_is_under_way(&mut self) {
        self.sent = self.told;
    }

    /// Creates it, with its first bytes if it has some.
    pub fn create(&mut self, tus: &Tus, first: Option<(u64, Form)>) -> Step {
        let first = first.map(|(size, form)| (size.min(self.length), form));
        let size = first.map_or(0, |(size, _)| size);
        self.sent = size;
        self.exists = Known::Maybe;
        let finishes = size == self.length;
        self.expect_finish(finishes);
        let length = self.length.to_string();
        let mut headers = vec![("Upload-Length", length.as_str())];
        headers.extend(self.metadata.as_deref().map(|raw| ("Upload-Metadata", raw)));
        let body = match first {
            Some((size, form)) => {
                headers.push(("Content-Type", OFFSET_TYPE));
                body(self.bytes(0, size), form)
            }
            None => Body::from(""),
        };
        let (files, headers) = (tus.files(), headers);
        let answer = tus.try_send("POST", files, &headers, body);
        let (status, answer) = self.answer("create", answer)?;
        if finishes && self.refusal.is_some() {
            // It is removed again, since nobody knows of it.
            self.ensure(Some(status) == self.refusal, || {
                format!("answered {status}")
            })?;
            self.exists = Known::No;
            return Ok(());
        }
        self.ensure(status == 201, || format!("answered {status}"))?;
        let location = header(&answer, "location");
        location
            .rsplit('/')
            .next()
            .unwrap()
            .clone_into(&mut self.id);
        self.exists = Known::Yes;
        self.told_in(&answer, size)?;
        self.settle(size);
        if finishes {
            self.finished = Known::Yes;
        }
        Ok(())
    }

    /// Adds bytes where it ends.
    pub fn append(&mut self, tus: &Tus, size: u64, form: Form) -> Step {
        let (from, size) = (self.told, size.min(self.left()));
        let (settled, before) = (self.is_settled(), self.sent);
        let finishes = from + size == self.length && self.finished != Known::Yes;
        self.sent = self.sent.max(from + size);
        self.expect_finish(finishes);
        let answer = self.patch(tus, from, body(self.bytes(from, size), form));
        let (status, answer) = self.answer(&format!("append {size} at {from}"), answer)?;
        match status {
            204 if self.refusal.is_none() || !finishes => {
                self.told_in(&answer, from + size)?;
                if finishes {
                    self.finished = Known::Yes;
                }
                if size > 0 {
                    self.settle(from + size);
                }
                Ok(())
            }
            409 if !settled => {
                self.sent = before;
                self.learn_from(&answer)
            }
            status if finishes && Some(status) == self.refusal => {
                self.settle(self.length);
                Ok(())
            }
            other => Err(self.broken(format!("answered {other}"))),
        }
    }

    /// Tries to add bytes where it does not end.
    pub fn append_elsewhere(&mut self, tus: &Tus, by: i64) -> Step {
        let offset = if by < 0 && self.told >= by.unsigned_abs() {
            self.told - by.unsigned_abs()
        } else {
            self.sent + by.unsigned_abs()
        };
        let answer = self.patch(tus, offset, Body::from(vec![b'!'; 100]));
        let (status, answer) = self.answer(&format!("append at {offset}"), answer)?;
        self.ensure(status == 409, || format!("answered {status}"))?;
        self.learn_from(&answer)
    }

    /// Sends more than is left. Without a length to go by, what fits is stored.
    pub fn append_past_the_end(&mut self, tus: &Tus, surplus: u64, form: Form) -> Step {
        let (from, left, settled) = (self.told, self.left(), self.is_settled());
        let mut bytes = self.bytes(from, left);
        bytes.resize(bytes.len() + usize::try_from(surplus).unwrap(), b'!');
        if form == Form::Chunked {
            self.sent = self.length;
        }
        let answer = self.patch(tus, from, body(bytes, form));
        let (status, answer) =
            self.answer(&format!("append {left} + {surplus} at {from}"), answer)?;
        match status {
            409 if !settled => self.learn_from(&answer),
            413 if form == Form::Chunked => {
                self.settle(self.length);
                Ok(())
            }
            413 => Ok(()),
            other => Err(self.broken(format!("answered {other}"))),
        }
    }

    pub fn head(&mut self, tus: &Tus) -> Step {
        let answer = tus.try_send("HEAD", &self.url(tus), &[], "");
        let (status, answer) = self.answer("head", answer)?;
        if status == 404 && self.exists != Known::Yes {
            self.exists = Known::No;
            return Ok(());
        }
        self.ensure(status == 200 && self.exists != Known::No, || {
            format!("answered {status}")
        })?;
        self.exists = Known::Yes;
        self.learn_from(&answer)?;
        let length = header(&answer, "upload-length");
        self.ensure(length == self.length.to_string(), || {
            format!("Upload-Length is {length:?}")
        })?;
        let metadata = header(&answer, "upload-metadata");
        let expected = self.metadata.as_deref().unwrap_or_default();
        self.ensure(metadata == expected, || {
            format!("Upload-Metadata is {metadata:?}, expected {expected:?}")
        })
    }

    pub fn get(&mut self, tus: &Tus) -> Step {
        let answer = tus.try_send("GET", &self.url(tus), &[], "");
        let (status, answer) = self.answer("get", answer)?;
        match (status, self.finished) {
            (200, Known::Yes | Known::Maybe) => self.finished = Known::Yes,
            (409, Known::No | Known::Maybe) => {
                // A request whose connection broke may finish it later.
                return Ok(());
            }
            _ => return Err(self.broken(format!("answered {status}"))),
        }
        let bytes = answer
            .bytes()
            .map_err(|error| Trouble::NoAnswer(error.to_string()))?;
        self.ensure(bytes.len() as u64 == self.length, || {
            format!("{} bytes are served", bytes.len())
        })?;
        self.compare(&bytes)
    }

    pub fn delete(&mut self, tus: &Tus) -> Step {
        self.exists = Known::Maybe;
        let answer = tus.try_send("DELETE", &self.url(tus), &[], "");
        let (status, _) = self.answer("delete", answer)?;
        self.ensure(status == 204, || format!("answered {status}"))?;
        self.exists = Known::No;
        Ok(())
    }

    /// One that is not there is not there for anybody.
    pub fn not_found(&mut self, tus: &Tus, method: &str) -> Step {
        let answer = match method {
            "PATCH" => self.patch(tus, self.told, Body::from("!")),
            method => tus.try_send(method, &self.url(tus), &[], ""),
        };
        let (status, _) = self.answer(method, answer)?;
        self.ensure(status == 404, || format!("answered {status}"))
    }

    /// Whether these are the upload's first bytes.
    pub fn compare(&self, bytes: &[u8]) -> Step {
        let expected = self.bytes(0, bytes.len() as u64);
        match first_difference(bytes, &expected) {
            None => Ok(()),
            Some(at) => Err(self.broken(format!(
                "the byte at {at} of {} is another one; what follows is {:?}, expected {:?}",
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

    fn url(&self, tus: &Tus) -> String {
        assert!(!self.id.is_empty(), "nobody knows its URL");
        format!("{}/{}", tus.files(), self.id)
    }

    fn patch(&self, tus: &Tus, offset: u64, body: Body) -> reqwest::Result<Response> {
        let offset = offset.to_string();
        let headers = [("Upload-Offset", &*offset), ("Content-Type", OFFSET_TYPE)];
        tus.try_send("PATCH", &self.url(tus), &headers, body)
    }

    fn answer(
        &mut self,
        what: &str,
        answer: reqwest::Result<Response>,
    ) -> Result<(u16, Response), Trouble> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.note(format!("{what}: no answer"));
                return Err(Trouble::NoAnswer(format!("{error:?}")));
            }
        };
        let status = answer.status().as_u16();
        self.note(format!("{what}: {status}"));
        // What the server says when it is told to end, and never for a hook
        // that fails in this model unless that is expected.
        if status == 503 && self.refusal != Some(503) {
            return Err(Trouble::NoAnswer("503".to_owned()));
        }
        Ok((status, answer))
    }

    fn learn_from(&mut self, answer: &Response) -> Step {
        match header(answer, "upload-offset").parse() {
            Ok(offset) => self.learn(offset),
            Err(_) => Err(self.broken("no Upload-Offset")),
        }
    }

    fn told_in(&self, answer: &Response, expected: u64) -> Step {
        let offset = header(answer, "upload-offset");
        self.ensure(offset == expected.to_string(), || {
            format!("Upload-Offset is {offset:?}, expected {expected}")
        })
    }
}

fn body(bytes: Vec<u8>, form: Form) -> Body {
    match form {
        Form::Sized => Body::from(bytes),
        Form::Chunked => Body::new(std::io::Cursor::new(bytes)),
    }
}
