//! docs/shell-hooks.md: the command in Go and the one in Rust, each in a server.

use std::fs;

use super::{page, root};
use crate::harness::directory::files_below;
use crate::harness::programs::is_there;
use crate::harness::transcript::{Block, Shell};

const GO: &str = "sdk/commands/refuse-meme-go";

/// Somebody at the top of a copy of the example in Go.
fn with_a_copy() -> Shell {
    let shell = Shell::new()
        // The one that is there, not another that it would download.
        .variable("GOTOOLCHAIN", "local");
    fs::create_dir_all(shell.path(GO)).unwrap();
    for file in files_below(&root().join(GO)) {
        fs::copy(root().join(GO).join(&file), shell.path(GO).join(&file)).unwrap();
    }
    shell
}

/// The module is put in place, and refuses.
fn refuses(shell: &Shell, put: &Block, curl: &Block) {
    let server = shell.serve(put);
    let said = shell.run(&curl.with("127.0.0.1:1081", server.uploads()));
    for part in ["HTTP/1.1 400", "This meme isn't allowed"] {
        assert!(said.contains(part), "{said}{}", server.log());
    }
    server.stop();
}

/// What the reader comes with: a hook of another server, which gives it the name of
/// the event and the event.
fn refuses_elsewhere(script: &Block) {
    let shell = Shell::new();
    fs::write(shell.path("hook"), &script.text).unwrap();
    for (meme, code) in [("doge", 0), ("pepe", 1)] {
        let event = format!(r#"{{"upload": {{"metadata": {{"meme": "{meme}"}}}}}}"#);
        let asked = format!("{} hook pre-create '{event}'", script.shell);
        let (ended, said) = shell.try_run(&Block::of_ours(asked));
        assert_eq!(ended, Some(code), "{said}");
        assert_eq!(
            said.contains("This meme isn't allowed"),
            code == 1,
            "{said}"
        );
    }
}

#[test]
fn the_page_on_shell_hooks_does_what_it_says() {
    if !is_there("curl", "--version") || !is_there("jq", "--version") {
        return;
    }
    let mut page = page("docs/shell-hooks.md");
    let script = page.next("#!/bin/bash");
    let in_go = page.next(&format!("cd {GO}"));
    let in_rust = page.next("cargo build");
    let put = page.next("mkdir hooks");
    let curl = page.next("curl");

    refuses_elsewhere(&script);
    let shell = Shell::new().in_a_checkout().building_modules();
    shell.run(&in_rust);
    refuses(&shell, &put, &curl);
    if is_there("go", "version") {
        let shell = with_a_copy();
        shell.run(&in_go);
        refuses(&shell.at(GO), &put, &curl);
    }
}
