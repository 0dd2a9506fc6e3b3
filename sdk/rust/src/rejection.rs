//! Building the answer that a client gets in place of what it asked for.

use crate::{Header, Rejection};

impl Rejection {
    /// An answer with this status (400 to 599) and this text. Any other status
    /// makes the answer invalid: the server then treats the call as failed.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Adds a header field. Without a `content-type` the body is sent as
    /// `text/plain; charset=utf-8`. The fields that HTTP and tus keep for
    /// themselves make the answer invalid.
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push(Header::new(name, value));
        self
    }
}

impl Header {
    /// A header field.
    pub fn new(name: &str, value: impl ToString) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Header, Rejection};

    #[test]
    fn header_fields_keep_their_order() {
        let rejection = Rejection::new(429, "Later.")
            .header("retry-after", 5)
            .header("x-a", "b");
        let expected = [("retry-after", "5"), ("x-a", "b")].map(|(n, v)| Header::new(n, v));
        assert_eq!(rejection.headers, expected);
        assert_eq!((rejection.status, rejection.body.as_str()), (429, "Later."));
    }
}
