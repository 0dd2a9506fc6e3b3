//! `rustus plugin`: what the authors of plugins do.

mod build;
mod call;
mod case;
mod check;
mod error;
mod examination;
mod heard;
mod list;
mod new;
mod paint;
mod project;
mod run;
mod situation;
mod test;

use std::io::Write;
use std::process::ExitCode;

pub use error::AuthorError;

use super::CommandError;
use crate::cli::AuthorCommand;

/// Something that was looked at or tried is not as it should be, and what is
/// printed says so.
const NOT_WELL: u8 = 1;

/// Does what the command says. The exit code says what came of it.
pub(super) fn run(command: &AuthorCommand, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    match command {
        AuthorCommand::New(args) => new::run(args, out),
        AuthorCommand::Build(args) => build::run(args, out),
        AuthorCommand::Check(args) => check::run(args, out),
        AuthorCommand::Run(args) => run::run(args, out),
        AuthorCommand::Test(args) => test::run(args, out),
        AuthorCommand::List(args) => list::run(args, out),
        AuthorCommand::Inspect(args) => list::inspect(args, out),
    }
}
