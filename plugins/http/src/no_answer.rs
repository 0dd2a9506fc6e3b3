//! Why there is no answer, in words for the operator.

use std::fmt;
use std::time::Duration;

use rustus_hook::HookError;
use rustus_hook::http::HttpError;

/// A request that nobody answered.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    /// Scheme, host and port. A path can hold a token.
    pub(crate) server: String,
    pub(crate) attempts: u32,
    pub(crate) cause: Cause,
}

/// What happened to it.
#[derive(Debug)]
pub(crate) enum Cause {
    /// It took longer than it may.
    Late(Duration),
    /// A redirect led to what is no URL, or to another and another.
    Lost(String),
    /// What the server says of it.
    Failed(HttpError),
}

impl Cause {
    /// Whether the operator has to change something before it can work.
    pub(crate) const fn is_settled(&self) -> bool {
        match self {
            Self::Late(_) => false,
            Self::Lost(_) => true,
            Self::Failed(error) => match error {
                HttpError::Denied(_) | HttpError::Untrusted(_) | HttpError::Invalid(_) => true,
                HttpError::Unavailable(_) => false,
            },
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(limit) => write!(
                f,
                "no answer within {limit:?}; find out why it is slow, or allow more time"
            ),
            Self::Lost(why) => write!(f, "{why}; repair the redirect, or name its end"),
            Self::Failed(error) => f.write_str(error.text()),
        }
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} did not answer", self.server)?;
        if self.attempts > 1 {
            write!(f, " in {} attempts", self.attempts)?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl From<NoAnswer> for HookError {
    fn from(no: NoAnswer) -> Self {
        Self::other(no)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_reads_who_how_often_what_and_what_to_do() {
        let no = NoAnswer {
            server: "http://a:1".to_owned(),
            attempts: 4,
            cause: Cause::Failed(HttpError::Unavailable("it is away; start it".to_owned())),
        };
        assert_eq!(
            no.to_string(),
            "http://a:1 did not answer in 4 attempts: it is away; start it"
        );
    }
}
