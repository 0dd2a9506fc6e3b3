//! What was fetched, by its digest.
//!
//! A file is written beside its place, synchronised and renamed, so that there is
//! all of it or nothing. It is hashed again each time that it is read: what a
//! disk or a hand has changed is removed and not used.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::OciError;
use super::reference::Digest;

/// A directory of blobs and manifests.
#[derive(Debug, Clone)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// The cache in `directory`, which is made when the first thing is kept.
    #[must_use]
    pub const fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn place(&self, kind: &str, digest: &Digest) -> PathBuf {
        self.directory.join(kind).join("sha256").join(digest.hex())
    }

    /// The content with this digest, if it is there, whole, and no larger than
    /// `limit`.
    pub(super) fn read(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, OciError> {
        let path = self.place("blobs", digest);
        let Some(bytes) = read_at_most(&path, limit)? else {
            return Ok(None);
        };
        if Digest::of(&bytes) == *digest {
            return Ok(Some(bytes));
        }
        tracing::warn!(
            file = %path.display(), %digest,
            "a file of the registry cache does not have the digest that it is named after; removed"
        );
        fs::remove_file(&path).map_err(|source| at(&path, source))?;
        Ok(None)
    }

    /// Keeps `bytes`, whose digest was checked.
    pub(super) fn write(&self, digest: &Digest, bytes: &[u8]) -> Result<(), OciError> {
        write_whole(&self.place("blobs", digest), bytes, PRIVATE)
    }

    /// The manifests that were found to belong to `subject`.
    pub(super) fn referrers(&self, subject: &Digest) -> Result<Vec<Digest>, OciError> {
        const MANY: u64 = 64 * 1024;
        let path = self.place("referrers", subject);
        let bytes = read_at_most(&path, MANY)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().filter_map(Digest::parse).collect())
    }

    /// Keeps which manifests belong to `subject`.
    pub(super) fn keep_referrers(
        &self,
        subject: &Digest,
        manifests: &[Digest],
    ) -> Result<(), OciError> {
        let lines: String = manifests
            .iter()
            .map(|digest| format!("{digest}\n"))
            .collect();
        write_whole(&self.place("referrers", subject), lines.as_bytes(), PRIVATE)
    }
}

fn at(path: &Path, source: io::Error) -> OciError {
    OciError::File {
        path: path.to_owned(),
        source,
    }
}

/// The file's content; `None` if there is no file, or one larger than `limit`.
fn read_at_most(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, OciError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path, error)),
    };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| at(path, error))?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// The mode of files that are the server's own.
pub(super) const PRIVATE: u32 = 0o600;

/// Puts `bytes` at `path` so that nobody ever sees a part of them there.
///
/// # Errors
/// It can't be written.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> Result<(), OciError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let written = || -> io::Result<()> {
        if !directory.as_os_str().is_empty() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
        }
        let directory = match directory.as_os_str().is_empty() {
            true => Path::new("."),
            false => directory,
        };
        // Hidden, so that a directory of plugins passes over it.
        let mut file = tempfile::Builder::new()
            .prefix(".rustus-")
            .tempfile_in(directory)?;
        file.write_all(bytes)?;
        let mode = Permissions::from_mode(mode);
        file.as_file().set_permissions(mode)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(directory)?.sync_all()
    };
    written().map_err(|error| at(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_and_a_changed_file_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().join("oci"));
        let digest = Digest::of(b"module");
        assert!(cache.read(&digest, 100).unwrap().is_none());
        cache.write(&digest, b"module").unwrap();
        assert_eq!(cache.read(&digest, 6).unwrap().unwrap(), b"module");
        assert!(cache.read(&digest, 5).unwrap().is_none());

        let path = cache.place("blobs", &digest);
        fs::write(&path, b"modulo").unwrap();
        assert!(cache.read(&digest, 100).unwrap().is_none());
        assert!(!path.exists());
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 0);
    }

    #[test]
    fn what_belongs_to_a_manifest_is_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().to_owned());
        let (subject, one, two) = (Digest::of(b"s"), Digest::of(b"1"), Digest::of(b"2"));
        assert!(cache.referrers(&subject).unwrap().is_empty());
        cache
            .keep_referrers(&subject, &[one.clone(), two.clone()])
            .unwrap();
        assert_eq!(cache.referrers(&subject).unwrap(), [one, two]);
    }
}
