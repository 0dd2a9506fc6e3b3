//! `rustus plugin save`: modules from registries into one archive.

use std::io::Write;
use std::path::Path;

use super::{CommandError, OciFlags, Reference, cache_dir, newest, pinned, puller};
use crate::oci::{Contained, save};

/// Fetches them with their signatures and writes the archive.
pub(super) async fn run(
    references: &[Reference],
    output: &Path,
    oci: &OciFlags,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let puller = puller(oci, oci.lock(&cache_dir(oci)))?;
    let mut modules = Vec::new();
    for reference in references {
        let pulled = newest(&puller, reference).await?;
        puller.fetch_signatures(reference, &pulled.digest).await?;
        modules.push(Contained {
            reference: reference.clone(),
            digest: pulled.digest,
        });
    }
    save(&puller.cache, &modules, output)?;
    for module in &modules {
        writeln!(out, "{}", pinned(&module.reference, &module.digest))?;
    }
    Ok(())
}
