//! What the program does in place of serving, for the person who started it.

mod completions;
mod export;
mod outbox;
mod plugin;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::{Command, PluginCommand};
use crate::hooks::outbox::OutboxError;

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
    };
    done.map(|()| ExitCode::SUCCESS)
}
