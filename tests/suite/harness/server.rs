//! The built binary as a child process, and its log.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

use super::log::Log;

/// No test waits longer for anything; those that do have failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How a server is to be started.
#[derive(Clone)]
pub struct Setup {
    directory: Arc<TempDir>,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    address_space_kib: Option<u64>,
    /// A program that starts the server, with its arguments.
    under: Vec<String>,
    port: String,
    /// Off unless a test wants it: tests run at the same time, and the default
    /// port is one.
    admin: Option<&'static str>,
}

/// A server that runs. Killed when dropped.
pub struct Server {
    child: Child,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
    address: SocketAddr,
    directory: Arc<TempDir>,
}

impl Setup {
    /// A server on a free port with directories of its own.
    pub fn new() -> Self {
        Self {
            directory: Arc::new(tempfile::tempdir().unwrap()),
            arguments: Vec::new(),
            variables: Vec::new(),
            address_space_kib: None,
            under: Vec::new(),
            port: "0".to_owned(),
            admin: Some("off"),
        }
    }

    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// On this port in place of a free one.
    pub fn with_port(mut self, port: &str) -> Self {
        port.clone_into(&mut self.port);
        self
    }

    /// With the admin address, on a free port.
    pub fn with_admin(self) -> Self {
        self.with_admin_at(Some("127.0.0.1:0"))
    }

    /// With the admin address where it is by default.
    pub fn with_admin_by_default(self) -> Self {
        self.with_admin_at(None)
    }

    fn with_admin_at(mut self, admin: Option<&'static str>) -> Self {
        self.admin = admin;
        self
    }

    /// Under `ulimit -v`.
    pub fn address_space_kib(mut self, limit: u64) -> Self {
        self.address_space_kib = Some(limit);
        self
    }

    /// Started by another program.
    pub fn under(mut self, program: Vec<String>) -> Self {
        self.under = program;
        self
    }

    /// With plugins from [`Setup::hooks_dir`].
    pub fn with_hooks(self) -> Self {
        let hooks = self.hooks_dir();
        std::fs::create_dir_all(&hooks).unwrap();
        self.argument("--hooks-dir")
            .argument(hooks.to_str().unwrap())
    }

    pub fn hooks_dir(&self) -> PathBuf {
        self.directory.path().join("hooks")
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    fn command(&self) -> Command {
        let mut command = self.program();
        let data = self.directory.path().join("data");
        command
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                &self.port,
                "--log-level",
                "debug",
            ])
            .arg("--data-dir")
            .arg(&data)
            .arg("--info-dir")
            .arg(&data)
            .arg("--compile-cache-dir")
            // Shared by all tests: each guest is compiled once.
            .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile-cache"))
            .args(
                self.admin
                    .iter()
                    .flat_map(|address| ["--admin-addr", *address]),
            )
            .args(&self.arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("NO_COLOR", "1")
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn program(&self) -> Command {
        let binary = env!("CARGO_BIN_EXE_rustus");
        if let [program, arguments @ ..] = self.under.as_slice() {
            let mut command = Command::new(program);
            command.args(arguments).arg(binary);
            return command;
        }
        let Some(limit) = self.address_space_kib else {
            return Command::new(binary);
        };
        let mut shell = Command::new("/bin/sh");
        shell.args([
            "-c",
            &format!("ulimit -v {limit} && exec \"$0\" \"$@\""),
            binary,
        ]);
        shell
    }

    /// Starts it and waits until it listens.
    pub fn start(&self) -> Server {
        let mut child = self.command().spawn().unwrap();
        let (log, reader) = Log::read(child.stderr.take().unwrap());
        let line = log.wait("listening", 0);
        // Text and JSON have it in their own ways.
        let address = line
            .split_once("address=")
            .or_else(|| line.split_once("\"address\":"))
            .map(|(_, rest)| rest.split([',', '}']).next().unwrap_or_default())
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|address| match address.trim_matches('"') {
                // Port 0 is nowhere: such a server is reached by its path.
                unix if unix.starts_with("unix:") => Some(([127, 0, 0, 1], 0).into()),
                address => address.parse().ok(),
            })
            .unwrap_or_else(|| panic!("no address in {line:?}"));
        Server {
            child,
            log,
            reader: Some(reader),
            address,
            directory: Arc::clone(&self.directory),
        }
    }

    /// Starts it in the expectation that it ends by itself.
    pub fn run(&self) -> (ExitStatus, String) {
        let mut child = self.command().spawn().unwrap();
        let (log, reader) = Log::read(child.stderr.take().unwrap());
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > until {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("the server did not end:\n{}", log.text());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        reader.join().unwrap();
        (status, log.text())
    }
}

/// A place in the log.
#[derive(Clone, Copy)]
pub struct Mark(usize);

impl Server {
    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL that uploads are created at.
    pub fn files(&self) -> String {
        format!("{}/files", self.origin())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` of the admin address.
    pub fn admin(&self) -> String {
        let line = self.wait_for_log("metrics and plugins at the admin address");
        let address = line.split("address=").nth(1).unwrap();
        format!("http://{}", address.split_whitespace().next().unwrap())
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn hooks_dir(&self) -> PathBuf {
        self.directory.path().join("hooks")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// All files below the data directory, relative to it, sorted; without
    /// that of the locks, which is there as long as the directory, and without
    /// the outbox.
    pub fn stored_files(&self) -> Vec<String> {
        let mut files = super::directory::files_below(&self.data_dir());
        files.retain(|name| name != ".locks" && !name.starts_with(".outbox/"));
        files
    }

    /// The bytes in the data file of the upload at `url`, if it lies where the
    /// server puts it by itself. Unlike HEAD this disturbs nobody.
    pub fn stored_bytes(&self, url: &str) -> Vec<u8> {
        let id = url.rsplit('/').next().unwrap();
        std::fs::read(self.data_dir().join(id)).unwrap()
    }

    /// Makes the upload at `url` one that nobody has touched for so long.
    pub fn age(&self, url: &str, by: Duration) {
        let id = url.rsplit('/').next().unwrap();
        for name in [id.to_owned(), format!("{id}.info")] {
            let path = self.data_dir().join(name);
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - by).unwrap();
        }
    }

    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Here and now in the log.
    pub fn mark(&self) -> Mark {
        Mark(self.log.length())
    }

    /// Waits for a line with `text`, from the start of the log on.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.log.wait(text, 0)
    }

    /// Waits for a line with `text` after `mark`.
    pub fn wait_for_log_after(&self, mark: Mark, text: &str) -> String {
        self.log.wait(text, mark.0)
    }

    /// `kill -9`: nothing is flushed, no destructor runs.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `SIGTERM`, and all that was logged until the end.
    pub fn terminate_and_read(mut self) -> String {
        assert_eq!(self.stop().code(), Some(0));
        self.reader.take().unwrap().join().unwrap();
        self.log()
    }

    /// `SIGTERM`, and how it ended.
    pub fn terminate(mut self) -> ExitStatus {
        self.stop()
    }

    /// `SIGTERM`, without waiting for the end.
    pub fn send_sigterm(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    fn stop(&mut self) -> ExitStatus {
        self.send_sigterm();
        self.wait()
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < until,
                "SIGTERM did not end the server:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}\n---", self.log());
        }
    }
}
