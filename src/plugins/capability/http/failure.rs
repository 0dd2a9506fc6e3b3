//! What went wrong with a request, in the words of `wasi:http` and of `rustus:hooks/http`.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;

use tokio_rustls::rustls;
use wasmtime_wasi_http::Error;

use crate::plugins::bindings::rustus::hooks::http::HttpError;
use crate::plugins::reached::Reached;

use super::resolver::NoAddress;

/// The code that a guest gets.
pub(super) fn of(error: &reqwest::Error) -> Error {
    if let Some(known) = chain(error).find_map(known) {
        return known;
    }
    if error.is_timeout() {
        Error::ConnectionTimeout
    } else if error.is_connect() {
        Error::DestinationUnavailable
    } else {
        Error::HttpProtocolError
    }
}

/// The address that a name has and must not have.
pub(super) fn prohibited(error: &reqwest::Error) -> Option<IpAddr> {
    chain(error).find_map(address)
}

fn address(error: &(dyn StdError + 'static)) -> Option<IpAddr> {
    if let Some(NoAddress::Prohibited { address, .. }) = error.downcast_ref() {
        return Some(*address);
    }
    // What an `io::Error` wraps is not its source; its source is that one's.
    let wrapped = error.downcast_ref::<io::Error>()?.get_ref()?;
    address(wrapped)
}

/// The error with its causes on one line, without the URL: that can hold a token.
pub(super) fn in_full(error: &reqwest::Error) -> String {
    let causes: Vec<_> = chain(error).skip(1).map(ToString::to_string).collect();
    if causes.is_empty() {
        return "the request failed".to_owned();
    }
    causes.join(": ")
}

/// An error and what caused it.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| {
        (*error).source()
    })
}

/// What an error counts as that is, or was caused by, one that is known.
pub(in crate::plugins::capability) fn why(error: &(dyn StdError + 'static)) -> Option<Reached> {
    chain(error).find_map(known).map(|known| counts_as(&known))
}

/// What a guest of `rustus:hooks/http` gets: what happened, and what to do.
pub(super) fn for_guest(error: &Error) -> HttpError {
    const RUNS: &str = "see whether it runs and can be reached from here";
    const SPEAKS: &str = "see whether the URL is right and what the server logs";
    let (kind, what, advice): (fn(String) -> HttpError, _, _) = match error {
        Error::HttpRequestDenied => (
            HttpError::Denied,
            "the request is not allowed",
            "allow the server under [allow.http]",
        ),
        Error::DestinationIpProhibited => (
            HttpError::Denied,
            "its address is not public",
            "write its name out, or allow its network, under [allow.http]",
        ),
        Error::HttpRequestUriInvalid => (
            HttpError::Invalid,
            "the URL cannot be used",
            "write such as `https://api.example.com/hook`",
        ),
        Error::TlsCertificateError => (
            HttpError::Untrusted,
            "its TLS certificate is not one to trust for this name",
            "name the file of its authority with --hooks-http-ca-file, or `ca-file` under \
             [allow.http]",
        ),
        Error::DnsTimeout | Error::DnsError { .. } => (
            HttpError::Unavailable,
            "its name cannot be resolved",
            "see whether the name is right",
        ),
        Error::ConnectionRefused => (HttpError::Unavailable, "the connection was refused", RUNS),
        Error::ConnectionTerminated => (
            HttpError::Unavailable,
            "the connection ended before the answer",
            RUNS,
        ),
        Error::ConnectionLimitReached => (
            HttpError::Unavailable,
            "too many requests are under way",
            "wait for some of them before more are made",
        ),
        Error::HttpResponseIncomplete => (HttpError::Unavailable, "its answer broke off", SPEAKS),
        Error::HttpResponseBodySize(_) => (
            HttpError::Unavailable,
            "its answer is too large",
            "answer less, or raise `max-response-kib` under [allow.http]",
        ),
        Error::HttpProtocolError => (HttpError::Unavailable, "its answer is not HTTP", SPEAKS),
        other => {
            return HttpError::Unavailable(format!("the request failed ({other}); {RUNS}"));
        }
    };
    kind(format!("{what}; {advice}"))
}

/// What a code counts as.
pub(super) const fn counts_as(error: &Error) -> Reached {
    match error {
        Error::HttpRequestDenied | Error::DestinationIpProhibited => Reached::Denied,
        Error::ConnectionRefused
        | Error::DestinationUnavailable
        | Error::DestinationNotFound
        | Error::DestinationIpUnroutable => Reached::Unreachable,
        Error::DnsTimeout | Error::DnsError { .. } => Reached::UnknownHost,
        Error::TlsCertificateError => Reached::Certificate,
        Error::TlsProtocolError | Error::TlsAlertReceived { .. } | Error::Tls(_) => Reached::Tls,
        Error::ConnectionTimeout
        | Error::ConnectionReadTimeout
        | Error::ConnectionWriteTimeout
        | Error::HttpResponseTimeout => Reached::Slow,
        Error::ConnectionTerminated | Error::HttpResponseIncomplete => Reached::BrokenOff,
        Error::HttpResponseBodySize(_) => Reached::TooLarge,
        Error::ConnectionLimitReached => Reached::Overloaded,
        Error::HttpRequestUriInvalid
        | Error::HttpRequestMethodInvalid
        | Error::HttpRequestUriTooLong => Reached::Invalid,
        _ => Reached::Garbage,
    }
}

/// What a status counts as.
pub(super) fn answered(status: ::http::StatusCode) -> Reached {
    match status.as_u16() {
        300..=399 => Reached::Redirect,
        400..=499 => Reached::ClientError,
        500..=599 => Reached::ServerError,
        200..=299 => Reached::Ok,
        _ => Reached::Garbage,
    }
}

fn known(error: &(dyn StdError + 'static)) -> Option<Error> {
    if let Some(error) = error.downcast_ref::<NoAddress>() {
        return Some(match error {
            NoAddress::Prohibited { .. } => Error::DestinationIpProhibited,
            NoAddress::Unknown { .. } => Error::DnsError {
                rcode: None,
                info_code: None,
            },
        });
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        let ended = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
        return ended.then_some(Error::ConnectionTerminated);
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    error.downcast_ref::<io::Error>().and_then(of_io)
}

fn of_io(error: &io::Error) -> Option<Error> {
    // What an `io::Error` wraps is not its source; its source is that one's.
    if let Some(wrapped) = error.get_ref()
        && let Some(known) = known(wrapped)
    {
        return Some(known);
    }
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Error::ConnectionTerminated,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Error::DestinationUnavailable
        }
        _ => return None,
    })
}

fn of_tls(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Error::TlsCertificateError
        }
        rustls::Error::AlertReceived(alert) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        _ => Error::TlsProtocolError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_error_is_found_by_what_it_is() {
        let wrong = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, wrong));
        assert!(matches!(known(&wrapped), Some(Error::TlsCertificateError)));
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(known(&reset), Some(Error::ConnectionTerminated)));
        let other = io::Error::other("something");
        assert!(known(&other).is_none());
    }
}
