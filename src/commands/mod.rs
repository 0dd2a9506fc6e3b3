//! What the program does in place of serving, for the person who started it.

mod completions;
mod export;
mod outbox;
mod plugin;
mod progress;
mod registry;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::{Command, PluginCommand};
use crate::hooks::outbox::OutboxError;
use crate::oci::OciError;

pub use plugin::AuthorError;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The outbox cannot be used.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// What the author of a plugin wanted was not done.
    #[error(transparent)]
    Author(#[from] AuthorError),
    /// No event has this id.
    #[error("the outbox has no event {0}; `rustus outbox list` names those that are there")]
    NoSuchEvent(String),
    /// No built-in plugin has this name.
    #[error("there is no built-in plugin {name}; there are {there_are}")]
    NoSuchPlugin {
        /// What was asked for.
        name: String,
        /// What there is.
        there_are: String,
    },
    /// A file could not be written.
    #[error("cannot write {file}: {source}")]
    Write {
        /// Which one.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A registry, or what came from one, can't be used.
    #[error(transparent)]
    Oci(#[from] OciError),
    /// Nobody who is trusted has signed some of what was looked at.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    NotSigned(Vec<OciError>),
    /// Flags that do not go together, or miss something.
    #[error("{0}")]
    Flags(String),
    /// Nobody reads what is printed.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// Does what `command` says and prints what came of it. The exit code is another
/// than 0 where what came of it is not what one hopes for.
///
/// # Errors
/// Why it was not done.
pub fn run(command: &Command, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    let done = match command {
        Command::Outbox(command) => outbox::run(command, out),
        Command::Plugin(PluginCommand::Author(command)) => return plugin::run(command, out),
        Command::Completions { shell } => completions::run(*shell, out),
        Command::Plugin(PluginCommand::Export { name, into }) => export::run(name, into, out),
        Command::Plugin(PluginCommand::Registry(command)) => return registry::run(command, out),
    };
    done.map(|()| ExitCode::SUCCESS)
}
