//! Reading header fields. Everything here is total: any bytes give a value or
//! an error.

/// A header field that cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the header field {0} is missing or invalid")]
pub struct InvalidHeader(pub &'static str);

/// The header fields of a request, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Whether there is a field `name`, which is lower case.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The text of the field `name`, which is lower case; `None` if there is
    /// no such field.
    ///
    /// # Errors
    /// The field stands several times, or is not visible ASCII.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>, InvalidHeader> {
        let mut values = self.values(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let text = str::from_utf8(value).map_err(|_| InvalidHeader(name))?;
        let visible = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if values.next().is_some() || !visible {
            return Err(InvalidHeader(name));
        }
        Ok(Some(text.trim_matches(' ')))
    }

    /// A number of bytes: a non-negative decimal integer of digits alone, as
    /// `Upload-Length` and `Upload-Offset` are (tus 1.0.0, "Core Protocol").
    ///
    /// # Errors
    /// The field is anything else, or does not fit 64 bits.
    pub fn bytes(&self, name: &'static str) -> Result<Option<u64>, InvalidHeader> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        // `u64::from_str` would allow a plus sign.
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().map(Some).map_err(|_| InvalidHeader(name))
        } else {
            Err(InvalidHeader(name))
        }
    }

    /// All values of the field `name`, which is lower case, as the list that
    /// they are together (RFC 9110, 5.3); `None` if there is no such field.
    #[must_use]
    pub fn joined(&self, name: &str) -> Option<String> {
        let mut values = self.values(name).map(String::from_utf8_lossy);
        let first = values.next()?.into_owned();
        Some(values.fold(first, |list, value| list + ", " + &value))
    }

    /// `Content-Length`, in bytes.
    ///
    /// # Errors
    /// It is not a number of bytes.
    pub fn content_length(&self) -> Result<Option<u64>, InvalidHeader> {
        self.bytes("content-length")
    }

    /// All fields, with U+FFFD in place of bytes that are not UTF-8.
    #[must_use]
    pub fn to_text(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()))
            .collect()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.0
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_slice())
    }
}

/// Names must be lower case.
impl FromIterator<(String, Vec<u8>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: &[u8]) -> Headers {
        Headers::from_iter([("upload-offset".to_owned(), value.to_vec())])
    }

    #[test]
    fn a_number_of_bytes_is_digits_alone() {
        for (value, expected) in [
            ("0", 0),
            ("007", 7),
            (" 5 ", 5),
            ("18446744073709551615", u64::MAX),
        ] {
            let read = one(value.as_bytes()).bytes("upload-offset");
            assert_eq!(read, Ok(Some(expected)), "{value}");
        }
        for value in [
            "",
            " ",
            "-1",
            "+1",
            "1.5",
            "abc",
            "0x1",
            "1 2",
            "1,2",
            "1\t",
            "١",
            "18446744073709551616",
        ] {
            let read = one(value.as_bytes()).bytes("upload-offset");
            assert_eq!(read, Err(InvalidHeader("upload-offset")), "{value}");
        }
        assert_eq!(Headers::default().bytes("upload-offset"), Ok(None));
    }

    #[test]
    fn a_field_that_stands_twice_is_ambiguous() {
        let twice = Headers::from_iter([
            ("upload-offset".to_owned(), b"1".to_vec()),
            ("upload-offset".to_owned(), b"1".to_vec()),
        ]);
        assert!(twice.bytes("upload-offset").is_err());
    }

    #[test]
    fn no_byte_makes_reading_panic() {
        for byte in 0..=u8::MAX {
            for value in [
                vec![byte],
                vec![b'1', byte],
                vec![byte, b'1'],
                vec![byte; 40],
            ] {
                let headers = one(&value);
                let number = headers.bytes("upload-offset");
                assert!(headers.text("upload-offset").is_ok() || number.is_err());
                assert_eq!(headers.to_text().len(), 1);
            }
        }
    }
}
