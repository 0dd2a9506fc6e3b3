//! Why there is no answer, in words for the operator.

use std::fmt;
use std::time::Duration;

use rustus_hook::HookError;
use wasip2::http::types::ErrorCode;

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
    /// What the host said.
    Failed(ErrorCode),
}

impl Cause {
    /// Whether the operator has to change something before it can work.
    pub(crate) const fn is_settled(&self) -> bool {
        matches!(
            self,
            Self::Lost(_)
                | Self::Failed(
                    ErrorCode::HttpRequestDenied
                        | ErrorCode::DestinationIpProhibited
                        | ErrorCode::HttpRequestUriInvalid
                        | ErrorCode::TlsCertificateError
                )
        )
    }

    /// What happened, and what to do.
    fn words(&self) -> (String, &'static str) {
        const RUNS: &str = "see whether it runs and can be reached from here";
        const SPEAKS: &str = "see whether the URL is right and what the server logs";
        let (what, advice) = match self {
            Self::Late(limit) => {
                return (
                    format!("no answer within {limit:?}"),
                    "find out why it is slow, or allow more time",
                );
            }
            Self::Lost(why) => return (why.clone(), "repair the redirect, or name its end"),
            Self::Failed(code) => match code {
                ErrorCode::HttpRequestDenied => (
                    "the request is not allowed",
                    "allow the server under [allow.http]",
                ),
                ErrorCode::DestinationIpProhibited => (
                    "its address is not public",
                    "write its name out, or allow its network, under [allow.http]",
                ),
                ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => (
                    "its name cannot be resolved",
                    "see whether the name is right",
                ),
                ErrorCode::ConnectionRefused => ("the connection was refused", RUNS),
                ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => {
                    ("the connection ended before the answer", RUNS)
                }
                ErrorCode::TlsCertificateError => (
                    "its TLS certificate is not one to trust for this name",
                    "name the file of its authority with --hooks-http-ca-file, or `ca-file` under \
                     [allow.http]",
                ),
                ErrorCode::HttpResponseBodySize(_) => (
                    "its answer is too large",
                    "answer less, or raise `max-response-kib` under [allow.http]",
                ),
                ErrorCode::HttpProtocolError => ("its answer is not HTTP", SPEAKS),
                other => return (format!("the request failed ({other:?})"), RUNS),
            },
        };
        (what.to_owned(), advice)
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, advice) = self.cause.words();
        write!(f, "{} did not answer", self.server)?;
        if self.attempts > 1 {
            write!(f, " in {} attempts", self.attempts)?;
        }
        write!(f, ": {what}; {advice}")
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
            cause: Cause::Failed(ErrorCode::ConnectionRefused),
        };
        assert_eq!(
            no.to_string(),
            "http://a:1 did not answer in 4 attempts: the connection was refused; see whether it \
             runs and can be reached from here"
        );
    }
}
