//! Uppy on a page in Chromium, which is of another origin than the server.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::programs::is_there;
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

/// Large enough for many requests.
const LENGTH: usize = 6_000_000;
const CHUNK: usize = 500_000;

/// A page that does what it is told. Ended when dropped.
struct Page {
    child: Child,
    commands: Option<ChildStdin>,
    events: Lines<BufReader<ChildStdout>>,
    origin: String,
}

impl Page {
    /// `None` where there is no browser or no Uppy; in CI that is a failure.
    fn open() -> Option<Self> {
        let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node");
        let is_installed = client.join("node_modules/@uppy/tus").exists();
        if !is_installed {
            assert!(std::env::var_os("CI").is_none(), "Uppy is not installed");
            eprintln!("skipped: Uppy is not installed (`./x test` installs it)");
        }
        if !is_installed || !is_there("chromium", "--version") {
            return None;
        }
        let mut child = Command::new("node")
            .arg(client.join("browser.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut page = Self {
            commands: child.stdin.take(),
            events: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
            origin: String::new(),
        };
        let open = page.wait_for("open");
        open["origin"]
            .as_str()
            .unwrap()
            .clone_into(&mut page.origin);
        Some(page)
    }

    fn tell(&mut self, command: &Value) {
        writeln!(self.commands.as_mut().unwrap(), "{command}").unwrap();
    }

    /// The next thing that happens, which is to be `event`.
    fn wait_for(&mut self, event: &str) -> Value {
        let line = self.events.next().expect("the page is there").unwrap();
        let happened: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(happened["event"], event, "{happened}");
        happened
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It ends with its standard input.
        self.commands.take();
        drop(self.child.wait());
    }
}

#[test]
fn uppy_uploads_pauses_and_goes_on_also_after_the_server_was_killed() {
    let Some(mut page) = Page::open() else {
        return;
    };
    let setup = Setup::new().arguments(&["--cors", &page.origin]);
    let server = setup.start();
    let port = server.address().port().to_string();
    page.tell(&json!({
        "command": "upload",
        "endpoint": server.files(),
        "length": LENGTH,
        "chunk": CHUNK,
        "pauseAt": [LENGTH / 4, LENGTH / 2],
        "retryDelays": [50, 100, 200, 400, 800],
    }));
    page.wait_for("paused");
    page.tell(&json!({"command": "resume"}));
    page.wait_for("paused");
    server.kill();
    let server = setup.with_port(&port).start();
    page.tell(&json!({"command": "resume"}));
    let done = page.wait_for("success");
    let bytes = Tus::new(server.files())
        .get(done["url"].as_str().unwrap())
        .bytes()
        .unwrap();
    assert!(bytes.len() == LENGTH);
    assert!(
        bytes
            .iter()
            .enumerate()
            .all(|(n, byte)| usize::from(*byte) == n % 251)
    );
}

#[test]
fn a_page_of_an_origin_that_is_not_listed_changes_nothing() {
    let Some(mut page) = Page::open() else {
        return;
    };
    let server = Setup::new()
        .arguments(&["--cors", "https://app.example"])
        .start();
    page.tell(&json!({
        "command": "upload",
        "endpoint": server.files(),
        "length": 10,
        "chunk": 10,
        "pauseAt": [],
        "retryDelays": [],
    }));
    page.wait_for("error");
    assert!(server.stored_files().is_empty());
}
