//! Putting a file into a folder that a server may be watching.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Copies `from` to `folder/name` so that nobody ever sees a part of it: written
/// under a name with a dot in front, which the server ignores, synchronised, and
/// renamed. Returns the new path.
pub(crate) fn atomically(from: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    let to = folder.join(name);
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = write(from, folder, &temporary)
        .and_then(|()| fs::rename(&temporary, &to))
        .and_then(|()| File::open(folder)?.sync_all());
    if written.is_err() {
        // The error that led here says more than one about the leftover.
        drop(fs::remove_file(&temporary));
    }
    written.with_context(|| format!("cannot put {} at {}", from.display(), to.display()))?;
    Ok(to)
}

fn write(from: &Path, folder: &Path, temporary: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = File::create(temporary)?;
    io::copy(&mut File::open(from)?, &mut file)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    #[test]
    fn the_new_file_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let folder = env::temp_dir().join(format!("xtask-place-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (source, hooks) = (folder.join("source"), folder.join("hooks"));
        for content in ["one", "two"] {
            fs::write(&source, content).unwrap();
            let placed = super::atomically(&source, &hooks, "a.wasm").unwrap();
            assert_eq!(fs::read_to_string(placed).unwrap(), content);
        }
        assert_eq!(fs::read_dir(&hooks).unwrap().count(), 1);

        assert!(super::atomically(&folder.join("missing"), &hooks, "b.wasm").is_err());
        assert_eq!(fs::read_dir(&hooks).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
