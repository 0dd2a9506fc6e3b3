//! The commands of `rustus plugin` that speak with registries, or with what came
//! from one.

mod install;
mod kept;
mod load;
mod outcome;
mod pull;
mod push;
mod save;
mod signed_file;
mod signers;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

pub(super) use kept::{Kept, kept};
use outcome::Outcome;

use super::CommandError;
use super::progress::Transfers;
use crate::cli::{OciFlags, RegistryCommand};
use crate::oci::{
    Cache, Client, ClientConfig, Lock, PullPolicy, Pulled, Puller, Reference, Trust, Wanted,
};

/// The largest module that a command fetches. The server has its own limit for
/// each plugin; this one only keeps a registry from filling the memory.
const MODULE: u64 = 1024 * 1024 * 1024;

/// Does what the command says. The exit code is another than 0 where something is
/// not signed as it must be.
pub(super) fn run(
    command: &RegistryCommand,
    out: &mut dyn Write,
) -> Result<ExitCode, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(carry_out(command));
    // A look-up of a name that hangs is not waited for.
    runtime.shutdown_background();
    done?.print(command.flags().json, out)
}

async fn carry_out(command: &RegistryCommand) -> Result<Outcome, CommandError> {
    let oci = &command.flags().oci;
    match command {
        RegistryCommand::Push {
            file,
            reference,
            sign,
            annotation,
            ..
        } => push::run(file, reference, sign.as_deref(), annotation, oci).await,
        RegistryCommand::Pull {
            reference, output, ..
        } => pull::run(reference, output.as_deref(), oci).await,
        RegistryCommand::Install {
            reference,
            into,
            name,
            locked,
            ..
        } => install::run(reference, into, name.as_deref(), *locked, oci).await,
        RegistryCommand::Verify { what, bundle, .. } => {
            verify::run(what, bundle.as_deref(), oci).await
        }
        RegistryCommand::Save {
            references, output, ..
        } => save::run(references, output, oci).await,
        RegistryCommand::Load { file, .. } => load::run(file, oci),
    }
}

/// Where what is pulled is kept.
fn cache_dir(oci: &OciFlags) -> PathBuf {
    oci.cache_dir(Path::new(".rustus-oci"))
}

fn client(oci: &OciFlags) -> Result<Client, CommandError> {
    let config = oci.client().map_err(CommandError::Flags)?;
    Ok(Client::new(ClientConfig {
        audience: Some(Arc::new(Transfers)),
        ..config
    })?)
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
