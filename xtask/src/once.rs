//! Work that is done again only when what it is made from has changed.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// Does it unless it was done for the same `input`, of which `stamp` is a copy.
pub(crate) fn once(input: &Path, stamp: &Path, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = fs::read(input).with_context(|| format!("cannot read {}", input.display()))?;
    if fs::read(stamp).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    work()?;
    fs::write(stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}
