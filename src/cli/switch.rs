//! Flags that are on when they are there, and take a value as well, so that a
//! variable can switch them off.

use std::any::TypeId;
use std::str::FromStr;

use clap::Arg;

/// Whether something is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Switch(bool);

impl Switch {
    pub(super) const fn is_on(self) -> bool {
        self.0
    }

    /// Makes a flag of this type a switch and leaves all others as they are. A
    /// struct of flags that has switches says `mut_args(Switch::complete)`: what
    /// they have in common stands here once.
    pub(super) fn complete(flag: Arg) -> Arg {
        if flag.get_value_parser().type_id() != TypeId::of::<Self>() {
            return flag;
        }
        flag.required(false)
            .num_args(0..=1)
            .require_equals(true)
            .default_value("false")
            .default_missing_value("true")
            .hide_default_value(true)
            .value_name("BOOL")
    }
}

/// In the ways that people write them in environment variables.
impl FromStr for Switch {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Self(true)),
            "false" | "0" | "no" | "off" => Ok(Self(false)),
            _ => Err("expected true or false (or 1, 0, yes, no, on, off)".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(mut_args(Switch::complete))]
    struct Line {
        #[arg(long)]
        one: Switch,
        #[arg(long, default_value = "x")]
        two: String,
        rest: Vec<String>,
    }

    #[test]
    fn a_switch_is_off_on_or_what_it_is_set_to_and_takes_no_word_that_follows() {
        for (flags, expected) in [
            (&[][..], false),
            (&["--one"], true),
            (&["--one=off"], false),
            (&["--one=YES", "--two", "y"], true),
        ] {
            let line = Line::try_parse_from([&["x"], flags].concat()).unwrap();
            assert_eq!(line.one.is_on(), expected, "{flags:?}");
        }
        let line = Line::try_parse_from(["x", "--one", "false"]).unwrap();
        assert_eq!((line.one.is_on(), line.rest.len()), (true, 1));
        assert_eq!(line.two, "x");
        let error = Line::try_parse_from(["x", "--one=maybe"]).unwrap_err();
        assert!(
            error.to_string().contains("expected true or false"),
            "{error}"
        );
    }
}
