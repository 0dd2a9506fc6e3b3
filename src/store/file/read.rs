//! Bytes on their way out of a data file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::task::spawn_blocking;

use crate::store::StoreError;

/// Bytes read at a time: the visit to a blocking thread does not count, and
/// many slow readers do not need much memory.
const CHUNK_BYTES: u64 = 256 * 1024;

struct Reading {
    path: Arc<PathBuf>,
    file: Arc<File>,
    position: u64,
    end: u64,
}

/// The bytes of the file at `path` in `range`.
pub(super) async fn stream(
    path: PathBuf,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
    let reading = spawn_blocking(move || match File::open(&path) {
        Ok(file) => Ok(Reading {
            path: Arc::new(path),
            file: Arc::new(file),
            position: range.start,
            end: range.end,
        }),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Err(StoreError::NotFound),
        Err(source) => Err(StoreError::io("open", path, source)),
    })
    .await??;
    Ok(stream::try_unfold(reading, next_chunk).boxed())
}

async fn next_chunk(mut reading: Reading) -> Result<Option<(Bytes, Reading)>, StoreError> {
    let wanted = CHUNK_BYTES.min(reading.end.saturating_sub(reading.position));
    if wanted == 0 {
        return Ok(None);
    }
    let (path, file, position) = (
        Arc::clone(&reading.path),
        Arc::clone(&reading.file),
        reading.position,
    );
    let chunk = spawn_blocking(move || {
        // At most CHUNK_BYTES, which any usize holds.
        let mut chunk = vec![0; usize::try_from(wanted).unwrap_or(0)];
        file.read_exact_at(&mut chunk, position)
            .map(|()| chunk)
            .map_err(|source| StoreError::io("read", path.as_path(), source))
    })
    .await??;
    reading.position += wanted;
    Ok(Some((chunk.into(), reading)))
}
