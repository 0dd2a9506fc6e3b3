//! `rustus plugin pull`: a module from a registry into a file.

use std::path::Path;

use serde_json::json;

use super::outcome::{Outcome, described, pinned};
use super::{CommandError, OciFlags, Reference, cache_dir, newest, puller};
use crate::oci::{Pulled, write_whole};

/// The mode of a module that is for others to use.
pub(super) const READABLE: u32 = 0o644;

/// Fetches it, checks its signatures if there are keys, and writes the file.
pub(super) async fn run(
    reference: &Reference,
    output: Option<&Path>,
    oci: &OciFlags,
) -> Result<Outcome, CommandError> {
    let puller = puller(oci, oci.lock(&cache_dir(oci)))?;
    let pulled = newest(&puller, reference).await?;
    let named = format!("{}.wasm", reference.short_name());
    let file = output.unwrap_or(Path::new(&named));
    write_whole(file, &pulled.module, READABLE)?;
    Ok(written(file, reference, &pulled))
}

/// What was written where.
pub(super) fn written(file: &Path, reference: &Reference, pulled: &Pulled) -> Outcome {
    let line = format!("{} {}", file.display(), pinned(reference, &pulled.digest));
    let mut object = described(reference, &pulled.digest, &pulled.module);
    object.insert("signed_by".to_owned(), json!(pulled.signed_by));
    object.insert("file".to_owned(), json!(file));
    Outcome::of(vec![line], object)
}
