//! `rustus plugin load`: the modules of an archive to where a server finds them.

use std::io::Write;
use std::path::Path;

use super::{CommandError, OciFlags, cache_dir};
use crate::oci::{Cache, Lock, load};

/// Puts them into the cache and the lock file, and prints what they are.
pub(super) fn run(file: &Path, oci: &OciFlags, out: &mut dyn Write) -> Result<(), CommandError> {
    let cache_dir = cache_dir(oci);
    let lock = Lock::new(oci.lock(&cache_dir));
    let loaded = load(file, &Cache::new(cache_dir), &lock)?;
    for module in loaded {
        writeln!(out, "{} {}", module.reference, module.digest)?;
    }
    Ok(())
}
