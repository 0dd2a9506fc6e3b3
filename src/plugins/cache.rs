//! The compile cache: native code by content, over restarts.
//!
//! A Python or JavaScript guest takes seconds to compile and milliseconds to
//! load. An entry is named after the module's SHA-256 and after everything in
//! the compiler that shapes its output, and ends with its own SHA-256.
//!
//! Whoever can write an entry can run code in the server. The directory is
//! therefore used only if it belongs to the server's user and nobody else may
//! write to it.

use std::fs::{self, DirBuilder, File};
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// What a module's content is known by: SHA-256 in lower-case hexadecimal.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// How much the directory may hold. 1 GiB is 30 Python guests, or thousands in
/// Rust; beyond it the entries that were not used for longest go.
const CAPACITY: u64 = 1024 * 1024 * 1024;

/// Compiled modules on disk.
#[derive(Debug)]
pub(super) struct CompileCache {
    /// `None` when there is no directory that can be trusted.
    directory: Option<PathBuf>,
    engine_key: String,
}

impl CompileCache {
    /// Opens the cache in `directory`, which is made if it is missing. A
    /// directory that can't be used is a warning, not an error: the server
    /// works without, and compiles at every start.
    pub(super) fn open(directory: &Path, engine: &Engine) -> Self {
        let directory = match private_directory(directory) {
            Ok(()) => Some(directory.to_owned()),
            Err(reason) => {
                tracing::warn!(
                    directory = %directory.display(), %reason,
                    "the compile cache is not used, so plugins are compiled at every start; \
                     --compile-cache-dir names another directory"
                );
                None
            }
        };
        Self {
            directory,
            engine_key: engine_key(engine),
        }
    }

    /// The code of `bytes`, compiled now or earlier. Says whether it was compiled
    /// now.
    pub(super) fn code<C: Code>(
        &self,
        engine: &Engine,
        bytes: &[u8],
        digest: &str,
    ) -> wasmtime::Result<(C, bool)> {
        let Some(directory) = &self.directory else {
            return Ok((C::compile(engine, bytes)?, true));
        };
        let entry = directory.join(format!("{digest}-{}.cwasm", self.engine_key));
        if let Some(code) = load(engine, &entry) {
            return Ok((code, false));
        }
        let native = C::precompile(engine, bytes)?;
        if let Err(error) = store(directory, &entry, &native) {
            tracing::warn!(entry = %entry.display(), %error, "the compile cache could not be written");
            return Ok((C::compile(engine, bytes)?, true));
        }
        make_room(directory, &entry);
        match load(engine, &entry) {
            Some(code) => Ok((code, true)),
            None => Ok((C::compile(engine, bytes)?, true)),
        }
    }
}

/// What compiles to native code: a component, or a core module.
pub(super) trait Code: Sized {
    /// Compiles into memory.
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self>;

    /// Compiles to what [`Code::deserialize`] reads.
    fn precompile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Vec<u8>>;

    /// Takes what [`Code::precompile`] returned.
    ///
    /// # Safety
    /// Anything else is executed as native code.
    #[allow(unsafe_code)]
    unsafe fn deserialize(engine: &Engine, native: &[u8]) -> wasmtime::Result<Self>;
}

macro_rules! code {
    ($kind:ident, $precompile:ident) => {
        #[allow(unsafe_code)]
        impl Code for $kind {
            fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
                Self::new(engine, bytes)
            }

            fn precompile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Vec<u8>> {
                engine.$precompile(bytes)
            }

            unsafe fn deserialize(engine: &Engine, native: &[u8]) -> wasmtime::Result<Self> {
                // SAFETY: the caller's.
                unsafe { $kind::deserialize(engine, native) }
            }
        }
    };
}

code!(Component, precompile_component);
code!(Module, precompile_module);

/// Everything that shapes compiled code, in a form that is the same in every
/// process.
fn engine_key(engine: &Engine) -> String {
    struct Stable(Sha256);
    impl Hasher for Stable {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        // Not asked for: the whole digest is taken below.
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Stable(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut key = hex(&hasher.0.finalize());
    key.truncate(16);
    key
}

fn private_directory(directory: &Path) -> Result<(), String> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| format!("it can't be created: {error}"))?;
    let metadata =
        fs::symlink_metadata(directory).map_err(|error| format!("it can't be read: {error}"))?;
    if !metadata.is_dir() {
        return Err("it is not a directory".to_owned());
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".to_owned());
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!(
            "others may write to it (mode {:o}); `chmod go-w` makes it private",
            metadata.mode() & 0o777
        ));
    }
    Ok(())
}

/// The last bytes of an entry: the SHA-256 of all before them, so that a torn
/// or rotten file is compiled again and never executed.
const SEAL: usize = 32;

fn load<C: Code>(engine: &Engine, entry: &Path) -> Option<C> {
    let sealed = fs::read(entry).ok()?;
    let (code, seal) = sealed.split_last_chunk::<SEAL>()?;
    if Sha256::digest(code).as_slice() != seal {
        tracing::warn!(entry = %entry.display(), "a damaged entry of the compile cache is replaced");
        remove(entry);
        return None;
    }
    // What is used most recently is removed last.
    if let Err(error) = File::open(entry).and_then(|file| file.set_modified(SystemTime::now())) {
        tracing::debug!(entry = %entry.display(), %error, "the time of last use is not recorded");
    }
    deserialize(engine, code)
        .inspect_err(|error| {
            tracing::warn!(entry = %entry.display(), %error, "an entry of the compile cache is replaced");
            remove(entry);
        })
        .ok()
}

#[allow(unsafe_code)]
fn deserialize<C: Code>(engine: &Engine, code: &[u8]) -> wasmtime::Result<C> {
    // SAFETY: `code` has to be what `Code::precompile` returned. It was
    // read from a directory that only this user can write, under a name that is
    // the compiler's own key, and its seal was just verified.
    unsafe { C::deserialize(engine, code) }
}

fn store(directory: &Path, entry: &Path, code: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(code)?;
    file.write_all(&Sha256::digest(code))?;
    file.as_file().sync_all()?;
    file.persist(entry)?;
    Ok(())
}

fn make_room(directory: &Path, keep: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let mut entries: Vec<(SystemTime, u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), entry.path()))
        })
        .collect();
    entries.sort();
    let mut total: u64 = entries.iter().map(|(_, size, _)| size).sum();
    for (_, size, path) in entries {
        if total <= CAPACITY {
            break;
        }
        if path != keep {
            remove(&path);
            total = total.saturating_sub(size);
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "an entry of the compile cache can't be removed");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const EMPTY: &str = "(component)";

    fn engine() -> Engine {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        Engine::new(&config).unwrap()
    }

    fn wasm() -> (Vec<u8>, String) {
        let bytes = wat::parse_str(EMPTY).unwrap();
        let digest = digest_of(&bytes);
        (bytes, digest)
    }

    fn only_entry(directory: &Path) -> PathBuf {
        let mut entries = fs::read_dir(directory).unwrap();
        let entry = entries.next().unwrap().unwrap().path();
        assert!(entries.next().is_none());
        entry
    }

    #[test]
    fn a_module_is_compiled_once_even_over_restarts() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let (bytes, digest) = wasm();
        for compiled in [true, false] {
            let engine = engine();
            let cache = CompileCache::open(directory.path(), &engine);
            let (_, now) = cache.code::<Component>(&engine, &bytes, &digest).unwrap();
            assert_eq!(now, compiled);
        }
    }

    #[test]
    fn a_core_module_is_compiled_once_too() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let bytes = wat::parse_str("(module)").unwrap();
        let digest = digest_of(&bytes);
        let engine = engine();
        let cache = CompileCache::open(directory.path(), &engine);
        for compiled in [true, false] {
            let (_, now) = cache.code::<Module>(&engine, &bytes, &digest).unwrap();
            assert_eq!(now, compiled);
        }
    }

    #[test]
    fn a_damaged_entry_is_compiled_again_and_never_executed() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let engine = engine();
        let cache = CompileCache::open(directory.path(), &engine);
        let (bytes, digest) = wasm();
        cache.code::<Component>(&engine, &bytes, &digest).unwrap();
        let entry = only_entry(directory.path());
        let mut code = fs::read(&entry).unwrap();
        let half = code.len() / 2;
        for damaged in [code[..half].to_vec(), vec![], {
            code[half] ^= 1;
            code.clone()
        }] {
            fs::write(&entry, damaged).unwrap();
            assert!(cache.code::<Component>(&engine, &bytes, &digest).unwrap().1);
            assert!(!cache.code::<Component>(&engine, &bytes, &digest).unwrap().1);
        }
    }

    #[test]
    fn a_directory_that_others_can_write_is_not_trusted() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let engine = engine();
        let cache = CompileCache::open(directory.path(), &engine);
        let (bytes, digest) = wasm();
        assert!(cache.code::<Component>(&engine, &bytes, &digest).unwrap().1);
        assert!(fs::read_dir(directory.path()).unwrap().next().is_none());
    }
}
