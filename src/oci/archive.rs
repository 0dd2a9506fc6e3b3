//! A set of modules in one file, for networks that no registry is in reach of:
//! an OCI image layout in a tar archive, with the signatures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use serde::Serialize;

use super::artifact::Artifact;
use super::cache::Cache;
use super::client::MANIFEST;
use super::error::OciError;
use super::lock::Lock;
use super::manifest::{Descriptor, Index, MANIFEST_TYPE, Manifest};
use super::reference::{Digest, Reference};

/// Which reference a manifest in the index was pulled by.
const REFERENCE: &str = "org.opencontainers.image.ref.name";

/// Which manifest one in the index is a signature of.
const SIGNATURE_OF: &str = "dev.rustus.signature.of";

/// The largest blob that is taken out of an archive, or put into one: more than
/// any module may have.
const BLOB: u64 = 1024 * 1024 * 1024;

/// The most files that are taken out of an archive.
const FILES: usize = 100_000;

/// A module in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contained {
    /// Where it comes from.
    pub reference: Reference,
    /// Its manifest.
    pub digest: Digest,
}

/// Writes what was pulled, out of the cache, into `file`.
///
/// # Errors
/// Something is not in the cache, or the file can't be written.
pub fn save(cache: &Cache, modules: &[Contained], file: &Path) -> Result<(), OciError> {
    let mut index = Vec::new();
    let mut blobs = BTreeSet::new();
    for module in modules {
        let bytes = cached(cache, &module.digest, MANIFEST)?;
        let artifact = Artifact::parse(&bytes, module.digest.clone())?;
        let parts = [
            &module.digest,
            &artifact.config.digest,
            &artifact.layer.digest,
        ];
        blobs.extend(parts.map(Digest::clone));
        index.push(entry(&bytes, REFERENCE, module.reference.to_string()));
        for signature in cache.referrers(&module.digest)? {
            let bytes = cached(cache, &signature, MANIFEST)?;
            index.push(entry(&bytes, SIGNATURE_OF, module.digest.to_string()));
            blobs.insert(signature);
            let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else {
                continue;
            };
            let blobs_of = manifest.layers.into_iter().chain([manifest.config]);
            for blob in blobs_of.map(|blob| blob.digest) {
                // Only what is a signature was fetched.
                if cache.read(&blob, BLOB)?.is_some() {
                    blobs.insert(blob);
                }
            }
        }
    }
    let written = || -> Result<(), OciError> {
        // Beside its place until it is whole.
        let directory = file.parent().filter(|it| !it.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let temporary = tempfile::NamedTempFile::new_in(directory).map_err(at(file))?;
        let mut archive = tar::Builder::new(BufWriter::new(temporary));
        let layout = serde_json::json!({ "imageLayoutVersion": "1.0.0" });
        append(&mut archive, "oci-layout", layout.to_string().as_bytes()).map_err(at(file))?;
        let index = json(&Index::of(index))?;
        append(&mut archive, "index.json", &index).map_err(at(file))?;
        for digest in &blobs {
            let bytes = cached(cache, digest, BLOB)?;
            let name = format!("blobs/sha256/{}", digest.hex());
            append(&mut archive, &name, &bytes).map_err(at(file))?;
        }
        let buffered = archive.into_inner().map_err(at(file))?;
        let temporary = buffered
            .into_inner()
            .map_err(|error| at(file)(error.into()))?;
        temporary.as_file().sync_all().map_err(at(file))?;
        let kept = temporary
            .persist(file)
            .map_err(|error| at(file)(error.error));
        kept.map(drop)
    };
    written()
}

/// Puts what is in an archive into the cache and the lock file, and returns what
/// it was.
///
/// # Errors
/// It is no such archive, or something in it is not what it is named after.
pub fn load(file: &Path, cache: &Cache, lock: &Lock) -> Result<Vec<Contained>, OciError> {
    let wrong = |reason: String| OciError::Unusable {
        path: file.to_owned(),
        reason,
    };
    let mut archive = tar::Archive::new(File::open(file).map_err(at(file))?);
    let mut index = None;
    let entries = archive.entries().map_err(at(file))?;
    for (count, entry) in entries.enumerate() {
        if count >= FILES {
            return Err(wrong(format!("it has more than {FILES} files")));
        }
        let mut entry = entry.map_err(at(file))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.trim_start_matches("./").to_owned();
        if name == "index.json" {
            let bytes = content(&mut entry, MANIFEST).map_err(at(file))?;
            index = Some(
                serde_json::from_slice::<Index>(&bytes)
                    .map_err(|error| wrong(format!("its index can't be read ({error})")))?,
            );
        } else if let Some(hex) = name
            .strip_prefix("blobs/sha256/")
            .filter(|it| !it.is_empty())
        {
            let digest = Digest::parse(&format!("sha256:{hex}"))
                .ok_or_else(|| wrong(format!("`{name}` is not named after a digest")))?;
            let bytes = content(&mut entry, BLOB).map_err(at(file))?;
            if Digest::of(&bytes) != digest {
                return Err(wrong(format!("`{name}` is not what it is named after")));
            }
            cache.write(&digest, &bytes)?;
        }
    }
    let Some(index) = index else {
        return Err(wrong(
            "it is no OCI image layout; `rustus plugin save` writes one".to_owned(),
        ));
    };
    enter(index, cache, lock)
}

/// Enters what an index names, if all of it is there.
fn enter(index: Index, cache: &Cache, lock: &Lock) -> Result<Vec<Contained>, OciError> {
    let mut modules = Vec::new();
    let mut signatures: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
    for manifest in index.manifests {
        let annotation = |name: &str| manifest.annotations.get(name);
        if let Some(subject) = annotation(SIGNATURE_OF).and_then(|text| Digest::parse(text)) {
            signatures.entry(subject).or_default().push(manifest.digest);
            continue;
        }
        let Some(reference) = annotation(REFERENCE) else {
            continue;
        };
        let reference: Reference = reference.parse()?;
        let bytes = cached(cache, &manifest.digest, MANIFEST)?;
        let artifact = Artifact::parse(&bytes, manifest.digest.clone())?;
        for part in [&artifact.config, &artifact.layer] {
            cached(cache, &part.digest, BLOB)?;
        }
        modules.push(Contained {
            reference,
            digest: manifest.digest,
        });
    }
    for (subject, manifests) in signatures {
        cache.keep_referrers(&subject, &manifests)?;
    }
    for module in &modules {
        if module.reference.digest().is_none() {
            lock.keep(&module.reference, &module.digest)?;
        }
    }
    Ok(modules)
}

fn cached(cache: &Cache, digest: &Digest, limit: u64) -> Result<Vec<u8>, OciError> {
    cache
        .read(digest, limit)?
        .ok_or_else(|| OciError::NotCached {
            what: digest.to_string(),
        })
}

fn entry(manifest: &[u8], annotation: &str, value: String) -> Descriptor {
    let mut descriptor = Descriptor::of(MANIFEST_TYPE, manifest);
    descriptor.annotations.insert(annotation.to_owned(), value);
    descriptor
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, OciError> {
    serde_json::to_vec(value).map_err(|error| OciError::NoArtifact(error.to_string()))
}

fn at(path: &Path) -> impl Fn(io::Error) -> OciError + Copy {
    move |source| OciError::File {
        path: path.to_owned(),
        source,
    }
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, bytes)
}

/// All of a file in an archive, if it has at most `limit` bytes.
fn content(entry: &mut impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::other(format!(
            "a file in it has more than {limit} bytes"
        ))),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::artifact::Written;
    use crate::oci::wasm::WasmConfig;

    fn cache_with(module: &[u8]) -> (tempfile::TempDir, Cache, Contained) {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().join("cache"));
        let config = WasmConfig::of(module).unwrap();
        let written = Written::of(module, &config, BTreeMap::new()).unwrap();
        for bytes in [&written.manifest, &written.config, &module.to_vec()] {
            cache.write(&Digest::of(bytes), bytes).unwrap();
        }
        let contained = Contained {
            reference: "registry.example/a:1".parse().unwrap(),
            digest: written.digest,
        };
        (directory, cache, contained)
    }

    #[test]
    fn what_is_saved_is_loaded_elsewhere() {
        let module = wat::parse_str("(module)").unwrap();
        let (directory, cache, contained) = cache_with(&module);
        let file = directory.path().join("set.tar");
        save(&cache, std::slice::from_ref(&contained), &file).unwrap();

        let there = Cache::new(directory.path().join("there"));
        let lock = Lock::new(directory.path().join("lock"));
        let loaded = load(&file, &there, &lock).unwrap();
        assert_eq!(loaded, std::slice::from_ref(&contained));
        assert_eq!(
            lock.digest(&contained.reference).unwrap(),
            Some(contained.digest)
        );
        let found = there.read(&Digest::of(&module), BLOB).unwrap();
        assert_eq!(found.unwrap(), module);
    }

    #[test]
    fn an_archive_that_lies_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("set.tar");
        let cache = Cache::new(directory.path().join("cache"));
        let lock = Lock::new(directory.path().join("lock"));
        let hex = Digest::of(b"x").hex().to_owned();
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"x","size":1,"digest":"sha256:{hex}",
                "annotations":{{"{REFERENCE}":"registry.example/a:1"}}}}]}}"#
        );
        for (files, said) in [
            (vec![("a.txt".to_owned(), "x")], "no OCI image layout"),
            (
                vec![(format!("blobs/sha256/{hex}"), "y")],
                "not what it is named",
            ),
            (
                vec![("blobs/sha256/../x".to_owned(), "y")],
                "not named after",
            ),
            (vec![("index.json".to_owned(), "[")], "can't be read"),
            (
                vec![("index.json".to_owned(), index.as_str())],
                "not in the cache",
            ),
        ] {
            let mut archive = tar::Builder::new(File::create(&file).unwrap());
            for (name, content) in files {
                let mut header = tar::Header::new_gnu();
                header.set_size(content.len() as u64);
                // As a hostile hand would write it: unchecked.
                header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
                header.set_cksum();
                archive.append(&header, content.as_bytes()).unwrap();
            }
            archive.finish().unwrap();
            let error = load(&file, &cache, &lock).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert!(!directory.path().join("lock").exists());
        }
    }
}
