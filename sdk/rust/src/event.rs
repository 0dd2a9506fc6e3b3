//! Reading what an event carries.

use crate::{EventKind, Header, Notification, Reaction, Rejection, Request, Upload};

impl Upload {
    /// The value of a metadata key as text; `None` if the key is not there or
    /// its value is not UTF-8.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        std::str::from_utf8(self.metadata_bytes(key)?).ok()
    }

    /// The value of a metadata key as the client sent it, decoded.
    pub fn metadata_bytes(&self, key: &str) -> Option<&[u8]> {
        let entry = self.metadata.iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    /// Whether all bytes are stored.
    pub fn is_complete(&self) -> bool {
        self.length == Some(self.offset)
    }
}

impl Request {
    /// The first header field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let field = self
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(&field.value)
    }

    /// All header fields of this name, in any case, in their order.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let matching = |field: &&Header| field.name.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(matching)
            .map(|field| field.value.as_str())
    }
}

impl Notification {
    /// Its name as everywhere in the server: `post-create` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::PostCreate => "post-create",
            Self::PostReceive => "post-receive",
            Self::PostFinish => "post-finish",
            Self::PostTerminate => "post-terminate",
        }
    }
}

impl EventKind {
    /// Its name as everywhere in the server: `pre-create` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreCreate => "pre-create",
            Self::PostCreate => "post-create",
            Self::PostReceive => "post-receive",
            Self::PreFinish => "pre-finish",
            Self::PostFinish => "post-finish",
            Self::PreGet => "pre-get",
            Self::PreTerminate => "pre-terminate",
            Self::PostTerminate => "post-terminate",
        }
    }
}

impl From<Notification> for EventKind {
    fn from(what: Notification) -> Self {
        match what {
            Notification::PostCreate => Self::PostCreate,
            Notification::PostReceive => Self::PostReceive,
            Notification::PostFinish => Self::PostFinish,
            Notification::PostTerminate => Self::PostTerminate,
        }
    }
}

impl Reaction {
    /// Stop the upload: an append that is under way is answered with this, and
    /// the upload is removed. Heard only in the answer to
    /// [`Notification::PostReceive`].
    pub fn stop(rejection: Rejection) -> Self {
        Self::Stop(rejection)
    }
}

impl From<()> for Reaction {
    fn from((): ()) -> Self {
        Self::Done
    }
}

#[cfg(test)]
mod tests {
    use crate::{Header, MetadataEntry, testing};

    #[test]
    fn metadata_that_is_not_text_is_reached_as_bytes_only() {
        let mut upload = testing::event(&[("filename", "a.txt")]).upload;
        upload.metadata.push(MetadataEntry {
            key: "raw".into(),
            value: vec![0xff],
        });

        assert_eq!(upload.metadata("filename"), Some("a.txt"));
        assert_eq!(upload.metadata("raw"), None);
        assert_eq!(upload.metadata_bytes("raw"), Some(&[0xff][..]));
        assert_eq!(
            upload.metadata_bytes("Filename"),
            None,
            "keys are compared by case"
        );
    }

    #[test]
    fn header_names_are_compared_without_case() {
        let mut request = testing::event(&[]).request;
        let field = |value: &str| Header {
            name: "x-tag".into(),
            value: value.into(),
        };
        request.headers = vec![field("one"), field("two")];

        assert_eq!(request.header("X-Tag"), Some("one"));
        assert_eq!(
            request.header_values("X-TAG").collect::<Vec<_>>(),
            ["one", "two"]
        );
        assert_eq!(request.header("x-other"), None);
    }

    #[test]
    fn an_upload_of_unknown_length_is_never_complete() {
        let mut upload = testing::event(&[]).upload;
        for (length, offset, complete) in
            [(None, 0, false), (Some(5), 4, false), (Some(5), 5, true)]
        {
            (upload.length, upload.offset) = (length, offset);
            assert_eq!(upload.is_complete(), complete, "{length:?} {offset}");
        }
    }
}
