//! `rustus plugin push`: a module into a registry.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::outcome::{Outcome, described, pinned};
use super::{CommandError, OciFlags, Reference, client};
use crate::oci::{OciError, PrivateKey};

/// The variable that cosign reads the password of its keys from.
const PASSWORD: &str = "COSIGN_PASSWORD";

/// Puts `file` there and signs it if there is a key.
pub(super) async fn run(
    file: &Path,
    reference: &Reference,
    sign: Option<&Path>,
    annotations: &[(String, String)],
    oci: &OciFlags,
) -> Result<Outcome, CommandError> {
    if reference.digest().is_some() {
        return Err(CommandError::Flags(format!(
            "{reference} has a digest, and that of what is pushed follows from its content; name \
             a tag"
        )));
    }
    // A key that can't be used is said before anything is there without a
    // signature.
    let password = std::env::var(PASSWORD).ok();
    let key = sign.map(|file| PrivateKey::read(file, password.as_deref()));
    let key = key.transpose()?;
    let module = fs::read(file).map_err(|source| OciError::File {
        path: file.to_owned(),
        source,
    })?;
    let client = client(oci)?;
    let annotations = annotations.iter().cloned().collect();
    let digest = client.push(reference, &module, annotations).await?;
    if let Some(key) = key {
        client.sign(reference, &digest, &key).await?;
    }
    let mut object = described(reference, &digest, &module);
    object.insert("signed_with".to_owned(), json!(sign));
    Ok(Outcome::of(vec![pinned(reference, &digest)], object))
}
