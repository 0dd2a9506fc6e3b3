//! What is on the disk before an answer (`--durability`).

use std::fmt;
use std::str::FromStr;

/// What a loss of power cannot take back. Whatever is chosen, a crash of the
/// process loses nothing that was acknowledged.
///
/// Where several things are synced, it is the bytes first, then the record,
/// then the directory that names it: what a record says is true whenever the
/// record is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Nothing is synced; the operating system writes when it likes.
    None,
    /// An upload that was acknowledged as finished: its bytes, its record and
    /// the directories that name both.
    #[default]
    Finish,
    /// Besides that every acknowledged creation, append and removal.
    Append,
}

/// A word that is none of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected none, finish or append")]
pub struct InvalidDurability;

impl FromStr for Durability {
    type Err = InvalidDurability;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word.to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "finish" => Ok(Self::Finish),
            "append" => Ok(Self::Append),
            _ => Err(InvalidDurability),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Finish => "finish",
            Self::Append => "append",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_durability_is_called_what_it_is_written_as() {
        for durability in [Durability::None, Durability::Finish, Durability::Append] {
            assert_eq!(durability.to_string().parse(), Ok(durability));
        }
        assert_eq!("APPEND".parse(), Ok(Durability::Append));
        assert_eq!("all".parse::<Durability>(), Err(InvalidDurability));
    }
}
