//! In which manner bytes are sent: how a body says where it ends, and whether
//! it has a checksum.

use std::fmt::Write as _;
use std::io::{Cursor, Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use reqwest::blocking::{Body, Response};
use reqwest::header::HeaderMap;
use sha2::Digest as _;

use crate::harness::server::PATIENCE;
use crate::harness::tus::{OFFSET_TYPE, Tus};

/// How a body says its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `Content-Length`.
    Sized,
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// A checksum that comes with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    algorithm: &'static str,
    /// Whether it is that of the bytes.
    pub right: bool,
    /// Whether it comes after a chunked body, in the trailers.
    pub late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    pub form: Form,
    pub check: Option<Check>,
    /// Whether the upload's length is said along with it.
    pub declare: bool,
}

const ALGORITHMS: [&str; 5] = ["sha1", "sha256", "sha512", "md5", "crc32c"];

impl Manner {
    /// `Content-Length` and nothing else.
    pub const PLAIN: Self = Self {
        form: Form::Sized,
        check: None,
        declare: false,
    };

    pub fn random(rng: &mut Rng) -> Self {
        let check = (rng.u32(0..3) == 0).then(|| Check {
            algorithm: rng.choice(ALGORITHMS).unwrap(),
            right: rng.u32(0..3) > 0,
            late: rng.u32(0..3) == 0,
        });
        let late = check.is_some_and(|check| check.late);
        Self {
            form: if late || rng.u32(0..3) == 0 {
                Form::Chunked
            } else {
                Form::Sized
            },
            check,
            declare: rng.bool(),
        }
    }

    /// The same with bytes that are as they should be.
    pub fn righted(mut self) -> Self {
        if let Some(check) = &mut self.check {
            check.right = true;
        }
        self
    }

    /// Whether the bytes have the checksum, if there is one.
    pub fn is_right(self) -> bool {
        self.check.is_none_or(|check| check.right)
    }

    /// The checksum of `bytes`, or of others.
    fn checksum(self, bytes: &[u8]) -> Option<String> {
        let Check {
            algorithm, right, ..
        } = self.check?;
        let digest = if right {
            digest(algorithm, bytes)
        } else {
            digest(algorithm, &[bytes, b"!"].concat())
        };
        Some(format!("{algorithm} {}", STANDARD.encode(digest)))
    }

    fn is_late(self) -> bool {
        self.check.is_some_and(|check| check.late)
    }

    /// Sends `bytes`.
    pub fn send(
        self,
        tus: &Tus,
        method: &str,
        url: &str,
        fields: &[(&str, String)],
        bytes: Vec<u8>,
    ) -> Result<Answer, String> {
        let checksum = self.checksum(&bytes);
        let mut fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        fields.push(("Content-Type", OFFSET_TYPE));
        if let Some(checksum) = checksum.as_deref().filter(|_| self.is_late()) {
            return by_hand(method, url, &fields, &bytes, checksum);
        }
        fields.extend(checksum.as_deref().map(|sum| ("Upload-Checksum", sum)));
        let body = match self.form {
            Form::Sized => Body::from(bytes),
            Form::Chunked => Body::new(Cursor::new(bytes)),
        };
        Answer::read(tus.try_send(method, url, &fields, body))
    }

    /// The head of a body that will break off, and what is sent of it.
    pub fn torn(self, head: &str, promised: &[u8], sent: usize) -> (String, Vec<u8>) {
        let mut head = head.to_owned();
        if self.form == Form::Sized {
            writeln!(head, "Content-Length: {}", promised.len()).unwrap();
        } else {
            head += "Transfer-Encoding: chunked\n";
        }
        match self.checksum(promised) {
            Some(_) if self.is_late() => head += "Trailer: Upload-Checksum\n",
            Some(checksum) => writeln!(head, "Upload-Checksum: {checksum}").unwrap(),
            None => {}
        }
        let mut body = Vec::new();
        if self.form == Form::Chunked && !promised.is_empty() {
            body.extend(format!("{:x}\r\n", promised.len()).bytes());
        }
        body.extend(&promised[..sent]);
        (head, body)
    }

    /// Whether what is sent of a torn body can be stored.
    pub fn keeps_torn(self, promised: u64, sent: u64) -> bool {
        match self.check {
            None => true,
            // The end of a chunked body is not sent.
            Some(check) => check.right && self.form == Form::Sized && promised == sent,
        }
    }
}

fn digest(algorithm: &str, bytes: &[u8]) -> Vec<u8> {
    match algorithm {
        "sha1" => sha1::Sha1::digest(bytes).to_vec(),
        "sha256" => sha2::Sha256::digest(bytes).to_vec(),
        "sha512" => sha2::Sha512::digest(bytes).to_vec(),
        "md5" => md5::Md5::digest(bytes).to_vec(),
        "crc32c" => crc32c::crc32c(bytes).to_be_bytes().to_vec(),
        other => panic!("{other}"),
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// An error if the connection broke before the end.
    pub fn read(response: reqwest::Result<Response>) -> Result<Self, String> {
        let read = || {
            let response = response?;
            Ok(Self {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                body: response.bytes()?.to_vec(),
            })
        };
        read().map_err(|error: reqwest::Error| format!("{error:?}"))
    }

    /// A header field; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// A request with the checksum behind its body, which the client library
/// cannot send.
fn by_hand(
    method: &str,
    url: &str,
    fields: &[(&str, &str)],
    bytes: &[u8],
    checksum: &str,
) -> Result<Answer, String> {
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_at_checked(rest.find('/')?))
        .unwrap();
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nTus-Resumable: 1.0.0\r\n\
         Connection: close\r\nTransfer-Encoding: chunked\r\nTrailer: Upload-Checksum\r\n"
    );
    for (name, value) in fields {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    let mut request = (request + "\r\n").into_bytes();
    for chunk in bytes.chunks(100_000) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(format!("0\r\nUpload-Checksum: {checksum}\r\n\r\n").bytes());

    let exchange = || {
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // The answer may come before the end of the body.
        drop(stream.write_all(&request));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        Ok(answer)
    };
    let answer = exchange().map_err(|error: std::io::Error| error.to_string())?;
    parse(&answer).ok_or_else(|| String::from_utf8_lossy(&answer).into_owned())
}

/// An answer whose head is whole.
fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = str::from_utf8(&answer[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse().unwrap(), value.parse().unwrap())
    });
    Some(Answer {
        status: status.parse().unwrap(),
        headers: headers.collect(),
        body: answer[end + 4..].to_vec(),
    })
}
