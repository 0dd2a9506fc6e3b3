//! The guests that `./x guests` builds, and ways to put them into a directory.

use std::fs;
use std::path::{Path, PathBuf};

/// The built component of a guest crate.
pub fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/guests")
        .join(format!("{name}.wasm"));
    assert!(
        path.exists(),
        "{} is not there; `./x guests` builds it, and `./x test` runs both",
        path.display()
    );
    path
}

/// The bytes of a built component.
pub fn bytes(name: &str) -> Vec<u8> {
    fs::read(built(name)).unwrap()
}

/// The bytes of a component that is built only where its language is installed.
pub fn built_if_there(name: &str) -> Option<Vec<u8>> {
    let folder = built("refuse-meme").with_file_name(format!("{name}.wasm"));
    fs::read(folder).ok()
}

/// Puts a guest into `directory` as `name.wasm`, at one stroke.
pub fn install(directory: &Path, guest: &str, name: &str) {
    replace(&directory.join(format!("{name}.wasm")), &bytes(guest));
}

/// Writes a file at one stroke: a temporary name, then a rename.
pub fn replace(path: &Path, bytes: &[u8]) {
    let temporary = path.with_file_name(format!(
        ".{}.new",
        path.file_name().unwrap().to_str().unwrap()
    ));
    fs::write(&temporary, bytes).unwrap();
    fs::rename(&temporary, path).unwrap();
}
