//! The commands of `rustus plugin` that speak with registries, or with what came
//! from one.

mod install;
mod kept;
mod load;
mod pull;
mod push;
mod save;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) use kept::{Kept, kept};

use super::CommandError;
use crate::cli::{OciFlags, RegistryCommand};
use crate::oci::{Cache, Client, Lock, PullPolicy, Pulled, Puller, Reference, Trust, Wanted};

/// The largest module that a command fetches. The server has its own limit for
/// each plugin; this one only keeps a registry from filling the memory.
const MODULE: u64 = 1024 * 1024 * 1024;

/// Does what the command says.
pub(super) fn run(command: &RegistryCommand, out: &mut dyn Write) -> Result<(), CommandError> {
    let oci = command.oci();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(async {
        match command {
            RegistryCommand::Push {
                file,
                reference,
                sign,
                annotation,
                ..
            } => push::run(file, reference, sign.as_deref(), annotation, oci, out).await,
            RegistryCommand::Pull {
                reference, output, ..
            } => pull::run(reference, output.as_deref(), oci, out).await,
            RegistryCommand::Install {
                reference,
                into,
                name,
                locked,
                ..
            } => install::run(reference, into, name.as_deref(), *locked, oci, out).await,
            RegistryCommand::Verify { what, .. } => verify::run(what, oci, out).await,
            RegistryCommand::Save {
                references, output, ..
            } => save::run(references, output, oci, out).await,
            RegistryCommand::Load { file, .. } => load::run(file, oci, out),
        }
    });
    // A credential helper that hangs is not waited for.
    runtime.shutdown_background();
    done
}

/// Where what is pulled is kept.
fn cache_dir(oci: &OciFlags) -> PathBuf {
    oci.cache_dir(Path::new(".rustus-oci"))
}

fn client(oci: &OciFlags) -> Result<Client, CommandError> {
    Ok(Client::new(oci.client().map_err(CommandError::Flags)?)?)
}

/// What pulls, with the lock file at `lock`.
fn puller(oci: &OciFlags, lock: PathBuf) -> Result<Puller, CommandError> {
    let trust = oci.trust().map_err(CommandError::Flags)?;
    Ok(Puller {
        client: client(oci)?,
        cache: Cache::new(cache_dir(oci)),
        lock: Lock::new(lock),
        trust: Trust::read(&trust)?,
    })
}

fn wanted(reference: &Reference) -> Wanted {
    Wanted {
        reference: reference.clone(),
        policy: PullPolicy::IfNotPresent,
        limit: MODULE,
    }
}

/// What a reference leads to now, whatever it led to before.
async fn newest(puller: &Puller, reference: &Reference) -> Result<Pulled, CommandError> {
    let digest = match reference.digest() {
        Some(digest) => digest.clone(),
        None => puller.now(reference).await?,
    };
    Ok(puller
        .pull_digest(&wanted(reference), digest, |_| Ok(()))
        .await?)
}

/// The repository and the digest: what names a module for good.
fn pinned(reference: &Reference, digest: &crate::oci::Digest) -> String {
    format!("{}/{}@{digest}", reference.host(), reference.repository())
}
