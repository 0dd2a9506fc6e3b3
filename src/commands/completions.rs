//! `rustus completions`: what makes a shell complete the command line.

use std::io::{self, Write};

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::CommandError;
use crate::cli::Cli;

/// Writes the script for the shell.
pub(super) fn run(shell: Shell, out: &mut dyn Write) -> Result<(), CommandError> {
    // Into memory: what makes it panics where it can't be written.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rustus", &mut script);
    match out.write_all(&script) {
        // Such as `head`, which has read what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_has_a_script_that_knows_the_commands() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            run(*shell, &mut script).unwrap();
            let script = String::from_utf8(script).unwrap();
            for word in ["outbox", "completions", "hooks-dir", "plugin"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
