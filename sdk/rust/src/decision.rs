//! Building decisions. Each is either `proceed`, with changes where the event
//! allows some, or `reject`.

use crate::{
    CreateChanges, CreateDecision, FinishChanges, FinishDecision, GetDecision, Header,
    MetadataEntry, Rejection, TerminateDecision,
};

/// Changes to a decision that proceeds. One that rejects stays as it is.
impl CreateDecision {
    /// Create the upload as the client asked for it.
    pub fn proceed() -> Self {
        let nothing = CreateChanges {
            metadata: None,
            id: None,
            path: None,
            headers: Vec::new(),
        };
        Self::Proceed(nothing)
    }

    /// Do not create the upload, and answer this.
    pub fn reject(rejection: Rejection) -> Self {
        Self::Reject(rejection)
    }

    /// Create it with this metadata in place of the client's. To keep some of
    /// it, start from [`Metadata::of`](crate::Metadata::of).
    pub fn with_metadata(self, metadata: impl Into<Vec<MetadataEntry>>) -> Self {
        self.change(|changes| changes.metadata = Some(metadata.into()))
    }

    /// Create it under this id: 1 to 128 of ASCII letters, digits, `-`, `_` and
    /// `.`, not starting with a dot. An id that is taken rejects the request
    /// with 409.
    pub fn with_id(self, id: impl Into<String>) -> Self {
        self.change(|changes| changes.id = Some(id.into()))
    }

    /// Put its bytes at this path below the data directory: with `/` between
    /// names, none of them starting with a dot. A path that is taken rejects the
    /// request with 409.
    pub fn with_path(self, path: impl Into<String>) -> Self {
        self.change(|changes| changes.path = Some(path.into()))
    }

    /// Add a header field to the response.
    pub fn with_header(self, name: &str, value: impl ToString) -> Self {
        self.change(|changes| changes.headers.push(Header::new(name, value)))
    }

    fn change(mut self, change: impl FnOnce(&mut CreateChanges)) -> Self {
        if let Self::Proceed(changes) = &mut self {
            change(changes);
        }
        self
    }
}

/// Changes to a decision that proceeds. One that rejects stays as it is.
impl FinishDecision {
    /// Finish the upload and answer as the protocol says.
    pub fn proceed() -> Self {
        Self::Proceed(FinishChanges {
            status: None,
            headers: Vec::new(),
            body: None,
        })
    }

    /// Leave it unfinished, and answer this.
    pub fn reject(rejection: Rejection) -> Self {
        Self::Reject(rejection)
    }

    /// Answer with this status, 200 to 299. tus clients expect 201 of a creation
    /// and 204 of an append.
    pub fn with_status(self, status: u16) -> Self {
        self.change(|changes| changes.status = Some(status))
    }

    /// Answer with this body. Not sent with status 204, which has none.
    pub fn with_body(self, body: impl Into<String>) -> Self {
        self.change(|changes| changes.body = Some(body.into()))
    }

    /// Add a header field to the response.
    pub fn with_header(self, name: &str, value: impl ToString) -> Self {
        self.change(|changes| changes.headers.push(Header::new(name, value)))
    }

    fn change(mut self, change: impl FnOnce(&mut FinishChanges)) -> Self {
        if let Self::Proceed(changes) = &mut self {
            change(changes);
        }
        self
    }
}

impl GetDecision {
    /// Serve the upload.
    pub fn proceed() -> Self {
        Self::Proceed
    }

    /// Do not serve it, and answer this.
    pub fn reject(rejection: Rejection) -> Self {
        Self::Reject(rejection)
    }
}

impl TerminateDecision {
    /// Remove the upload.
    pub fn proceed() -> Self {
        Self::Proceed
    }

    /// Keep it, and answer this.
    pub fn reject(rejection: Rejection) -> Self {
        Self::Reject(rejection)
    }
}

#[cfg(test)]
mod tests {
    use crate::{CreateDecision, FinishDecision, Metadata, Rejection};

    #[test]
    fn each_change_lands_in_its_field() {
        let decision = CreateDecision::proceed()
            .with_metadata(Metadata::new().set("a", "b"))
            .with_id("my-id")
            .with_path("by-day/file")
            .with_header("x-count", 7);
        let CreateDecision::Proceed(changes) = decision else {
            panic!("it proceeds")
        };

        assert_eq!(changes.metadata.map(|entries| entries.len()), Some(1));
        assert_eq!(changes.id.as_deref(), Some("my-id"));
        assert_eq!(changes.path.as_deref(), Some("by-day/file"));
        assert_eq!(changes.headers[0].value, "7");
    }

    #[test]
    fn a_finish_changes_status_body_and_headers() {
        let decision = FinishDecision::proceed().with_status(201).with_body("ok");
        let FinishDecision::Proceed(changes) = decision.with_header("x-a", "b") else {
            panic!("it proceeds")
        };
        assert_eq!(
            (changes.status, changes.body.as_deref()),
            (Some(201), Some("ok"))
        );
        assert_eq!(changes.headers.len(), 1);
    }

    #[test]
    fn a_rejection_takes_no_changes() {
        let rejection = CreateDecision::reject(Rejection::new(403, "No."));
        assert_eq!(
            rejection.clone().with_id("x").with_header("x", "y"),
            rejection
        );
    }
}
