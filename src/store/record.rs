//! What is kept about an upload besides its bytes.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{DataPath, UploadId};

/// How an upload relates to others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordKind {
    /// Stands for itself.
    #[default]
    Whole,
    /// A part of an upload to come.
    Partial {
        /// The final upload that takes the part's place: once it is finished,
        /// the part is used up, and its bytes go. Until then it means nothing.
        used_by: Option<UploadId>,
    },
    /// Made of parts.
    Final(Parts),
}

/// What a final upload is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// `Upload-Concat` exactly as the client gave it.
    pub header: String,
    /// The parts in their order; one may stand several times.
    pub ids: Vec<UploadId>,
    /// `Upload-Metadata` exactly as the client gave it, also where a hook
    /// changed the upload's: with the parts it tells a request that is sent
    /// again from another one.
    pub requested_metadata: Option<String>,
    /// How far it is, as long as the upload is not finished.
    pub stage: Stage,
}

/// How far an unfinished upload is that is made of parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its client was not told of it yet; after a crash it is nobody's.
    #[default]
    Begun,
    /// Its client was told of it before its parts were finished.
    Waiting,
    /// The bytes of its parts are on their way into it, and are its own.
    Moving,
}

/// Everything about an upload except its bytes and their number: the data
/// file's length is the truth about the offset, up to what is unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The last segment of the upload's URL.
    pub id: UploadId,
    /// Bytes there will be; `None` until the client says. Once set it stays.
    pub length: Option<u64>,
    /// `Upload-Metadata` exactly as the client gave it; `None` when it gave
    /// none.
    pub metadata: Option<String>,
    /// When the upload was created.
    pub created_at: SystemTime,
    /// Where the bytes lie. It is part of the record so that a changed
    /// `--dir-structure` does not lose uploads.
    pub path: DataPath,
    /// Whether the upload was accepted as finished. All bytes can be there
    /// without it, when a hook refused.
    pub finished: bool,
    /// Whole, or part of a concatenation.
    pub kind: RecordKind,
    /// Where bytes begin that nobody has verified yet. They do not count as
    /// stored, although they are there. While no append is under way this is
    /// what a crash left; see [`Store::discard_unverified`].
    ///
    /// [`Store::discard_unverified`]: super::Store::discard_unverified
    pub unverified: Option<u64>,
}

impl Record {
    /// What it is made of, if it is a final upload.
    #[must_use]
    pub fn parts(&self) -> Option<&Parts> {
        match &self.kind {
            RecordKind::Final(parts) => Some(parts),
            RecordKind::Whole | RecordKind::Partial { .. } => None,
        }
    }

    /// What it is made of, if it is a final upload that is not finished and
    /// stands at `stage`.
    #[must_use]
    pub fn parts_at(&self, stage: Stage) -> Option<&Parts> {
        self.parts()
            .filter(|parts| parts.stage == stage && !self.finished)
    }

    /// What it is made of, if it is a final upload that is not finished and that
    /// somebody can bring to its end.
    #[must_use]
    pub fn pending_parts(&self) -> Option<&Parts> {
        self.parts_at(Stage::Waiting)
            .or_else(|| self.parts_at(Stage::Moving))
    }

    /// Whether the bytes of `part`, which names it as its user, are its own.
    #[must_use]
    pub fn owns(&self, part: &UploadId) -> bool {
        self.parts().is_some_and(|parts| {
            parts.ids.contains(part) && (self.finished || parts.stage == Stage::Moving)
        })
    }
}

/// An upload as the store found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What is kept about it.
    pub record: Record,
    /// Bytes stored.
    pub offset: u64,
    /// When the bytes changed last: at the last append or the creation.
    pub changed_at: SystemTime,
}

/// What the store needs to begin an upload.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// The last segment of the upload's URL; may be taken.
    pub id: UploadId,
    /// Bytes there will be; `None` if the client says it later.
    pub length: Option<u64>,
    /// `Upload-Metadata` exactly as the client gave it.
    pub metadata: Option<String>,
    /// When the upload was created.
    pub created_at: SystemTime,
    /// Where to put the bytes, if a hook chose; the store chooses otherwise.
    pub path: Option<DataPath>,
    /// Whole, or part of a concatenation.
    pub kind: RecordKind,
}
