//! Colours, where somebody sees them and has not said that none are wanted
//! (`NO_COLOR`).

use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal as _};

/// Whether words are coloured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    /// For standard output.
    pub(super) fn for_stdout() -> Self {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self(wanted && io::stdout().is_terminal())
    }

    pub(super) fn good(self, text: impl Display) -> String {
        self.paint("32", text)
    }

    pub(super) fn bad(self, text: impl Display) -> String {
        self.paint("31", text)
    }

    fn paint(self, colour: &str, text: impl Display) -> String {
        match self.0 {
            true => format!("\x1b[{colour}m{text}\x1b[0m"),
            false => text.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_words_are_plain() {
        assert_eq!(Paint(false).good("ok"), "ok");
        assert_eq!(Paint(true).bad("no"), "\x1b[31mno\x1b[0m");
    }
}
