//! A page of the documentation that is followed to the letter: its commands are run
//! as they stand there, in a directory of their own, with `rustus` on `PATH`.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use super::guarded::Guarded;
use super::project::toolchain;
use super::tus::Tus;

/// A block of commands.
#[derive(Debug, Clone)]
pub struct Block {
    /// The shell that the page says it is for.
    pub shell: &'static str,
    pub text: String,
}

impl Block {
    /// What one types for another reason than that a page says so.
    pub fn of_ours(text: impl Into<String>) -> Self {
        Self {
            shell: "sh",
            text: text.into(),
        }
    }

    /// Each line for itself, to look at what came of it in between.
    pub fn lines(&self) -> Vec<Self> {
        let line = |text: &str| Self {
            text: text.to_owned(),
            ..*self
        };
        self.text.lines().map(line).collect()
    }

    /// With `by` in place of `text`, which stands in it.
    pub fn with(&self, text: &str, by: impl AsRef<str>) -> Self {
        assert!(self.text.contains(text), "no {text:?}: {}", self.text);
        Self {
            text: self.text.replace(text, by.as_ref()),
            ..*self
        }
    }
}

/// The blocks of commands of a page, in order.
pub fn blocks(page: &str) -> Vec<Block> {
    let fenced = page.split("```").skip(1).step_by(2);
    let blocks = fenced.filter_map(|block| {
        let (language, text) = block.split_once('\n')?;
        let shell = match language {
            "sh" | "shell" | "console" => "sh",
            "bash" => "bash",
            _ => return None,
        };
        let text = text.to_owned();
        Some(Block { shell, text })
    });
    blocks.collect()
}

/// A page whose commands a test runs: all of them, or it fails when dropped.
pub struct Page {
    name: &'static str,
    left: VecDeque<Block>,
}

impl Page {
    /// The page with this path in the repository, without the blocks that are
    /// `elsewhere`.
    pub fn open(name: &'static str, elsewhere: impl Fn(&Block) -> bool) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let left = blocks(&text);
        let left = left.into_iter().filter(|block| !elsewhere(block)).collect();
        Self { name, left }
    }

    /// Writes `by` in place of `text`, which stands in what is left of the page.
    pub fn replace(&mut self, text: &str, by: impl AsRef<str>) {
        let mut found = false;
        for block in &mut self.left {
            found |= block.text.contains(text);
            block.text = block.text.replace(text, by.as_ref());
        }
        assert!(found, "{} has no {text:?} any more", self.name);
    }

    /// The next block, which begins like this.
    pub fn next(&mut self, begin: &str) -> Block {
        let block = self.left.pop_front();
        let block = block.unwrap_or_else(|| panic!("{} ends before {begin:?}", self.name));
        let begins = block.text.starts_with(begin);
        assert!(begins, "{}: not {begin:?}:\n{}", self.name, block.text);
        block
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let all_ran = self.left.is_empty() || std::thread::panicking();
        assert!(all_ran, "{}: nobody ran {:#?}", self.name, self.left);
    }
}

/// Somebody at a prompt, in a directory of their own.
#[derive(Clone)]
pub struct Shell {
    directory: Arc<TempDir>,
    folder: PathBuf,
    path: OsString,
    /// Those without a value are taken away.
    variables: Vec<(OsString, Option<OsString>)>,
}

impl Shell {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Beside the folder in which files are looked for.
        let (bin, folder) = (directory.path().join("bin"), directory.path().join("here"));
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&folder).unwrap();
        symlink(env!("CARGO_BIN_EXE_rustus"), bin.join("rustus")).unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let shell = Self {
            directory: Arc::new(directory),
            folder,
            path,
            variables: of_cargo().map(|name| (name, None)).collect(),
        };
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile-cache");
        shell
            .programs_in(&bin)
            .variable("RUSTUS_COMPILE_CACHE_DIR", cache)
            // Servers of other tests have the ports of the pages.
            .variable("RUSTUS_SERVER_HOST", "127.0.0.1")
            .variable("RUSTUS_SERVER_PORT", "0")
            .variable("RUSTUS_ADMIN_ADDR", "127.0.0.1:0")
            .variable("NO_COLOR", "1")
            .variable("PYTHONDONTWRITEBYTECODE", "1")
    }

    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), Some(value.into())));
        self
    }

    /// With what cargo needs to build modules.
    pub fn building_modules(mut self) -> Self {
        // What is meant for native builds.
        self.variables.push(("RUSTFLAGS".into(), None));
        for (name, value) in toolchain() {
            match name.as_str() {
                "PATH" => self.path = value.into(),
                _ => self = self.variable(name, value),
            }
        }
        let bin = self.directory.path().join("bin");
        self.programs_in(&bin)
    }

    /// At the top of what looks like this checkout, but for what was built in it.
    pub fn in_a_checkout(self) -> Self {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        for entry in fs::read_dir(top).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if !matches!(name.as_str(), ".git" | "target") {
                symlink(entry.path(), self.path(&name)).unwrap();
            }
        }
        // Compiled once for all runs.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkout");
        fs::create_dir_all(&target).unwrap();
        // They are in the server. Another test may put them there at the same time.
        let (guests, here) = (top.join("target/guests"), target.join("guests"));
        if fs::read_link(&here).ok().as_ref() != Some(&guests) {
            drop(fs::remove_file(&here));
            drop(symlink(&guests, &here));
        }
        symlink(target, self.path("target")).unwrap();
        self
    }

    /// Finds the programs of this folder first.
    pub fn programs_in(mut self, folder: &Path) -> Self {
        let folders = std::env::split_paths(&self.path);
        let folders = std::iter::once(folder.to_owned()).chain(folders);
        self.path = std::env::join_paths(folders).unwrap();
        self
    }

    /// The same in another folder.
    pub fn at(&self, folder: impl AsRef<Path>) -> Self {
        let folder = self.folder.join(folder);
        Self {
            folder,
            ..self.clone()
        }
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn command(&self, block: &Block) -> Command {
        let mut command = Command::new(block.shell);
        command
            .args(["-e", "-c", &block.text])
            .current_dir(&self.folder)
            .env("PATH", &self.path);
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Runs a block, and says how it ended and what it said.
    pub fn try_run(&self, block: &Block) -> (Option<i32>, String) {
        let output = self.command(block).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said)
    }

    /// Runs a block that works. What it said.
    pub fn run(&self, block: &Block) -> String {
        let (code, said) = self.try_run(block);
        assert_eq!(code, Some(0), "{}{said}", block.text);
        said
    }

    /// Starts a block that goes on until it is ended, and waits for a sign of it in
    /// what it says.
    pub fn start(&self, block: &Block, sign: &str) -> Started {
        let log = self.directory.path().join(uuid::Uuid::new_v4().to_string());
        let mut process = Guarded::start(&mut self.command(block), &log);
        process.wait_until(&block.text, || {
            fs::read_to_string(&log).is_ok_and(|log| log.contains(sign))
        });
        Started {
            process,
            _directory: Arc::clone(&self.directory),
        }
    }

    /// Starts a block that ends in a server, and waits until it serves.
    pub fn serve(&self, block: &Block) -> Started {
        self.start(block, "listening")
    }
}

/// What cargo tells a test, and nobody at a prompt has: build scripts look at it.
fn of_cargo() -> impl Iterator<Item = OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| {
        let name = name.to_string_lossy();
        let prefixes = ["CARGO_MANIFEST_", "CARGO_PKG_"];
        name == "OUT_DIR" || prefixes.iter().any(|prefix| name.starts_with(prefix))
    })
}

/// What a block has started. Ended when dropped.
pub struct Started {
    process: Guarded,
    _directory: Arc<TempDir>,
}

impl Started {
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The address that a line of the log names.
    fn address(&self, message: &str) -> String {
        let log = self.log();
        let mut lines = log.lines();
        let line = lines.find(|line| line.contains(message)).unwrap_or(&log);
        let address = line
            .split("address=")
            .nth(1)
            .unwrap_or_else(|| panic!("{log}"));
        address.split_whitespace().next().unwrap().to_owned()
    }

    /// `127.0.0.1:PORT` of a server.
    pub fn uploads(&self) -> String {
        self.address("listening")
    }

    /// The same of its admin address.
    pub fn admin(&self) -> String {
        self.wait_for("metrics and plugins at the admin address");
        self.address("metrics and plugins at the admin address")
    }

    /// A client of a server.
    pub fn tus(&self) -> Tus {
        Tus::new(format!("http://{}/files", self.uploads()))
    }

    /// Waits until it says so.
    pub fn wait_for(&self, text: &str) {
        super::eventually(text, || self.log().contains(text));
    }

    /// `SIGTERM`, and its end.
    pub fn stop(self) {
        self.process.terminate();
    }
}
