//! How the process ends when it cannot do what it was started for.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::Cli;

/// A message for who started the process, and the exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Something that was configured cannot be used. Exit code 2.
    #[must_use]
    pub fn configuration(message: impl ToString) -> Self {
        Self {
            message: message.to_string(),
            code: 2,
        }
    }

    /// The configuration is fine, the machine is not. Exit code 1.
    #[must_use]
    pub fn runtime(message: impl ToString) -> Self {
        Self {
            message: message.to_string(),
            code: 1,
        }
    }

    /// Says so on standard error, whatever the log level is.
    #[must_use]
    pub fn report(self) -> ExitCode {
        let error = Cli::command().error(ErrorKind::Io, self.message);
        match error.print() {
            Ok(()) => ExitCode::from(self.code),
            // Nobody listens; the code has to do.
            Err(_) => ExitCode::from(self.code),
        }
    }
}
