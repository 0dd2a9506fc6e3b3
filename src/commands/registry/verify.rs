//! `rustus plugin verify`: who has signed a module.

use std::io::Write;
use std::path::Path;

use super::{CommandError, OciFlags, Reference, cache_dir, pinned, puller, wanted};
use crate::oci::{Cache, Lock, PullPolicy, Puller, Wanted, load};

/// Looks at the signatures of what `what` names, and prints whose they are.
pub(super) async fn run(
    what: &str,
    oci: &OciFlags,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let puller = puller(oci, oci.lock(&cache_dir(oci)))?;
    if puller.trust.is_empty() {
        return Err(CommandError::Flags(
            "there is nobody to trust; name a key with --oci-key, or an identity with \
             --oci-identity, --oci-issuer and --oci-trust-root"
                .to_owned(),
        ));
    }
    if Path::new(what).is_file() {
        return archive(Path::new(what), puller, out).await;
    }
    let reference: Reference = what.parse()?;
    let digest = match reference.digest() {
        Some(digest) => digest.clone(),
        None => puller.now(&reference).await?,
    };
    let at: Reference = pinned(&reference, &digest).parse()?;
    report(&puller, &wanted(&at), out).await
}

/// Each module of an archive, unpacked to where it harms nobody.
async fn archive(file: &Path, puller: Puller, out: &mut dyn Write) -> Result<(), CommandError> {
    let directory = tempfile::tempdir()?;
    let cache = Cache::new(directory.path().join("cache"));
    let lock = Lock::new(directory.path().join("lock"));
    let contained = load(file, &cache, &lock)?;
    if contained.is_empty() {
        return Err(CommandError::Flags(format!(
            "{} has no module in it that `rustus plugin load` would take, so nothing is verified",
            file.display()
        )));
    }
    let puller = Puller {
        cache,
        lock,
        ..puller
    };
    for module in contained {
        let at: Reference = pinned(&module.reference, &module.digest).parse()?;
        let wanted = Wanted {
            policy: PullPolicy::Never,
            ..wanted(&at)
        };
        report(&puller, &wanted, out).await?;
    }
    Ok(())
}

async fn report(puller: &Puller, wanted: &Wanted, out: &mut dyn Write) -> Result<(), CommandError> {
    let (_, signed_by) = puller.verify(wanted).await?;
    writeln!(
        out,
        "{} is signed by {}",
        wanted.reference,
        signed_by.join(" and by ")
    )?;
    Ok(())
}
