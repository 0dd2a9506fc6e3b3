//! The question, in one of the ways of servers without plugins.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use reqwest::header::CONTENT_TYPE;
use rustus::tus::Request;
use tokio::task::spawn_blocking;
use tokio_rustls::rustls::crypto::ring;

use super::{Decider, event};

/// A way to ask; one a thread, since a client keeps its connections.
pub(super) enum Way {
    Nobody,
    Command,
    Http {
        client: reqwest::Client,
        service: String,
    },
}

/// A client that speaks no TLS here, and is not made without somebody who could: the
/// server's clients bring their own.
fn client() -> reqwest::Client {
    // Another thread may have done it.
    drop(ring::default_provider().install_default());
    reqwest::Client::new()
}

impl Way {
    pub(super) fn new(decider: Decider, service: &str) -> Self {
        match decider {
            Decider::None => Self::Nobody,
            Decider::Command => Self::Command,
            Decider::Http => Self::Http {
                client: client(),
                service: service.to_owned(),
            },
        }
    }

    /// An error unless the upload may be created.
    pub(super) async fn decide(&self, request: &Request) -> Result<()> {
        match self {
            Self::Nobody => Ok(()),
            Self::Command => {
                let json = event::json(request)?;
                // Without what tokio has for this, which the server does not need and
                // would be built with.
                let ended = spawn_blocking(move || {
                    Command::new("sh")
                        .args(["-c", "exit 0", "pre-create", &json])
                        .stdin(Stdio::null())
                        .status()
                });
                let status = ended.await?.context("cannot start `sh`")?;
                ensure!(status.success(), "the hook said no");
                Ok(())
            }
            Self::Http { client, service } => {
                let answer = client
                    .post(service)
                    .header(CONTENT_TYPE, "application/json")
                    .header("Hook-Name", "pre-create")
                    .body(event::json(request)?)
                    .send()
                    .await
                    .context("the service does not answer")?;
                ensure!(answer.status().is_success(), "the hook said no");
                // Read to its end, or the connection could not be kept.
                answer.bytes().await.context("the service's answer")?;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_can_be_asked_on_every_thread() {
        for _ in 0..2 {
            let way = Way::new(Decider::Http, "http://127.0.0.1:9/");
            assert!(matches!(way, Way::Http { .. }));
        }
    }
}
