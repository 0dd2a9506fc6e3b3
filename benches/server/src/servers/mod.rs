//! The servers that are measured, each started the way its own documentation
//! does and with no setting for speed that the others do not have.

mod nginx;
mod rustus;
mod stand_in;
mod tus_node;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::child::Running;
use crate::connection::Connection;
use crate::place::{self, Place};
use crate::stand_in::Decider;

pub(crate) use self::nginx::Buffer;
pub(crate) use self::rustus::{Plugin, start_with_rule};

/// Which server, and how it decides.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// The release binary.
    Rustus(Option<Plugin>),
    /// Its library below another way of deciding.
    StandIn(Decider),
    /// `@tus/server` with `@tus/file-store`.
    TusNode,
    /// nginx that takes files by PUT.
    Nginx(Buffer),
}

/// How a server takes a file.
#[derive(Debug, Clone, Copy)]
enum Face {
    Tus,
    Put,
}

/// A server that runs. Ended when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    running: Running,
    /// The service that it asks, if it is one that asks.
    service: Option<Running>,
    data: PathBuf,
    face: Face,
    /// Files that were named so far.
    names: AtomicU64,
}

impl Kind {
    /// The name in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rustus(None) => "rustus, no hook",
            Self::Rustus(Some(Plugin::Fresh)) => "rustus, plugin, a fresh instance each",
            Self::Rustus(Some(Plugin::Reuse)) => "rustus, plugin, instances reused",
            Self::StandIn(Decider::None) => "stand-in, no hook",
            Self::StandIn(Decider::Command) => "stand-in, a process each (`sh -c 'exit 0'`)",
            Self::StandIn(Decider::Http) => "stand-in, an HTTP request each",
            Self::TusNode => "@tus/server (Node.js), no hook",
            Self::Nginx(Buffer::Default) => "nginx, PUT",
            Self::Nginx(Buffer::Large) => "nginx, PUT, client_body_buffer_size 256k",
        }
    }

    /// Why it cannot be measured here, if it cannot.
    pub(crate) fn missing(self, place: &Place) -> Option<String> {
        match self {
            Self::Rustus(_) | Self::StandIn(_) => None,
            Self::TusNode => tus_node::missing(place),
            Self::Nginx(_) => nginx::missing(),
        }
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(self, place: &Place) -> Result<Server> {
        let started = match self {
            Self::Rustus(plugin) => rustus::start(place, plugin),
            Self::StandIn(decider) => stand_in::start(place, decider),
            Self::TusNode => tus_node::start(place),
            Self::Nginx(buffer) => nginx::start(place, buffer),
        };
        started.with_context(|| format!("cannot start {}", self.name()))
    }
}

/// Starts those of `kinds` that can be had; says of the others why not.
pub(crate) fn choose<'a>(kinds: &'a [Kind], place: &Place) -> (Vec<Kind>, Vec<(&'a Kind, String)>) {
    let missing: Vec<_> = kinds
        .iter()
        .filter_map(|kind| Some((kind, kind.missing(place)?)))
        .collect();
    let there = kinds.iter().filter(|kind| kind.missing(place).is_none());
    (there.copied().collect(), missing)
}

impl Server {
    fn new(running: Running, data: PathBuf, face: Face) -> Self {
        Self {
            running,
            service: None,
            data,
            face,
            names: AtomicU64::new(0),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Its processes, and those of the service that it asks.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        let mut all = self.running.processes()?;
        if let Some(service) = &self.service {
            all.extend(service.processes()?);
        }
        Ok(all)
    }

    /// Removes all uploads and waits for the disk.
    pub(crate) fn clear(&self) -> Result<()> {
        place::clear(&self.data)
    }

    /// Puts what was stored aside, to be removed when nothing is measured.
    pub(crate) fn set_aside(&self) -> Result<()> {
        place::set_aside(&self.data)
    }

    /// Makes the kernel have memory at hand for files of `bytes`.
    pub(crate) fn warm_memory(&self, bytes: u64) -> Result<()> {
        place::warm_memory(&self.data, bytes)
    }

    /// An upload that waits for its bytes.
    pub(crate) fn prepare(&self, bytes: u64) -> Result<Prepared> {
        let mut connection = Connection::open(self.address())?;
        let (method, path, fields, expected) = match self.face {
            Face::Put => {
                let number = self.names.fetch_add(1, Ordering::Relaxed);
                ("PUT", format!("/{number}"), "", 201)
            }
            Face::Tus => {
                let path = connection.create(bytes, |answer| {
                    let location = answer.field("location").context("no Location")?;
                    Ok(path_of(location).to_owned())
                })?;
                let fields = "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
                              Content-Type: application/offset+octet-stream\r\n";
                ("PATCH", path, fields, 204)
            }
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{fields}Content-Length: {bytes}\r\n\r\n",
            self.address()
        );
        Ok(Prepared {
            connection,
            head,
            bytes,
            expected,
        })
    }

    /// An error unless all uploads together have at least `bytes`.
    pub(crate) fn check_stored(&self, bytes: u64) -> Result<()> {
        let stored = place::bytes_in(&self.data)?;
        ensure!(
            stored >= bytes,
            "{stored} bytes are stored of {bytes} that were taken"
        );
        Ok(())
    }
}

/// An upload that waits for its bytes, and a connection to send them on.
#[derive(Debug)]
pub(crate) struct Prepared {
    connection: Connection,
    head: String,
    bytes: u64,
    expected: u16,
}

impl Prepared {
    /// Sends them. Returns the time from the request's first byte to the answer.
    pub(crate) fn send(mut self) -> Result<Duration> {
        let begun = Instant::now();
        self.connection
            .send(&self.head, self.bytes, self.expected)?;
        Ok(begun.elapsed())
    }
}

/// The path of a URL that may be absolute.
fn path_of(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else {
        return url;
    };
    rest.find('/')
        .and_then(|slash| rest.get(slash..))
        .unwrap_or("/")
}

/// A folder for the uploads in `folder`.
fn data_folder(folder: &Path) -> Result<PathBuf> {
    let data = folder.join("data");
    fs::create_dir(&data).with_context(|| format!("cannot make {}", data.display()))?;
    Ok(data)
}

/// What a program says to stdout and stderr when asked `argument`.
pub(crate) fn ask(program: &str, argument: &str) -> Result<String> {
    let output = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{program}` cannot be started"))?;
    ensure!(output.status.success(), "`{program} {argument}` failed");
    let all = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&all).trim().to_owned())
}
