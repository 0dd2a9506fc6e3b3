//! A server of another kind as a child process, which never outlives the tests.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How long a server may take to start: a JVM on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A child process with all that it starts, in a process group of its own. Killed
/// when dropped, and by a watcher when this process is killed: a broker that tests
/// share lives in a static, which nothing drops.
pub struct Guarded {
    child: Child,
    watcher: Child,
    log: PathBuf,
}

impl Guarded {
    /// Starts it; what it says goes to the end of the file `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let said = open_log(log);
        let child = command
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
        // Its stdin ends when this process does, however that comes.
        let watcher = Command::new("sh")
            .args(["-c", "read done || kill -s KILL -- -\"$0\""])
            .arg(child.id().to_string())
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self {
            child,
            watcher,
            log: log.to_owned(),
        }
    }

    /// Waits until `ready`. A server that ends before fails the test with its log.
    pub fn wait_until(&mut self, what: &str, ready: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !ready() {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < until,
                "never came true: {what} ({ended:?}):\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it and those before it said.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    /// `SIGTERM`, and its end.
    pub fn terminate(mut self) {
        self.signal(Signal::TERM);
        self.child.wait().unwrap();
    }

    /// `kill -9`, and its end.
    pub fn kill(self) {
        drop(self);
    }

    /// Makes it silent without closing its connections.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// What the end of this process does to it: the watcher kills it.
    pub fn abandon(&mut self) {
        drop(self.watcher.stdin.take());
        self.watcher.wait().unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill_process_group(self.group(), signal).unwrap();
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // There may be nobody left to kill.
        kill_process_group(self.group(), Signal::KILL).unwrap_or(());
        drop(self.child.wait());
        // What the child started has other parents now: they take it away.
        super::eventually("all of the process group is gone", || {
            test_kill_process_group(self.group()).is_err()
        });
        if let Some(mut stdin) = self.watcher.stdin.take() {
            drop(stdin.write_all(b"done\n"));
        }
        drop(self.watcher.wait());
    }
}

fn open_log(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.create(true).append(true).open(path).unwrap()
}

/// A free port that no outgoing connection takes while its server is away: below
/// those that the kernel gives out.
pub fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(10_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
