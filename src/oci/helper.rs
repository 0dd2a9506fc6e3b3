//! docker's credential helpers: programs called `docker-credential-NAME` that are
//! told a host and print who we are there.
//!
//! Such a program may ask a service that does not answer. It has a bounded time,
//! and is ended after that.

use std::io::{self, IsTerminal as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::{sleep, timeout};

use super::credentials::Credentials;

/// The most that is read of what a helper prints; a token has some kilobytes.
const LARGEST: u64 = 64 * 1024;

/// How often it is looked whether a helper that has closed its output has ended,
/// which it does at once if it is well.
const AGAIN: Duration = Duration::from_millis(5);

/// How all helpers say that they know nobody there.
const UNKNOWN: &str = "credentials not found";

/// The user's name in place of which a helper says that the secret is a token.
const TOKEN: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Known {
    username: String,
    secret: String,
}

/// Asks the helper with this name who we are to `host`; `None` if it does not
/// know. What it prints is shown nowhere: a secret may be in it.
pub(super) async fn ask(
    name: &str,
    host: &str,
    patience: Duration,
) -> Result<Option<Credentials>, String> {
    let program = format!("docker-credential-{name}");
    let mut running = Running::start(&program).map_err(|error| {
        format!("its credential helper `{program}` can't be run ({error}); is it on PATH?")
    })?;
    let answered = timeout(patience, running.answer(host)).await;
    let (status, printed) = answered
        .map_err(|_| {
            format!(
                "its credential helper `{program}` did not answer within {} s and was ended; \
                 --oci-timeout allows it more",
                patience.as_secs()
            )
        })?
        .map_err(|error| format!("its credential helper `{program}` can't be heard: {error}"))?;
    if !status.success() {
        let says_unknown = String::from_utf8_lossy(&printed).contains(UNKNOWN);
        return match says_unknown {
            true => Ok(None),
            false => Err(format!("its credential helper `{program}` failed")),
        };
    }
    let known: Known = serde_json::from_slice(&printed)
        .map_err(|_| format!("its credential helper `{program}` printed no credentials"))?;
    Ok(Some(match known.username.as_str() {
        TOKEN => Credentials::Identity(known.secret),
        _ => Credentials::Password {
            user: known.username,
            password: known.secret,
        },
    }))
}

/// A helper that runs. Ended when dropped.
struct Running {
    child: Child,
    /// Whether what it has started ends with it.
    is_group: bool,
}

impl Running {
    fn start(program: &str) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // At a terminal it may want to ask a person, which a group of its own
        // would not be allowed to.
        let is_group = !io::stdin().is_terminal();
        if is_group {
            command.process_group(0);
        }
        Ok(Self {
            child: command.spawn()?,
            is_group,
        })
    }

    /// How it ended, and what it printed: on either of its outputs, of which only
    /// the first has credentials.
    async fn answer(&mut self, host: &str) -> io::Result<(ExitStatus, Vec<u8>)> {
        if let Some(mut input) = self.child.stdin.take() {
            // A host is shorter than what a pipe holds. One that does not want to
            // hear it says so with how it ends.
            let told = io::Write::write_all(&mut input, host.as_bytes());
            told.or_else(|error| match error.kind() {
                io::ErrorKind::BrokenPipe => Ok(()),
                _ => Err(error),
            })?;
        }
        let out = all_of(self.child.stdout.take().map(OwnedFd::from));
        let err = all_of(self.child.stderr.take().map(OwnedFd::from));
        let (out, err) = tokio::try_join!(out, err)?;
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok((status, out)),
                Some(status) => return Ok((status, [out, err].concat())),
                None => sleep(AGAIN).await,
            }
        }
    }
}

/// All that comes through a pipe, up to a bound.
async fn all_of(pipe: Option<OwnedFd>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let pipe = pipe::Receiver::from_owned_fd(pipe)?;
        pipe.take(LARGEST).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its id is its own until it was waited for.
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let id = Pid::from_child(&self.child);
        let killed = match self.is_group {
            true => kill_process_group(id, Signal::KILL),
            false => kill_process(id, Signal::KILL),
        };
        let ended = killed
            .map_err(io::Error::from)
            .and_then(|()| self.child.wait().map(drop));
        if let Err(error) = ended {
            tracing::warn!(%error, "a credential helper could not be ended");
        }
    }
}
