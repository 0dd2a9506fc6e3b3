//! Where a channel leads, and with which certificates.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use super::grant::GrpcGrant;

/// How long a call may take: so long that it ends with an answer before the wall
/// time of the plugin does.
pub(super) fn timeout(grant: &GrpcGrant, wall_time: Duration) -> Duration {
    grant
        .timeout_ms
        .map_or_else(|| wall_time / 10 * 9, Duration::from_millis)
}

/// Where to connect to and how. Reads certificates.
pub(super) fn endpoint(grant: &GrpcGrant) -> Result<Endpoint, String> {
    let scheme = if grant.tls { "https" } else { "http" };
    let wrong = || {
        format!(
            "{:?} is no server; write \"host:port\", such as \"localhost:8080\"",
            grant.endpoint
        )
    };
    // One slash at the end is in the documentation of tusd.
    let server = grant.endpoint.strip_suffix('/').unwrap_or(&grant.endpoint);
    let uri: http::Uri = format!("{scheme}://{server}/")
        .parse()
        .map_err(|_| wrong())?;
    let has_user = uri
        .authority()
        .is_none_or(|name| name.as_str().contains('@'));
    if has_user || uri.path_and_query().is_none_or(|path| path != "/") || uri.port().is_none() {
        return Err(wrong());
    }
    let endpoint = Endpoint::from(uri);
    let Some(tls) = tls_config(grant)? else {
        return Ok(endpoint);
    };
    endpoint.tls_config(tls).map_err(|error| {
        format!(
            "the certificates cannot be used: {}",
            super::with_causes(&error)
        )
    })
}

fn tls_config(grant: &GrpcGrant) -> Result<Option<ClientTlsConfig>, String> {
    let files = [
        ("certificate", &grant.certificate),
        ("client-certificate", &grant.client_certificate),
        ("client-key", &grant.client_key),
    ];
    if !grant.tls {
        return match files.iter().find(|(_, file)| file.is_some()) {
            None => Ok(None),
            Some((name, _)) => Err(format!("`{name}` is of no use without `tls = true`")),
        };
    }
    let tls = match &grant.certificate {
        Some(file) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(file)?)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    match (&grant.client_certificate, &grant.client_key) {
        (None, None) => Ok(Some(tls)),
        (Some(certificate), Some(key)) => {
            let identity = Identity::from_pem(read(certificate)?, read(key)?);
            Ok(Some(tls.identity(identity)))
        }
        _ => Err("`client-certificate` and `client-key` go together; give both".to_owned()),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(endpoint: &str) -> GrpcGrant {
        GrpcGrant {
            endpoint: endpoint.to_owned(),
            ..GrpcGrant::default()
        }
    }

    #[test]
    fn a_server_is_a_host_and_a_port() {
        for server in [
            "localhost:8080",
            "localhost:8081/",
            "10.0.0.1:1",
            "[::1]:80",
        ] {
            assert!(endpoint(&grant(server)).is_ok(), "{server}");
        }
        for server in [
            "",
            "localhost",
            "http://a:1",
            "a:1/b",
            "me@a:1",
            "a b:1",
            "a:1?x",
        ] {
            let message = endpoint(&grant(server)).unwrap_err();
            assert!(message.contains("host:port"), "{server}: {message}");
        }
    }

    #[test]
    fn certificates_need_tls_and_have_to_be_there() {
        let with = |tls, certificate: &str| GrpcGrant {
            tls,
            certificate: Some(certificate.into()),
            ..grant("a:1")
        };
        let message = endpoint(&with(false, "/x.pem")).unwrap_err();
        assert!(message.contains("`certificate` is of no use"), "{message}");
        let message = endpoint(&with(true, "/not/there.pem")).unwrap_err();
        assert!(
            message.contains("/not/there.pem cannot be read"),
            "{message}"
        );
        let half = GrpcGrant {
            tls: true,
            client_key: Some("/x".into()),
            ..grant("a:1")
        };
        assert!(endpoint(&half).unwrap_err().contains("give both"));
    }
}
