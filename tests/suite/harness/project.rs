//! A plugin's project in some language, made from its template and built as its
//! `plugin.toml` says.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::directory::files_below;
use super::guests::replace;
use super::programs::{installed, is_there};

/// The name of every project.
pub const NAME: &str = "my-hook";

/// What is made by a build or a test, and never copied.
const MADE: [&str; 4] = ["__pycache__", "node_modules", "dist", ".venv"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A project in a directory of its own.
pub struct Project {
    directory: TempDir,
}

impl Project {
    /// The template of a language. None where its compiler is not installed.
    pub fn from_template(language: &str) -> Option<Self> {
        if !is_installed(language) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let project = Self { directory };
        project.copy(&root().join("sdk").join(language).join("template"));
        project.link_compilers();
        Some(project)
    }

    /// The template with the files of an example over it.
    pub fn from_example(language: &str, example: &str) -> Option<Self> {
        let project = Self::from_template(language)?;
        let examples = root().join("sdk").join(language).join("examples");
        project.copy(&examples.join(example));
        Some(project)
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// The component, built by the steps of `plugin.toml`, or from the cache if
    /// this very project was built before.
    pub fn component(&self) -> Vec<u8> {
        // Compilers of this size are run one at a time.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let cached = cache().join(format!("{}.wasm", self.digest()));
        if let Ok(bytes) = fs::read(&cached) {
            return bytes;
        }
        let plugin: toml::Table = self.read("plugin.toml").parse().unwrap();
        for step in plugin["build"]["steps"].as_array().unwrap() {
            let words = step.as_array().unwrap().iter();
            let words: Vec<&str> = words.map(|word| word.as_str().unwrap()).collect();
            self.run(&words);
        }
        let output = plugin["build"]["output"].as_str().unwrap();
        let bytes = fs::read(self.path().join(output)).unwrap();
        fs::create_dir_all(cache()).unwrap();
        replace(&cached, &bytes);
        bytes
    }

    /// Runs a program in the project, with its compilers on `PATH`. Returns what
    /// it wrote.
    pub fn run(&self, words: &[&str]) -> String {
        let [program, arguments @ ..] = words else {
            panic!("an empty step");
        };
        let path = self.path_variable();
        // A program's name is looked up in the PATH of who starts it.
        let found = std::env::split_paths(&path)
            .map(|folder| folder.join(program))
            .find(|file| !program.contains('/') && file.is_file());
        let program = found.unwrap_or_else(|| self.path().join(program));
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.path())
            .env("PATH", path)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
        said
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
        for file in files_below(self.path()) {
            if MADE
                .iter()
                .any(|made| file.split('/').any(|part| part == *made))
            {
                continue;
            }
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

    /// Copies a folder with the placeholders filled in, and what links lead to.
    fn copy(&self, from: &Path) {
        for file in files_below(from) {
            if MADE
                .iter()
                .any(|made| file.split('/').any(|part| part == *made))
            {
                continue;
            }
            let to = self.path().join(file.strip_suffix(".in").unwrap_or(&file));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            let bytes = fs::read(from.join(&file)).unwrap();
            let filled = match String::from_utf8(bytes) {
                Ok(text) => text
                    .replace("{{name}}", NAME)
                    .replace("{{name_snake}}", &NAME.replace('-', "_"))
                    .into_bytes(),
                Err(bytes) => bytes.into_bytes(),
            };
            fs::write(to, filled).unwrap();
        }
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
        "go" => is_there("go", "version") && from_pypi() && from_npm(),
        other => panic!("no such language: {other}"),
    }
}
