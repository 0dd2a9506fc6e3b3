//! Variables that look like ours and mean nothing here.
//!
//! A deployment that relied on one would run without what it asked for. For
//! hooks that is a rule that nobody enforces, so it ends the start; anything
//! else is a warning.

use clap::Command;

/// What all of our variables begin with.
const PREFIX: &str = "RUSTUS_";

/// Of them, those that set up hooks.
const HOOKS_PREFIX: &str = "RUSTUS_HOOKS";

/// Names of variables that no flag reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unknown {
    /// Those that would set up hooks.
    pub(super) hooks: Vec<String>,
    /// All others.
    pub(super) others: Vec<String>,
}

/// Those of `names` that no flag of `command` reads.
pub(super) fn unknown(command: &Command, names: impl Iterator<Item = String>) -> Unknown {
    let mut unknown = Unknown::default();
    for name in names.filter(|name| name.starts_with(PREFIX)) {
        let known = command
            .get_arguments()
            .any(|flag| flag.get_env().is_some_and(|env| env == name.as_str()));
        if known {
            continue;
        }
        if name.starts_with(HOOKS_PREFIX) {
            unknown.hooks.push(name);
        } else {
            unknown.others.push(name);
        }
    }
    unknown.hooks.sort();
    unknown.others.sort();
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn a_variable_that_no_flag_reads_is_noticed() {
        let names = [
            "RUSTUS_PORT",
            "RUSTUS_SERVER_PORT",
            "RUSTUS_HOOKS",
            "RUSTUS_HOOKS_NATS_URLS",
            "PATH",
        ];
        let found = unknown(
            &super::super::Cli::command(),
            names.map(str::to_owned).into_iter(),
        );
        assert_eq!(found.hooks, ["RUSTUS_HOOKS_NATS_URLS"]);
        assert_eq!(found.others, ["RUSTUS_PORT"]);
    }
}
