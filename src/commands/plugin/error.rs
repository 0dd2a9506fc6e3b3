//! Why what an author wanted was not done.

use std::io;
use std::path::{Path, PathBuf};

use crate::plugins::{EventSet, LoadError, ModuleError, NoEngine};

/// Why what an author wanted was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorError {
    /// No plugin can be called so.
    #[error(
        "{0:?} is no name for a plugin; take lower-case letters, digits and single dashes, \
         at most 64, the first a letter, such as my-hook"
    )]
    Name(String),
    /// There is something where a project is to be written.
    #[error("{} is there already, and nothing is overwritten; choose another name, or another directory with --into", .0.display())]
    Taken(PathBuf),
    /// There is no template for the language.
    #[error("there is no template for {0}")]
    Language(String),
    /// A file can't be read, written or moved.
    #[error("{}: {what}: {source}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What was to be done with it.
        what: &'static str,
        /// Why it was not.
        source: io::Error,
    },
    /// There is no project.
    #[error(
        "{} is not the directory of a project: it has no plugin.toml (`rustus plugin new` writes one)",
        .0.display()
    )]
    NoProject(PathBuf),
    /// A file that is written by people is wrong.
    #[error("{}: {problem}", .path.display())]
    Wrong {
        /// Which one.
        path: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// What the build needs is not there.
    #[error("the build needs what is not there:{}", listed(.0))]
    Needs(Vec<String>),
    /// A step of the build failed.
    #[error("the step `{step}` of plugin.toml {how}")]
    Step {
        /// What was run.
        step: String,
        /// How it ended.
        how: String,
    },
    /// The steps did not make what they are to make.
    #[error(
        "the steps of plugin.toml made no {}, which `output` names", .0.display()
    )]
    NoOutput(PathBuf),
    /// The project was not built yet.
    #[error("{} is not there; `rustus plugin build {}` makes it", .module.display(), .project.display())]
    NotBuilt {
        /// What is missing.
        module: PathBuf,
        /// What makes it.
        project: PathBuf,
    },
    /// Cases that belong to no module.
    #[error(
        "{} belongs to no project (a directory with a plugin.toml above tests/); \
         name the module with --plugin",
        .0.display()
    )]
    NoModule(PathBuf),
    /// No cases.
    #[error(
        "there are no cases: {} has no file that ends in .toml (`rustus plugin test --help` shows one)",
        .0.display()
    )]
    NoCases(PathBuf),
    /// The module is asked or told about other events.
    #[error("{name} does not hear of {event}; it hears of {heard}")]
    Deaf {
        /// The module.
        name: String,
        /// What it was to hear of.
        event: String,
        /// What it hears of.
        heard: EventSet,
    },
    /// There is no plugin of this name.
    #[error("there is no plugin {name} in {}; there are: {there_are}", .directory.display())]
    NoPlugin {
        /// What was asked for.
        name: String,
        /// Where.
        directory: PathBuf,
        /// What there is.
        there_are: String,
    },
    /// A name, and no directory to look for it.
    #[error(
        "{0} is no file, and where the plugin {0} is was not said; name the server's directory \
         with --hooks-dir"
    )]
    NowhereToLook(String),
    /// The server would not load the module.
    #[error("{file}: {error}")]
    Load {
        /// Which one.
        file: String,
        /// Why.
        error: LoadError,
    },
    /// It is no module.
    #[error("{file}: {error}")]
    Module {
        /// Which file.
        file: String,
        /// Why.
        error: ModuleError,
    },
    /// Nothing can be tried here.
    #[error(transparent)]
    Engine(#[from] NoEngine),
}

impl AuthorError {
    /// Says what was to be done with the file at `path`.
    pub(super) fn file(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, what, source }
    }

    pub(super) fn wrong(path: &Path, problem: impl Into<String>) -> Self {
        Self::Wrong {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }
}

fn listed(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        text.push_str("\n  ");
        text.push_str(line);
        text
    })
}
