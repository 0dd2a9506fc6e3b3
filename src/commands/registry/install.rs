//! `rustus plugin install`: a module from a registry into a directory of
//! plugins, which a server may be watching.

use std::path::Path;

use super::outcome::Outcome;
use super::pull::{READABLE, written};
use super::{CommandError, OciFlags, Reference, newest, puller, wanted};
use crate::oci::write_whole;

/// The lock file of a directory. The server passes over names with a dot in
/// front.
const LOCK: &str = ".plugins.lock";

/// Fetches it, checks its signatures if there are keys, and puts it into place in
/// one step.
pub(super) async fn run(
    reference: &Reference,
    into: &Path,
    name: Option<&str>,
    locked: bool,
    oci: &OciFlags,
) -> Result<Outcome, CommandError> {
    let puller = puller(oci, into.join(LOCK))?;
    if locked && reference.digest().is_none() && puller.lock.digest(reference)?.is_none() {
        return Err(CommandError::Flags(format!(
            "{} does not say where {reference} leads; leave --locked out to follow the tag",
            into.join(LOCK).display()
        )));
    }
    let pulled = match locked {
        true => puller.pull(&wanted(reference), |_| Ok(())).await?,
        false => newest(&puller, reference).await?,
    };
    let name = name.unwrap_or_else(|| reference.short_name());
    let file = into.join(format!("{name}.wasm"));
    write_whole(&file, &pulled.module, READABLE)?;
    if reference.digest().is_none() {
        puller.lock.keep(reference, &pulled.digest)?;
    }
    Ok(written(&file, reference, &pulled))
}
