//! `rustus plugin pull`: a module from a registry into a file.

use std::io::Write;
use std::path::Path;

use super::{CommandError, OciFlags, Reference, cache_dir, newest, pinned, puller};
use crate::oci::write_whole;

/// The mode of a module that is for others to use.
pub(super) const READABLE: u32 = 0o644;

/// Fetches it, checks its signatures if there are keys, and writes the file.
pub(super) async fn run(
    reference: &Reference,
    output: Option<&Path>,
    oci: &OciFlags,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let puller = puller(oci, oci.lock(&cache_dir(oci)))?;
    let pulled = newest(&puller, reference).await?;
    let named = format!("{}.wasm", reference.short_name());
    let file = output.unwrap_or(Path::new(&named));
    write_whole(file, &pulled.module, READABLE)?;
    writeln!(
        out,
        "{} {}",
        file.display(),
        pinned(reference, &pulled.digest)
    )?;
    Ok(())
}
