//! Why plugins are not as their operator wants them.

use std::io;
use std::path::PathBuf;

use super::super::loader::LoadError;
use super::super::remote::RemoteFileError;
use crate::oci::OciError;

/// Why the host of plugins did not start, or does not take over what its operator wants
/// now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The engine can't run on this machine.
    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
    /// No thread could be had.
    #[error("the thread that loads plugins can't start: {0}")]
    Thread(#[from] io::Error),
    /// The module of `--hooks-file` is none, or can't serve.
    #[error("--hooks-file: {file} can't be used: {reason}", file = .file.display())]
    File {
        /// What the flag names.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A plugin of the server's own cannot serve as it is configured.
    #[error("the built-in plugin {plugin} can't be used: {error}")]
    BuiltIn {
        /// Its name.
        plugin: String,
        /// Why.
        error: LoadError,
    },
    /// What registries are reached with can't be used.
    #[error("plugins can't be fetched from registries: {0}")]
    Registries(#[from] OciError),
    /// The file of plugins in registries says nothing that can be understood.
    #[error("--hooks-oci-file {file}: {error}", file = .file.display())]
    RemoteFile {
        /// Where it is.
        file: PathBuf,
        /// What is wrong with it.
        error: RemoteFileError,
    },
    /// Two plugins have one name.
    #[error(
        "two plugins are called {0}; give one of them another name, such as --hooks-oci NAME=REF"
    )]
    SameName(String),
    /// The thread ended before it had looked at the directory.
    #[error("the thread that loads plugins ended early")]
    Ended,
}
