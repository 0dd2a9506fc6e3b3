//! `rustus plugin verify`: who has signed a module.

use std::path::Path;

use serde_json::{Map, Value};

use super::outcome::{Outcome, named, pinned};
use super::save::archive as contents;
use super::signers::Signers;
use super::{CommandError, OciFlags, Reference, cache_dir, puller, signed_file, wanted};
use crate::oci::{Cache, Digest, Lock, PullPolicy, Puller, Wanted, load};

/// Looks at the signatures of what `what` names, and says whose they are.
pub(super) async fn run(
    what: &str,
    bundle: Option<&Path>,
    oci: &OciFlags,
) -> Result<Outcome, CommandError> {
    let puller = puller(oci, oci.lock(&cache_dir(oci)))?;
    if puller.trust.is_empty() {
        return Err(CommandError::Flags(
            "there is nobody to trust; name a key with --oci-key, or an identity with \
             --oci-identity, --oci-issuer and --oci-trust-root"
                .to_owned(),
        ));
    }
    let file = Path::new(what);
    if file.is_file() && signed_file::is_module(file)? {
        return signed_file::run(file, bundle, &puller.trust);
    }
    if bundle.is_some() {
        return Err(CommandError::Flags(format!(
            "{what} is no module's file, and --bundle is the signature of one; name such a file, \
             or leave --bundle out: what is in a registry or an archive has its signatures with it"
        )));
    }
    if file.is_file() {
        return archive(file, puller).await;
    }
    let reference: Reference = what.parse()?;
    let digest = match reference.digest() {
        Some(digest) => digest.clone(),
        None => puller.now(&reference).await?,
    };
    let judged = Judged::of(&puller, &reference, &digest, PullPolicy::IfNotPresent).await?;
    let json = judged.as_json();
    Ok(outcome(vec![judged], json))
}

/// Each module of an archive, unpacked to where it harms nobody.
async fn archive(file: &Path, puller: Puller) -> Result<Outcome, CommandError> {
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
    let mut all = Vec::new();
    for module in &contained {
        let (reference, digest) = (&module.reference, &module.digest);
        all.push(Judged::of(&puller, reference, digest, PullPolicy::Never).await?);
    }
    let json = contents(file, all.iter().map(Judged::as_json).collect());
    Ok(outcome(all, json))
}

/// A module, and who has signed it.
struct Judged {
    reference: Reference,
    digest: Digest,
    signers: Signers,
}

impl Judged {
    async fn of(
        puller: &Puller,
        reference: &Reference,
        digest: &Digest,
        policy: PullPolicy,
    ) -> Result<Self, CommandError> {
        let at: Reference = pinned(reference, digest).parse()?;
        let wanted = Wanted {
            policy,
            ..wanted(&at)
        };
        let verified = puller.verify(&wanted).await;
        Ok(Self {
            reference: reference.clone(),
            digest: digest.clone(),
            signers: Signers::of(verified.map(|(_, signed_by)| signed_by))?,
        })
    }

    fn as_json(&self) -> Map<String, Value> {
        let mut object = named(&self.reference, &self.digest);
        object.extend(self.signers.as_json());
        object
    }
}

fn outcome(all: Vec<Judged>, json: Map<String, Value>) -> Outcome {
    let mut outcome = Outcome::of(Vec::new(), json);
    for Judged {
        reference,
        digest,
        signers,
    } in all
    {
        signers.tell(&mut outcome, &pinned(&reference, &digest));
    }
    outcome
}
