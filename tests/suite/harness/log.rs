//! What a server has written to stderr.

use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::process::ChildStderr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::ioctl_fionbio;

use super::server::PATIENCE;

/// The log of a server. Whoever reads it gets all that was written by then: what
/// the server says before it answers is there once the answer is.
pub struct Log {
    written: Mutex<Written>,
    more: Condvar,
}

struct Written {
    /// Does not block. Gone once the other end is.
    pipe: Option<ChildStderr>,
    lines: Vec<String>,
    /// The line that has not come to its end.
    begun: Vec<u8>,
}

impl Log {
    /// The log that comes through this pipe, and the thread that takes it out, so
    /// that the server never waits for a test. It ends when the server has.
    pub fn read(pipe: ChildStderr) -> (Arc<Self>, JoinHandle<()>) {
        let bytes_to_come: OwnedFd = rustix::io::dup(&pipe).unwrap();
        ioctl_fionbio(&pipe, true).unwrap();
        let log = Arc::new(Self {
            written: Mutex::new(Written {
                pipe: Some(pipe),
                lines: Vec::new(),
                begun: Vec::new(),
            }),
            more: Condvar::new(),
        });
        let reader = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            while reader.now().pipe.is_some() {
                reader.more.notify_all();
                let mut pipe = [PollFd::new(&bytes_to_come, PollFlags::IN)];
                // A signal may end it early, which does no harm.
                poll(&mut pipe, None).ok();
            }
            reader.more.notify_all();
        });
        (log, reader)
    }

    /// All that has been written.
    fn now(&self) -> MutexGuard<'_, Written> {
        let mut written = self.written.lock().unwrap();
        written.catch_up();
        written
    }

    pub fn text(&self) -> String {
        self.now().lines.join("\n")
    }

    /// How many lines there are.
    pub fn length(&self) -> usize {
        self.now().lines.len()
    }

    /// The first line from `start` on that contains `text`.
    pub fn wait(&self, text: &str, start: usize) -> String {
        let until = Instant::now() + PATIENCE;
        let mut seen = start;
        let mut written = self.now();
        loop {
            let new = written.lines.iter().skip(seen);
            if let Some(line) = new.clone().find(|line| line.contains(text)) {
                return line.clone();
            }
            seen = written.lines.len().max(start);
            if written.pipe.is_none() || Instant::now() > until {
                let all = written.lines.join("\n");
                // The log is shown once more at the end.
                drop(written);
                panic!("the log never said {text:?}:\n{all}");
            }
            let pause = Duration::from_millis(100);
            written = self.more.wait_timeout(written, pause).unwrap().0;
        }
    }
}

impl Written {
    fn catch_up(&mut self) {
        let mut bytes = [0; 16 * 1024];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut bytes) {
                Ok(0) => self.end(),
                Ok(length) => self.take(&bytes[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("a log cannot be read: {error}"),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            self.begun.extend_from_slice(part);
            self.line();
        }
        self.begun.extend_from_slice(last);
    }

    fn line(&mut self) {
        let line = String::from_utf8_lossy(&self.begun).into_owned();
        self.lines.push(line);
        self.begun.clear();
    }

    fn end(&mut self) {
        if !self.begun.is_empty() {
            self.line();
        }
        self.pipe = None;
    }
}
