//! A directory that holds many uploads costs the start nothing.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::harness::rounds;
use crate::harness::server::Setup;
use crate::harness::trace::{self, Call};
use crate::harness::tus::Tus;

/// As if `count` clients had begun an upload of five bytes and sent three.
fn fill(data: &Path, example: &str, count: usize) {
    let record = fs::read_to_string(data.join(format!("{example}.info"))).unwrap();
    for number in 0..count {
        let id = format!("many-{number}");
        fs::write(data.join(&id), "abc").unwrap();
        let record = record.replace(example, &id);
        fs::write(data.join(format!("{id}.info")), record).unwrap();
    }
}

#[test]
fn a_server_listens_before_it_reads_a_record_however_many_there_are() {
    if !trace::available() {
        return;
    }
    let setup = Setup::new();
    let data = setup.path().join("data");
    let server = setup.start();
    let url = Tus::new(server.files()).create(5);
    drop(server);
    let count = rounds(100_000, 20_000);
    fill(&data, url.rsplit('/').next().unwrap(), count);

    for arguments in [&[] as &[&str], &["--expiration", "1h"]] {
        let setup = setup.clone().arguments(arguments);
        let begun = Instant::now();
        let server = setup.start();
        let started = begun.elapsed();
        let tus = Tus::new(server.files());
        let url = format!("{}/many-{}", server.files(), count - 1);
        assert_eq!(tus.offset(&url), 3);
        eprintln!(
            "with {count} uploads and {arguments:?}: listens after {started:?}, HEAD after {:?}",
            begun.elapsed()
        );
        drop(server);

        let output = setup.path().join("calls");
        let calls = "trace=openat,getdents64,write";
        let traced = setup.clone().under(trace::command_for(calls, &output));
        let server = traced.start();
        let url = format!("{}/many-{}", server.files(), count - 1);
        assert_eq!(Tus::new(server.files()).offset(&url), 3);
        server.terminate_and_read();
        let calls = trace::calls(&output);
        let records = |call: &Call| call.name == "openat" && call.arguments.contains(".info\"");
        let listens = calls
            .iter()
            .position(|call| call.arguments.contains("listening"));
        let before = &calls[..listens.unwrap()];
        assert_eq!(before.iter().filter(|call| records(call)).count(), 0);
        let names = |call: &&Call| call.name == "getdents64" && call.arguments.contains("/data>");
        assert_eq!(before.iter().filter(names).count(), 0);
        // What is done in the background does not keep anybody waiting.
        assert!(calls.iter().any(records));
        fs::remove_file(output).unwrap();
    }
}
