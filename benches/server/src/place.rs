//! Where everything is: the programs to measure, and a directory for their
//! files that goes away at the end.

use std::cell::Cell;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Programs {
    /// The server's release binary
    #[arg(long, value_name = "FILE")]
    pub(crate) rustus: PathBuf,
    /// The folder with refuse-meme.wasm, rule-a.wasm and rule-b.wasm
    #[arg(long, value_name = "DIR")]
    pub(crate) guests: PathBuf,
    /// The folder with server.mjs and its node_modules
    #[arg(long, value_name = "DIR")]
    pub(crate) peer: PathBuf,
}

/// The programs, and room for their files.
#[derive(Debug)]
pub(crate) struct Place {
    programs: Programs,
    root: TempDir,
    folders: Cell<u32>,
}

impl Place {
    /// Makes a directory of our own below `parent`.
    pub(crate) fn new(mut programs: Programs, parent: &Path) -> Result<Self> {
        // Servers are started in directories of their own.
        for path in [
            &mut programs.rustus,
            &mut programs.guests,
            &mut programs.peer,
        ] {
            *path = path
                .canonicalize()
                .with_context(|| format!("cannot find {}", path.display()))?;
        }
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        let root = tempfile::Builder::new()
            .prefix("server-bench-")
            .tempdir_in(parent.canonicalize().context("the directory's path")?)
            .with_context(|| format!("cannot make a directory in {}", parent.display()))?;
        // Other workers than those of root have to reach what is theirs in it.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(root.path(), open).context("cannot open the directory to all")?;
        Ok(Self {
            programs,
            root,
            folders: Cell::new(0),
        })
    }

    /// What is measured.
    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Where everything is written.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// A new folder.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let number = self.folders.get();
        self.folders.set(number + 1);
        let folder = self.root.path().join(format!("{number}-{name}"));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

/// Removes all that is in `folder`, and lets the disk come to rest so that the
/// next one to be measured does not pay for it.
pub(crate) fn clear(folder: &Path) -> Result<()> {
    let listed = || format!("cannot clear {}", folder.display());
    for entry in fs::read_dir(folder).with_context(listed)? {
        let path = entry.with_context(listed)?.path();
        if path.is_dir() {
            fs::remove_dir_all(&path).with_context(listed)?;
        } else {
            fs::remove_file(&path).with_context(listed)?;
        }
    }
    let directory = fs::File::open(folder).with_context(listed)?;
    rustix::fs::syncfs(directory).with_context(|| format!("cannot sync {}", folder.display()))
}

/// Puts `folder` aside and an empty one in its place, and lets the disk come to
/// rest. What was put aside goes with everything else at the end.
///
/// Nothing is removed on the way because of ext4: for some minutes it does not use
/// the number of a removed file again, and looks at each of them whenever one is
/// created. After the removal of 40,000 files a creation takes a hundred times as
/// long.
pub(crate) fn set_aside(folder: &Path) -> Result<()> {
    let aside = || format!("cannot put {} aside", folder.display());
    let parent = folder.parent().with_context(aside)?;
    let kept = tempfile::Builder::new()
        .prefix("aside-")
        .tempdir_in(parent)
        .with_context(aside)?
        .keep();
    fs::rename(folder, kept.join("folder")).with_context(aside)?;
    fs::create_dir(folder).with_context(aside)?;
    // Other workers than those of root have to reach what is theirs in it.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder, open).with_context(aside)?;
    let directory = fs::File::open(folder).with_context(aside)?;
    rustix::fs::syncfs(directory).with_context(|| format!("cannot sync {}", folder.display()))
}

/// Bytes in one write of [`warm_memory`]: no less than the servers write at once,
/// because the kernel takes memory in pieces of that size.
const WARM_WRITE: usize = 1 << 20;

/// Writes a file of `bytes` into `folder` and removes it at once.
///
/// A virtual machine has to ask its host for each page of memory that it has not
/// used for a while, which takes longer than all that a server does with the
/// page. Who comes after this finds pages that were used a moment ago.
pub(crate) fn warm_memory(folder: &Path, bytes: u64) -> Result<()> {
    let path = folder.join(".warm");
    let written = || format!("cannot write {}", path.display());
    let mut file = fs::File::create(&path).with_context(written)?;
    let part = vec![0x5a; WARM_WRITE];
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(WARM_WRITE).min(WARM_WRITE);
        let part = part.get(..most).unwrap_or(&part);
        file.write_all(part).with_context(written)?;
        left -= part.len() as u64;
    }
    drop(file);
    fs::remove_file(&path).with_context(written)
}

/// The bytes of all files in `folder` together.
pub(crate) fn bytes_in(folder: &Path) -> Result<u64> {
    let listed = || format!("cannot read {}", folder.display());
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(listed)? {
        bytes += entry
            .and_then(|entry| entry.metadata())
            .with_context(listed)?
            .len();
    }
    Ok(bytes)
}
