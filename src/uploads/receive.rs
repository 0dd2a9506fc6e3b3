//! Bytes go from the client to the store.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::time::{timeout, timeout_at};

use super::body::Expectation;
use super::length::End;
use super::progress::Progress;
use super::{Body, BodyError, UploadError, Uploads};
use crate::store::{AppendWriter, CheckedWriter, Checksum, Hasher, Record, Store, StoreError};

/// How long a client may pause before its bytes are written. Between packets of
/// a client that sends as fast as it can less time passes, on most lines.
const PAUSE: Duration = Duration::from_millis(100);

/// What came of a body.
pub(super) struct Received {
    /// Bytes stored now.
    pub(super) offset: u64,
    /// Why no more came, if the body did not end as it should.
    pub(super) cut: Option<UploadError>,
}

/// Where the bytes go.
enum Writer {
    Plain(Box<dyn AppendWriter>),
    Checked(Box<dyn CheckedWriter>),
}

impl Uploads {
    /// Stores what comes, up to `end`, and tells of it by `progress`. Whatever
    /// ends it, all that came is written when this returns; all or nothing, if
    /// the body has a checksum.
    pub(super) async fn receive(
        &self,
        record: &Record,
        offset: u64,
        end: End,
        mut body: Body<'_>,
        mut progress: Option<Progress<'_>>,
    ) -> Result<Received, UploadError> {
        let mut left = end.left(offset);
        let mut cut = None;
        // Opened for the first byte: many requests have none.
        let mut writer = None;
        while cut.is_none()
            && let Some(chunk) = next(&mut body, &mut writer, &mut progress).await?
        {
            let mut chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    cut = Some(UploadError::Body(error));
                    break;
                }
            };
            if chunk.len() as u64 > left {
                cut = Some(end.exceeded());
                // Less than the chunk's length, so it fits.
                chunk.truncate(usize::try_from(left).unwrap_or(0));
            }
            if chunk.is_empty() {
                continue;
            }
            left -= chunk.len() as u64;
            let open = match writer.take() {
                Some(writer) => writer,
                None => Writer::open(&*self.store, record, offset, &body).await?,
            };
            let bytes = chunk.len();
            writer = Some(open.write(chunk).await?);
            self.counts.received_bytes.add(bytes as u64);
            if let Some(progress) = &mut progress {
                progress.came(bytes);
                progress.look().await?;
            }
        }
        let offset = match body.checksum {
            None => kept(writer, offset).await?,
            Some(_) if cut.is_some() => discarded(writer, offset).await?,
            Some(expected) => verified(writer, offset, expected).await?,
        };
        Ok(Received { offset, cut })
    }
}

/// The next bytes of `body`. If they are long in coming, those before them are
/// written meanwhile, and told: a thousand clients that pause would otherwise fill the
/// memory, and a crash of the server would cost them what they sent.
async fn next(
    body: &mut Body<'_>,
    writer: &mut Option<Writer>,
    progress: &mut Option<Progress<'_>>,
) -> Result<Option<Result<Bytes, BodyError>>, StoreError> {
    if let Some(Writer::Plain(writer)) = writer {
        if let Ok(chunk) = timeout(PAUSE, body.stream.next()).await {
            return Ok(chunk);
        }
        writer.rest().await?;
    }
    if let Some(progress) = progress {
        while let Some(due) = progress.due() {
            match timeout_at(due, body.stream.next()).await {
                Ok(chunk) => return Ok(chunk),
                Err(_) => progress.look().await?,
            }
        }
    }
    Ok(body.stream.next().await)
}

async fn kept(writer: Option<Writer>, offset: u64) -> Result<u64, StoreError> {
    match writer {
        Some(Writer::Plain(writer)) => writer.finish().await,
        other => discarded(other, offset).await,
    }
}

async fn discarded(writer: Option<Writer>, offset: u64) -> Result<u64, StoreError> {
    if let Some(Writer::Checked(writer)) = writer {
        writer.discard().await?;
    }
    Ok(offset)
}

async fn verified(
    writer: Option<Writer>,
    offset: u64,
    expected: Expectation<'_>,
) -> Result<u64, UploadError> {
    let Some(expected) = expected.resolve() else {
        discarded(writer, offset).await?;
        return Err(UploadError::NoChecksum);
    };
    match writer {
        Some(Writer::Checked(writer)) => Ok(writer.verify(expected).await?),
        _ if is_of_nothing(&expected) => Ok(offset),
        _ => Err(UploadError::ChecksumMismatch),
    }
}

fn is_of_nothing(checksum: &Checksum) -> bool {
    Hasher::new(Some(checksum.algorithm)).matches(checksum)
}

impl Writer {
    async fn open(
        store: &dyn Store,
        record: &Record,
        offset: u64,
        body: &Body<'_>,
    ) -> Result<Self, StoreError> {
        Ok(match &body.checksum {
            None => Self::Plain(store.append(record, offset).await?),
            Some(expected) => {
                let algorithm = expected.algorithm();
                Self::Checked(store.append_checked(record, offset, algorithm).await?)
            }
        })
    }

    /// The writer again, unless it failed. Then what it checks is discarded:
    /// when the disk is full, it should not stay so.
    async fn write(mut self, bytes: Bytes) -> Result<Self, StoreError> {
        let written = match &mut self {
            Self::Plain(writer) => writer.write(bytes).await,
            Self::Checked(writer) => writer.write(bytes).await,
        };
        match (written, self) {
            (Ok(()), writer) => Ok(writer),
            (Err(error), Self::Plain(_)) => Err(error),
            (Err(error), Self::Checked(writer)) => {
                if let Err(left) = writer.discard().await {
                    tracing::warn!(error = %left, "unverified bytes stay behind until the next append");
                }
                Err(error)
            }
        }
    }
}
