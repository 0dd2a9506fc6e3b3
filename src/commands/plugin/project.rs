//! `plugin.toml`: what a project is called and how it is built, so that no
//! language has to be known here.

use std::env;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::AuthorError;

/// A project's file.
pub(super) const FILE: &str = "plugin.toml";

/// Where a project itself may have programs, relative to it.
const OWN_PROGRAMS: [&str; 2] = [".venv/bin", "node_modules/.bin"];

/// The largest `plugin.toml` or case that is read. A person writes kilobytes.
const LARGEST: u64 = 1024 * 1024;

/// A project of a plugin.
#[derive(Debug)]
pub(super) struct Project {
    /// Its directory.
    pub(super) directory: PathBuf,
    /// The plugin's name.
    pub(super) name: String,
    /// How it is built.
    pub(super) build: Build,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(rename = "language")]
    _language: String,
    build: Build,
}

/// How a project is built.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Build {
    /// Programs with their arguments, run one after the other in the project's
    /// directory.
    pub(super) steps: Vec<Vec<String>>,
    /// What the steps make, relative to the project.
    pub(super) output: PathBuf,
    /// What has to be there for it.
    #[serde(default)]
    pub(super) needs: Vec<Need>,
}

/// Something that has to be installed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Need {
    /// A program.
    pub(super) program: String,
    /// What to do where it is missing.
    pub(super) install: String,
    /// A program with its arguments that has to succeed as well.
    #[serde(default)]
    pub(super) check: Vec<String>,
}

impl Project {
    /// Reads the project in `directory`.
    pub(super) fn open(directory: &Path) -> Result<Self, AuthorError> {
        let path = directory.join(FILE);
        if !path.exists() {
            return Err(AuthorError::NoProject(directory.to_owned()));
        }
        let text = text_of(&path)?;
        let file: File = toml::from_str(&text).map_err(|error| syntax(&path, &text, &error))?;
        if !super::new::is_name(&file.name) {
            return Err(AuthorError::Name(file.name));
        }
        check(&file.build).map_err(|problem| AuthorError::wrong(&path, problem))?;
        Ok(Self {
            directory: directory.to_owned(),
            name: file.name,
            build: file.build,
        })
    }

    /// Where the built module is put.
    pub(super) fn module(&self) -> PathBuf {
        self.directory.join(format!("{}.wasm", self.name))
    }

    /// Where programs are looked for: the project's own places, then `PATH`.
    pub(super) fn search_path(&self) -> Vec<PathBuf> {
        let directory = fs::canonicalize(&self.directory);
        let directory = directory.unwrap_or_else(|_| self.directory.clone());
        let own = OWN_PROGRAMS.iter().map(|place| directory.join(place));
        let path = env::var_os("PATH").unwrap_or_default();
        own.chain(env::split_paths(&path)).collect()
    }
}

fn check(build: &Build) -> Result<(), String> {
    if build.steps.is_empty() {
        return Err("`steps` under [build] names nothing to run".to_owned());
    }
    let has_program = |step: &Vec<String>| step.first().is_some_and(|program| !program.is_empty());
    if !build.steps.iter().all(has_program) {
        return Err(
            "each of `steps` under [build] is a program with its arguments, such as \
             [\"cargo\", \"build\"]"
                .to_owned(),
        );
    }
    let stays = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if build.output.as_os_str().is_empty() || !build.output.components().all(stays) {
        return Err("`output` under [build] must be a path inside of the project".to_owned());
    }
    Ok(())
}

/// The text of a file that a person wrote.
pub(super) fn text_of(path: &Path) -> Result<String, AuthorError> {
    let unreadable = |source| AuthorError::file(path, "can't be read")(source);
    let metadata = fs::metadata(path).map_err(unreadable)?;
    let problem = if !metadata.is_file() {
        Some("it is no file")
    } else if metadata.len() > LARGEST {
        Some("it is larger than 1 MiB")
    } else {
        None
    };
    match problem {
        Some(problem) => Err(unreadable(io::Error::other(problem))),
        None => fs::read_to_string(path).map_err(unreadable),
    }
}

/// Where in a file it is wrong, and how.
pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> AuthorError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.as_bytes().iter().take(start);
    let line = 1 + before.filter(|byte| **byte == b'\n').count();
    let message = error.message().replace('\n', ", ");
    AuthorError::wrong(path, format!("line {line}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Result<Project, String> {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), text).unwrap();
        Project::open(directory.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_project_says_how_it_is_built() {
        let project = open(
            r#"
            name = "a"
            language = "c"
            [build]
            steps = [["cc", "-c"], ["ld"]]
            output = "out/a.wasm"
            [[build.needs]]
            program = "cc"
            install = "apt-get install clang"
            "#,
        )
        .unwrap();
        assert_eq!(project.build.steps.len(), 2);
        assert_eq!(project.build.needs[0].program, "cc");
        assert!(project.module().ends_with("a.wasm"));
        let path = project.search_path();
        assert!(path[0].ends_with(".venv/bin"), "{path:?}");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_file_and_what_was_expected() {
        let build = |rest: &str| format!("name = \"a\"\nlanguage = \"c\"\n[build]\n{rest}");
        for (text, part) in [
            (String::new(), "missing field `name`"),
            (build("steps = []\noutput = \"a\""), "nothing to run"),
            (build("steps = [[]]\noutput = \"a\""), "a program with its"),
            (build("steps = [[\"a\"]]\noutput = \"../a\""), "inside of"),
            (build("steps = [[\"a\"]]\noutput = \"/a\""), "inside of"),
            (build("step = [[\"a\"]]\noutput = \"a\""), "line 4"),
            (
                build("steps = [[\"a\"]]\noutput = \"a\"").replace("\"a\"\nlang", "\"A/b\"\nlang"),
                "no name for a plugin",
            ),
        ] {
            let error = open(&text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let directory = tempfile::tempdir().unwrap();
        let error = Project::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains("no plugin.toml"), "{error}");
        fs::create_dir(directory.path().join(FILE)).unwrap();
        let error = Project::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains("no file"), "{error}");
    }
}
