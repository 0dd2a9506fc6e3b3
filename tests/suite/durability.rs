//! What is synced before what, seen in the system calls of the server.

use std::path::PathBuf;

use crate::harness::eventually;
use crate::harness::server::{Server, Setup};
use crate::harness::trace::{self, Call, available};
use crate::harness::tus::Tus;

struct Traced {
    server: Server,
    tus: Tus,
    output: PathBuf,
}

fn traced(arguments: &[&str]) -> Traced {
    let setup = Setup::new().arguments(arguments);
    let output = setup.path().join("trace");
    let server = setup.under(trace::command(&output)).start();
    let tus = Tus::new(server.files());
    Traced {
        server,
        tus,
        output,
    }
}

impl Traced {
    /// The calls up to the one that sends the last of `answers` answers.
    fn calls_until_answer(&self, answers: usize) -> Vec<Call> {
        let is_answer = |call: &Call| call.arguments.contains("\"HTTP/1.1 ");
        let count = || {
            let calls = trace::calls(&self.output);
            calls.iter().filter(|call| is_answer(call)).count()
        };
        eventually("the answer is in the trace", || count() >= answers);
        let calls = trace::calls(&self.output);
        let last = calls
            .iter()
            .enumerate()
            .filter(|(_, call)| is_answer(call))
            .nth(answers - 1)
            .unwrap()
            .0;
        calls[..=last].to_vec()
    }
}

/// Whether a call is one of `names` on a descriptor or path that contains
/// `path`.
fn on<'a>(names: &'a [&str], path: &'a str) -> impl Fn(&Call) -> bool + 'a {
    move |call| names.contains(&call.name.as_str()) && call.arguments.contains(path)
}

const SYNC: &[&str] = &["fsync", "fdatasync"];
const WRITE: &[&str] = &["pwritev", "pwritev2", "pwrite64"];
const RENAME: &[&str] = &["rename", "renameat", "renameat2"];
const ANSWER: &[&str] = &["write", "writev", "sendto", "sendmsg"];

/// What is looked for among the calls, with its name for messages.
type Step<'a> = (&'a str, &'a dyn Fn(&Call) -> bool);

/// Each step returned before the next began.
fn in_order(calls: &[Call], steps: &[Step<'_>]) {
    let mut after = 0;
    for (what, is_step) in steps {
        let step = calls
            .iter()
            .find(|call| call.begun >= after && is_step(call))
            .unwrap_or_else(|| panic!("no {what} after line {after}:\n{calls:#?}"));
        assert!(step.ended != usize::MAX, "{what} did not return");
        after = step.ended + 1;
    }
}

fn syncs(calls: &[Call]) -> usize {
    calls
        .iter()
        .filter(|call| SYNC.contains(&call.name.as_str()))
        .count()
}

#[test]
fn a_finished_upload_is_on_the_disk_before_it_is_acknowledged() {
    if !available() {
        return;
    }
    // Without the flag: it is the default.
    for arguments in [&[][..], &["--dir-structure", "y{year}/m{month}"]] {
        let traced = traced(arguments);
        let url = traced.tus.create(6);
        let id = url.rsplit('/').next().unwrap();
        assert_eq!(traced.tus.patch(&url, 0, "abc").status(), 204);
        let before = traced.calls_until_answer(2);
        assert_eq!(syncs(&before), 0, "{before:#?}");
        assert_eq!(traced.tus.patch(&url, 3, "def").status(), 204);
        let calls = traced.calls_until_answer(3);
        let data = format!("/{id}>");
        let record = format!("{id}.info");
        in_order(
            &calls[before.len()..],
            &[
                ("write of the bytes", &on(WRITE, &data)),
                ("sync of the bytes", &on(SYNC, &data)),
                ("sync of the record", &on(SYNC, ".rustus-")),
                ("rename of the record", &on(RENAME, &record)),
                ("sync of the directory", &on(SYNC, "/data>")),
                ("answer", &on(ANSWER, "\"HTTP/1.1 204")),
            ],
        );
        if !arguments.is_empty() {
            let calls = &calls[before.len()..];
            for directory in ["/m", "/y"] {
                let directory = |call: &Call| {
                    SYNC.contains(&call.name.as_str())
                        && call.arguments.split('>').next().is_some_and(|path| {
                            path.rsplit_once(directory)
                                .is_some_and(|(_, rest)| rest.bytes().all(|b| b.is_ascii_digit()))
                        })
                };
                in_order(
                    calls,
                    &[
                        ("sync of the bytes", &on(SYNC, &data)),
                        ("sync of a directory by date", &directory),
                        ("rename of the record", &on(RENAME, &record)),
                    ],
                );
            }
        }
        drop(traced.server);
    }
}

#[test]
fn nothing_or_every_change_is_synced_when_told_so() {
    if !available() {
        return;
    }
    let traced_none = traced(&["--durability", "none"]);
    let url = traced_none.tus.create(3);
    assert_eq!(traced_none.tus.patch(&url, 0, "abc").status(), 204);
    let calls = traced_none.calls_until_answer(2);
    assert_eq!(syncs(&calls), 0, "{calls:#?}");

    for flags in [&["--durability", "append"][..], &["--force-fsync"]] {
        let traced = traced(flags);
        let url = traced.tus.create(6);
        let id = url.rsplit('/').next().unwrap();
        let data = format!("/{id}>");
        let created = traced.calls_until_answer(1);
        in_order(
            &created,
            &[
                ("sync of the record", &on(SYNC, ".rustus-")),
                ("sync of the directory", &on(SYNC, "/data>")),
                ("answer", &on(ANSWER, "\"HTTP/1.1 201")),
            ],
        );
        assert_eq!(traced.tus.patch(&url, 0, "abc").status(), 204);
        let calls = traced.calls_until_answer(2);
        in_order(
            &calls[created.len()..],
            &[
                ("write of the bytes", &on(WRITE, &data)),
                ("sync of the bytes", &on(SYNC, &data)),
                ("answer", &on(ANSWER, "\"HTTP/1.1 204")),
            ],
        );
        assert_eq!(traced.tus.delete(&url).status(), 204);
        let all = traced.calls_until_answer(3);
        in_order(
            &all[calls.len()..],
            &[
                ("removal of the bytes", &on(&["unlink", "unlinkat"], id)),
                ("sync of the directory", &on(SYNC, "/data>")),
                (
                    "removal of the record",
                    &on(&["unlink", "unlinkat"], ".info"),
                ),
                ("sync of the directory", &on(SYNC, "/data>")),
                ("answer", &on(ANSWER, "\"HTTP/1.1 204")),
            ],
        );
    }
}

#[test]
fn nothing_is_searched_however_many_uploads_there_are() {
    if !available() {
        return;
    }
    let traced = traced(&[]);
    // Which is done once, for what a crash may have left.
    traced.server.wait_for_log("all uploads were looked at");
    let url = traced.tus.create(3);
    let before = traced.calls_until_answer(1).len();
    traced.tus.patch(&url, 0, "abc");
    traced.tus.get(&url);
    traced.tus.head(&url);
    traced.tus.create(3);
    let calls = traced.calls_until_answer(5);
    let searches = calls[before..].iter();
    let searches = searches.filter(|call| call.name == "getdents64");
    let of_data: Vec<_> = searches
        .filter(|call| call.arguments.contains("/data"))
        .collect();
    assert!(of_data.is_empty(), "{of_data:#?}");
}
