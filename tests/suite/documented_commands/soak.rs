//! Blocks that measure, or that build for longer than anybody waits every day:
//! `./x soak` runs them after the other tests, one at a time.

use std::path::Path;

use super::{part_of, port_of_the_pages, read, root};
use crate::harness::eventually;
use crate::harness::programs::is_there;
use crate::harness::transcript::{Block, Shell};

#[test]
#[ignore = "measures everything; `./x soak` runs it"]
fn every_figure_is_measured_by_the_commands_of_the_page() {
    let shell = Shell::new().at(root());
    let mut page = part_of("docs/BENCHMARKS.md", &["./x bench"]);
    let [all, quick, some] = &page.next("./x bench").lines()[..] else {
        panic!("other commands than these three");
    };
    assert!(quick.text.starts_with("./x bench --quick "), "{quick:?}");
    let said = shell.run(quick);
    for figure in [
        "a plain client",
        "created and finished to RabbitMQ",
        "Reload",
    ] {
        assert!(said.contains(figure), "no {figure:?}:\n{said}");
    }
    // The same, but for how long.
    assert_eq!(all.text.split('#').next().unwrap().trim(), "./x bench");
    let said = shell.run(&some.with("./x bench", "./x bench --quick"));
    assert!(said.contains("PATCH with a checksum"), "{said}");
    assert!(!said.contains("Reload"), "{said}");
}

#[test]
#[ignore = "compares for ten minutes, with 5 GiB of disk; `./x soak` runs it"]
fn the_outbox_is_compared_by_the_commands_of_the_page() {
    let mut page = part_of("docs/BENCHMARKS.md", &["cd benches/outbox"]);
    let said = Shell::new().at(root()).run(&page.next("cd benches/outbox"));
    for row in ["| SQLite", "| redb", "| fjall", "| its sink takes nothing"] {
        // By the one command and by the other.
        let rows = said.lines().filter(|line| line.starts_with(row)).count();
        assert!(rows >= 2, "{row}:\n{said}");
    }
}

#[test]
#[ignore = "compiles the server anew; `./x soak` runs it"]
fn a_profile_is_taken_by_the_commands_of_the_page() {
    if !is_there("perf", "--version") {
        return;
    }
    let shell = Shell::new().in_a_checkout();
    let mut page = part_of("docs/BENCHMARKS.md", &["cargo build --profile profiling"]);
    page.replace("/tmp/", format!("{}/", shell.path("").display()));
    let port = port_of_the_pages();
    page.replace("--port 1081", format!("--port {port}"));
    let commands = page.next("cargo build").lines();
    let [build, directory, server, record, reports @ ..] = &commands[..] else {
        panic!("fewer commands than these four");
    };
    shell.run(build);
    shell.run(directory);
    // `perf` writes what it knows when it is told to end, as the server is.
    let both = [server, record].map(|line| line.text.clone()).join("\n");
    let ended = "\ntrap : TERM\nwait || true\nwait";
    let profiled = shell.serve(&server.with(&server.text, both + ended));
    let tus = profiled.tus();
    let recorded = shell.path("perf.data");
    eventually("perf records", || recorded.exists());
    let large = 256 << 20;
    let url = tus.create(large);
    let sent = tus.patch(&url, 0, vec![b'x'; large.try_into().unwrap()]);
    assert_eq!(sent.status(), 204);
    profiled.stop();
    assert_eq!(reports.len(), 2);
    for report in reports {
        let said = shell.run(report);
        assert!(said.contains("actix-rt"), "{said}");
    }
}

#[test]
#[ignore = "installs cargo-fuzz; `./x soak` runs it"]
fn cargo_fuzz_runs_a_target_as_its_page_says() {
    let install = "cargo install --locked cargo-fuzz";
    let text = read("fuzz/README.md");
    assert!(text.contains(install), "{text}");
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
    let shell = Shell::new()
        .at(root().join("fuzz"))
        .variable("CARGO_INSTALL_ROOT", &tools)
        .programs_in(&tools.join("bin"));
    shell.run(&Block::of_ours(install));
    let mut page = part_of("fuzz/README.md", &["mkdir -p corpus"]);
    // It searches until it is ended.
    let block = page.next("mkdir -p corpus");
    let block = block.with("seeds/metadata", "seeds/metadata -- -max_total_time=3");
    let said = shell.run(&block);
    assert!(said.contains("INITED") && said.contains("DONE"), "{said}");
}
