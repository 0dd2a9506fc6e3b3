//! `rustus plugin save`: modules from registries into one archive.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::outcome::{Outcome, described, pinned};
use super::{CommandError, OciFlags, Reference, cache_dir, newest, puller};
use crate::oci::{Contained, save};

/// Fetches them with their signatures and writes the archive.
pub(super) async fn run(
    references: &[Reference],
    output: &Path,
    oci: &OciFlags,
) -> Result<Outcome, CommandError> {
    let puller = puller(oci, oci.lock(&cache_dir(oci)))?;
    let (mut modules, mut objects) = (Vec::new(), Vec::new());
    for reference in references {
        let pulled = newest(&puller, reference).await?;
        puller.fetch_signatures(reference, &pulled.digest).await?;
        let mut object = described(reference, &pulled.digest, &pulled.module);
        object.insert("signed_by".to_owned(), json!(pulled.signed_by));
        objects.push(object);
        modules.push(Contained {
            reference: reference.clone(),
            digest: pulled.digest,
        });
    }
    save(&puller.cache, &modules, output)?;
    let lines = modules.iter().map(|it| pinned(&it.reference, &it.digest));
    Ok(Outcome::of(lines.collect(), archive(output, objects)))
}

/// An archive with what is in it.
pub(super) fn archive(file: &Path, modules: Vec<Map<String, Value>>) -> Map<String, Value> {
    Map::from_iter([
        ("file".to_owned(), json!(file)),
        ("modules".to_owned(), json!(modules)),
    ])
}
