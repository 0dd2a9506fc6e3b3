//! Reading what an event carries.

#[cfg(target_arch = "wasm32")]
use crate::bindings::base::rustus::hooks::request_headers;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::headers_source as request_headers;
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

/// The header fields are asked of the server when they are wanted, and it knows
/// those of the event that is being worked on: a `Request` that was put away
/// gives those of the event at hand, not its own.
///
/// Natively, in a unit test, they are what
/// [`testing::headers`](crate::testing::headers) set.
impl Request {
    /// The value of the first header field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.header_values(name).into_iter().next()
    }

    /// The values of all header fields of this name, in any case, in their order.
    pub fn header_values(&self, name: &str) -> Vec<String> {
        request_headers::get(name)
    }

    /// All header fields, with names in lower case. `authorization` and `cookie`
    /// are among them: log none of these.
    pub fn headers(&self) -> Vec<Header> {
        request_headers::all()
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
    use crate::{MetadataEntry, testing};

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
        let request = testing::event(&[]).request;
        testing::headers(&[("x-tag", "one"), ("X-Tag", "two")]);

        assert_eq!(request.header("X-Tag").as_deref(), Some("one"));
        assert_eq!(request.header_values("X-TAG"), ["one", "two"]);
        assert_eq!(request.header("x-other"), None);
        assert_eq!(request.headers()[1].name, "x-tag");
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
