//! `rustus plugin load`: the modules of an archive to where a server finds them.

use std::path::Path;

use serde_json::json;

use super::outcome::{Outcome, named};
use super::save::archive;
use super::{CommandError, OciFlags, cache_dir};
use crate::oci::{Cache, Lock, load};

/// Puts them into the cache and the lock file, and says what they are.
pub(super) fn run(file: &Path, oci: &OciFlags) -> Result<Outcome, CommandError> {
    let cache_dir = cache_dir(oci);
    let lock_file = oci.lock(&cache_dir);
    let lock = Lock::new(lock_file.clone());
    let loaded = load(file, &Cache::new(cache_dir.clone()), &lock)?;
    let lines = loaded
        .iter()
        .map(|module| format!("{} {}", module.reference, module.digest));
    let objects = loaded.iter().map(|it| named(&it.reference, &it.digest));
    let mut object = archive(file, objects.collect());
    object.insert("cache_dir".to_owned(), json!(cache_dir));
    object.insert("lock".to_owned(), json!(lock_file));
    Ok(Outcome::of(lines.collect(), object))
}
