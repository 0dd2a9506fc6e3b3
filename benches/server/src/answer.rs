//! Reading an HTTP/1.1 answer with as little work as will do: what is measured
//! shares the processors with this.

use anyhow::{Context, Result, bail};

/// More header fields than any of the servers sends.
const MOST_FIELDS: usize = 32;

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// Its bytes in the buffer, body included.
    pub(crate) bytes: usize,
    fields: Vec<(&'a str, &'a [u8])>,
}

impl Answer<'_> {
    /// The text of a header field; `name` in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self
            .fields
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| str::from_utf8(value).ok())
    }

    /// An error unless the status is `expected`.
    pub(crate) fn expect(&self, expected: u16) -> Result<()> {
        if self.status != expected {
            bail!("the answer was {}, expected {expected}", self.status);
        }
        Ok(())
    }
}

/// The answer at the beginning of `buffer`; `None` while it is not complete.
pub(crate) fn parse(buffer: &[u8]) -> Result<Option<Answer<'_>>> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head) = response
        .parse(buffer)
        .context("the answer is not HTTP/1.1")?
    else {
        return Ok(None);
    };
    let mut answer = Answer {
        status: response.code.unwrap_or_default(),
        bytes: head,
        fields: response
            .headers
            .iter()
            .map(|field| (field.name, field.value))
            .collect(),
    };
    let body = buffer.get(head..).unwrap_or_default();
    let Some(length) = body_length(&answer, body)? else {
        return Ok(None);
    };
    answer.bytes += length;
    Ok(Some(answer))
}

/// How long the body is, framing included; `None` while it is not all there.
fn body_length(answer: &Answer<'_>, body: &[u8]) -> Result<Option<usize>> {
    if matches!(answer.status, 204 | 304) {
        return Ok(Some(0));
    }
    if answer.field("transfer-encoding").is_some() {
        // No server sends one of these answers with more than a word as body.
        let complete = body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n");
        return Ok(complete.then_some(body.len()));
    }
    let length = answer
        .field("content-length")
        .map_or(Ok(0), str::parse)
        .context("the answer's Content-Length is no number")?;
    Ok((body.len() >= length).then_some(length))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_complete_with_its_body() {
        for (text, bytes) in [
            ("HTTP/1.1 201 Created\r\nA: b\r\n", None),
            ("HTTP/1.1 201 Created\r\nA: b\r\n\r\n", Some(30)),
            ("HTTP/1.1 204 No Content\r\n\r\n", Some(27)),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no", None),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Some(40)),
            (
                "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n",
                None,
            ),
            (
                "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                Some(57),
            ),
        ] {
            let answer = parse(text.as_bytes()).unwrap();
            assert_eq!(answer.map(|answer| answer.bytes), bytes, "{text}");
        }
        assert!(parse(b"what?").is_err());
    }
}
