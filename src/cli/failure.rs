//! How the process ends when it cannot do what it was started for.

use std::error::Error;
use std::process::ExitCode;

use clap::error::ErrorKind;

/// A message for who started the process, and the exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Something that was configured cannot be used. Exit code 2.
    #[must_use]
    pub fn configuration(error: &dyn Error) -> Self {
        Self {
            message: with_causes(error),
            code: 2,
        }
    }

    /// The configuration is fine, the machine is not. Exit code 1.
    #[must_use]
    pub fn runtime(error: &dyn Error) -> Self {
        Self {
            message: with_causes(error),
            code: 1,
        }
    }

    /// The failure with what to do about it.
    #[must_use]
    pub fn with_advice(mut self, advice: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(advice);
        self
    }

    /// Says so on standard error, whatever the log level is.
    #[must_use]
    pub fn report(self) -> ExitCode {
        let error = clap::Error::raw(ErrorKind::Io, self.message + "\n");
        match error.print() {
            Ok(()) => ExitCode::from(self.code),
            // Nobody listens; the code has to do.
            Err(_) => ExitCode::from(self.code),
        }
    }
}

/// The error and what caused it, in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    message
}
