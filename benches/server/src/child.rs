//! A server as a child process.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::proc;
use crate::report::progress;

/// How long a server may take to listen; one compiles a plugin first.
const START: Duration = Duration::from_secs(60);

/// How long a server may take to end after it was asked to.
const END: Duration = Duration::from_secs(3);

/// How often it is looked whether a server listens. What is measured from its
/// start can be wrong by as much.
const LOOK: Duration = Duration::from_millis(1);

/// A server that runs. Ended when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    begun: Instant,
    address: SocketAddr,
}

/// A port of the loopback interface that nobody has.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    listener.local_addr().context("the port is not known")
}

impl Running {
    /// Starts `command`, which is to listen on `address`, and waits until it
    /// does. What it says goes to `folder/log`.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, folder: &Path) -> Result<Self> {
        let path = folder.join("log");
        let log = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let begun = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("the log")?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut running = Self {
            child,
            begun,
            address,
        };
        running.wait().with_context(|| {
            format!("{}: {}", command.get_program().display(), last_words(&path))
        })?;
        Ok(running)
    }

    /// When its process was started.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process and its children.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        proc::with_children(self.child.id())
    }

    /// Ends it, if it runs.
    pub(crate) fn stop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        send(Pid::from_child(&self.child), Signal::TERM);
        let end = Instant::now() + END;
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let children = self.processes().unwrap_or_default();
        for process in children {
            if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
                send(pid, Signal::KILL);
            }
        }
        drop(self.child.wait());
    }

    fn wait(&mut self) -> Result<()> {
        let end = Instant::now() + START;
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait().context("the server is lost")? {
                bail!("it ended by itself ({status})");
            }
            if Instant::now() > end {
                bail!("it does not listen after {START:?}");
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends a signal to a process that may have ended already.
fn send(process: Pid, signal: Signal) {
    if let Err(error) = kill_process(process, signal)
        && error != Errno::SRCH
    {
        progress(&format!("a server cannot be ended: {error}"));
    }
}

/// The end of a log.
fn last_words(log: &PathBuf) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}
