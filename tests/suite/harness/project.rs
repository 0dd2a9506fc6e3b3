//! A plugin's project in some language, made and built by `rustus plugin`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::directory::files_below;
use super::guests::replace;
use super::programs::{installed, is_there};

/// The name of every project.
pub const NAME: &str = "my-hook";

/// What is made by a build or a test, and no component is made of.
const MADE: [&str; 4] = ["__pycache__", "node_modules", "dist", ".venv"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A project in a directory of its own.
pub struct Project {
    directory: TempDir,
}

impl Project {
    /// What `rustus plugin new` writes. None where the language's compiler is not
    /// installed.
    pub fn new(language: &str) -> Option<Self> {
        if !is_installed(language) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let project = Self { directory };
        rustus(project.directory.path(), &["new", NAME, "--lang", language]);
        project.link_compilers();
        Some(project)
    }

    /// The same with the files of an example over it.
    pub fn of_example(language: &str, example: &str) -> Option<Self> {
        let project = Self::new(language)?;
        let from = root()
            .join("sdk")
            .join(language)
            .join("examples")
            .join(example);
        for file in files_below(&from) {
            let to = project.path().join(&file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from.join(&file), to).unwrap();
        }
        // The cases of the template are not about the example.
        for file in files_below(&project.path().join("tests")) {
            if !from.join("tests").join(&file).exists() {
                fs::remove_file(project.path().join("tests").join(file)).unwrap();
            }
        }
        Some(project)
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join(NAME)
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// The component that `rustus plugin build` makes, or that of the cache if this
    /// very project was built before.
    pub fn component(&self) -> Vec<u8> {
        let _one = one_compiler();
        let cached = cache().join(format!("{}.wasm", self.digest()));
        let module = self.path().join(format!("{NAME}.wasm"));
        if let Ok(bytes) = fs::read(&cached) {
            fs::write(module, &bytes).unwrap();
            return bytes;
        }
        let said = rustus(&self.path(), &["build"]);
        // A command is loaded under the name of an event.
        let loads = said.contains("the server would load it") || said.contains("--hooks-file");
        assert!(loads, "{said}");
        let bytes = fs::read(module).unwrap();
        fs::create_dir_all(cache()).unwrap();
        replace(&cached, &bytes);
        bytes
    }

    /// `rustus plugin` in the project.
    pub fn rustus(&self, arguments: &[&str]) -> String {
        rustus(&self.path(), arguments)
    }

    /// Runs a line of a shell in the project, with its compilers on `PATH`.
    pub fn shell(&self, line: &str) {
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(self.path())
            .env("PATH", self.path_variable())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    }

    fn path_variable(&self) -> OsString {
        let mut folders = vec![
            self.path().join(".venv/bin"),
            self.path().join("node_modules/.bin"),
        ];
        let path = std::env::var_os("PATH").unwrap_or_default();
        folders.extend(std::env::split_paths(&path));
        std::env::join_paths(folders).unwrap()
    }

    /// Everything that the component is made of.
    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for file in self.sources() {
            let bytes = fs::read(self.path().join(&file)).unwrap();
            digest.update(file.len().to_le_bytes());
            digest.update(file.as_bytes());
            digest.update(bytes.len().to_le_bytes());
            digest.update(&bytes);
        }
        digest
            .finalize()
            .iter()
            .fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").unwrap();
                text
            })
    }

    /// All files that no tool has made, sorted.
    fn sources(&self) -> Vec<String> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = self.path().join(&name);
            if path.is_file() && !name.ends_with(".wasm") {
                files.push(name);
            } else if path.is_dir() && !MADE.contains(&name.as_str()) {
                let below = files_below(&path).into_iter();
                files.extend(below.map(|file| format!("{name}/{file}")));
            }
        }
        files.retain(|file| !file.contains("__pycache__"));
        files.sort();
        files
    }

    /// What the first line of a template's README installs is installed once, for
    /// all tests.
    fn link_compilers(&self) {
        for (from, name) in [
            ("target/venv", ".venv"),
            ("tests/clients/hooks/node_modules", "node_modules"),
        ] {
            symlink(root().join(from), self.path().join(name)).unwrap();
        }
    }
}

/// Compilers of this size are run one at a time: whoever has this runs the one.
pub fn one_compiler() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `rustus plugin` with these arguments, in a directory. Returns what it said.
fn rustus(directory: &Path, arguments: &[&str]) -> String {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile-cache");
    let output = Command::new(env!("CARGO_BIN_EXE_rustus"))
        .arg("plugin")
        .args(arguments)
        .current_dir(directory)
        .env("RUSTUS_COMPILE_CACHE_DIR", cache)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// The variables with which cargo builds guests on this machine, set up by
/// `./x toolchain` where something is missing.
pub fn toolchain() -> BTreeMap<String, String> {
    let output = Command::new(root().join("x"))
        .arg("toolchain")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let out = String::from_utf8(output.stdout).unwrap();
    let variables = out.lines().filter_map(|line| line.split_once('='));
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Has a project in Rust compile its dependencies where all tests do.
pub fn share_target(project: &Path) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects");
    fs::create_dir_all(&target).unwrap();
    symlink(target, project.join("target")).unwrap();
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("hooks")
}

fn is_installed(language: &str) -> bool {
    let from_pypi = || {
        let stamp = root().join("target/venv/.prepared-hooks");
        installed("componentize-py, ziglang and wasm-tools", stamp.exists())
    };
    let from_npm = || {
        let stamp = root().join("tests/clients/hooks/node_modules/.prepared");
        installed("ComponentizeJS", stamp.exists())
    };
    match language {
        "python" | "c" => from_pypi(),
        "javascript" | "typescript" => from_npm(),
        "go" => is_there("go", "version"),
        other => panic!("no such language: {other}"),
    }
}
