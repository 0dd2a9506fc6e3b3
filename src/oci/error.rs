//! Why something could not be had from a registry, or is not taken from it.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::reference::Digest;

/// Why an artifact was not pulled, pushed or accepted.
///
/// No credential is ever part of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OciError {
    /// A reference that names nothing.
    #[error(
        "`{text}` is no reference: {problem}; expected HOST/NAME:TAG or HOST/NAME@sha256:DIGEST, \
         such as registry.example:5000/hooks/limits:1.2"
    )]
    Reference {
        /// What was written.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There was no connection, or it ended early.
    #[error("{host} can't be reached: {reason}")]
    Unreachable {
        /// The registry, or where it sent us.
        host: String,
        /// What the network said.
        reason: String,
    },
    /// The registry was silent, or too slow.
    #[error(
        "{host} did not give {what} within {} s; --oci-timeout allows it more",
        .within.as_secs()
    )]
    Slow {
        /// The registry.
        host: String,
        /// What was asked for.
        what: &'static str,
        /// How long was waited.
        within: Duration,
    },
    /// Bytes came all the time, and too few of them.
    #[error(
        "{host} gave {what} too slowly: not all of it came within {} s; --oci-timeout allows it \
         more, all of a body may take ten times as long",
        .within.as_secs()
    )]
    Trickle {
        /// The registry.
        host: String,
        /// What was asked for.
        what: &'static str,
        /// How long was waited.
        within: Duration,
    },
    /// It does not take what is sent.
    #[error(
        "{host} took no more of a blob for {} s, {taken} of {size} bytes were sent; \
         --oci-timeout allows it more",
        .within.as_secs()
    )]
    Stuck {
        /// The registry.
        host: String,
        /// Bytes that left.
        taken: usize,
        /// Bytes that there are.
        size: usize,
        /// How long was waited.
        within: Duration,
    },
    /// It takes it all the time, and too little of it.
    #[error(
        "{host} took a blob too slowly: not all of it was taken within {} s; --oci-timeout allows \
         it more, all of a blob may take ten times as long",
        .within.as_secs()
    )]
    Crawling {
        /// The registry.
        host: String,
        /// How long was waited.
        within: Duration,
    },
    /// A status that is no answer.
    #[error("{host} answered {status} when asked for {what}{said}")]
    Status {
        /// The registry.
        host: String,
        /// What was asked for.
        what: &'static str,
        /// Its status.
        status: u16,
        /// What it said, with a colon in front, or nothing.
        said: String,
        /// After how long it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// There is no such thing in the registry.
    #[error("{host} has no {what}; `rustus plugin push` puts a module there")]
    NotFound {
        /// The registry.
        host: String,
        /// What there is not.
        what: String,
    },
    /// It wants to know who asks.
    #[error(
        "{host} wants credentials and there are none for it; log in with docker, podman, oras or \
         skopeo, or set RUSTUS_OCI_REGISTRY, RUSTUS_OCI_USERNAME and RUSTUS_OCI_PASSWORD"
    )]
    NoCredentials {
        /// The registry.
        host: String,
    },
    /// It was told who asks, and does not let them.
    #[error("{host} refuses the credentials that there are for it{said}")]
    Refused {
        /// The registry.
        host: String,
        /// What it said, with a colon in front, or nothing.
        said: String,
    },
    /// What should say who asks can't be read.
    #[error("the credentials for {host} can't be read: {reason}")]
    Credentials {
        /// The registry.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// A password would go over a line that anybody can read, or a module come
    /// over one.
    #[error(
        "{place} is plain HTTP, and it is not said that this is right; \
         --oci-insecure {place} allows it for this host"
    )]
    Insecure {
        /// Where it would go.
        place: String,
    },
    /// More bytes than allowed.
    #[error("{what} has {size} bytes or more, and at most {limit} are taken{hint}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// At least.
        size: u64,
        /// At most.
        limit: u64,
        /// How to allow more, or nothing.
        hint: &'static str,
    },
    /// Not as many bytes as was said.
    #[error("{host} sent {got} bytes of {what}, which has {size}")]
    Length {
        /// The registry.
        host: String,
        /// What.
        what: &'static str,
        /// What the manifest says.
        size: u64,
        /// What came.
        got: u64,
    },
    /// Not the bytes that were asked for.
    #[error("{what} has the digest {found}, and {expected} was asked for; it is not used")]
    Digest {
        /// What.
        what: &'static str,
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// An image or an index, or nothing known at all.
    #[error(
        "it is no Wasm artifact: {0}; expected is a manifest with the configuration \
         application/vnd.wasm.config.v0+json and one layer application/wasm, as \
         `rustus plugin push` and `wkg oci push` write it"
    )]
    NoArtifact(String),
    /// The registry does not do what the specification says.
    #[error("{host} does not follow the distribution specification: {reason}")]
    Protocol {
        /// The registry.
        host: String,
        /// What it did.
        reason: String,
    },
    /// Nobody who is trusted has signed it.
    #[error("{digest} is not accepted: {reason}")]
    Signature {
        /// The manifest's.
        digest: Digest,
        /// Each signer, and why the signature does not count.
        reason: String,
    },
    /// A key or a trust root can't be used.
    #[error("{}: {reason}", .file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// May make no request, and would have to.
    #[error(
        "{what} is not in the cache, and the pull policy `never` allows no request; \
         `rustus plugin load` puts an archive there"
    )]
    NotCached {
        /// What is not.
        what: String,
    },
    /// What the artifact imports is not offered or not granted.
    #[error("{0}")]
    Imports(String),
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An archive or a lock file that is none.
    #[error("{}: {reason}", .path.display())]
    Unusable {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl OciError {
    /// Whether the same request may succeed a moment later.
    pub(super) const fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Slow { .. }
            | Self::Trickle { .. }
            | Self::Stuck { .. }
            | Self::Crawling { .. }
            | Self::Length { .. }
            | Self::Digest { .. } => true,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    /// Whether to make the same request again at once. What took so long that it was
    /// given up would take as long again.
    pub(super) const fn is_worth_another(&self) -> bool {
        self.is_passing() && !matches!(self, Self::Trickle { .. } | Self::Crawling { .. })
    }

    /// After how long the registry wants to be asked again.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The error and what caused it, in one line.
pub(super) fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
