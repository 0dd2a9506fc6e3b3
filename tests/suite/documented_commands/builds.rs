//! Blocks that build the server. They take minutes, and the demo puts another build
//! where that of the tests is: `./x test` leaves these tests out, and `./x ci` runs
//! them after all others.

use std::fs;

use super::{part_of, port_of_the_pages, root};
use crate::harness::guests::install;
use crate::harness::programs::is_there;
use crate::harness::transcript::{Block, Shell};

#[test]
#[ignore = "puts another build where that of the tests is; `./x ci` runs it after them"]
fn the_demo_of_the_readme_accepts_and_refuses() {
    if !is_there("curl", "--version") {
        return;
    }
    let shell = Shell::new().at(root());
    let port = port_of_the_pages();
    let at_port = format!("./x demo --port {port}");
    // Building it takes as long as it takes; then the server starts in seconds.
    let said = shell.run(&Block::of_ours(format!("{at_port} --once")));
    for part in ["meme = pepe: 400", "filename = hello.txt: 201"] {
        assert!(said.contains(part), "{said}");
    }

    let mut page = part_of("README.md", &["./x demo", "curl -i"]);
    if port != 1081 {
        page.replace("./x demo", &at_port);
        page.replace("127.0.0.1:1081", format!("127.0.0.1:{port}"));
    }
    let demo = shell.serve(&page.next("./x demo"));
    let accepted = shell.run(&page.next("curl"));
    assert!(accepted.contains("HTTP/1.1 201"), "{accepted}");
    let refused = shell.run(&page.next("curl"));
    for part in ["HTTP/1.1 400", "Pepe is not welcome here."] {
        assert!(refused.contains(part), "{refused}");
    }
    demo.stop();
}

#[test]
#[ignore = "compiles all of the server; `./x ci` runs it after the other tests"]
fn the_server_is_built_and_started_as_the_page_for_operators_says() {
    let mut page = part_of("docs/operators.md", &["./x guests"]);
    let [guests, build, start] = &page.next("./x guests").lines()[..] else {
        panic!("other commands than these three");
    };
    Shell::new().at(root()).run(guests);
    // The same commands, but not the time that it takes to make a fast server.
    let checkout = Shell::new()
        .in_a_checkout()
        .variable("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .variable("CARGO_PROFILE_RELEASE_LTO", "off")
        .variable("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    checkout.run(build);

    fs::create_dir(checkout.path("hooks")).unwrap();
    install(&checkout.path("hooks"), "refuse-meme", "refuse-meme");
    let server = checkout.serve(start);
    let tus = server.tus();
    assert_eq!(tus.create_with(5, &[("meme", "doge")]).status(), 201);
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
    server.stop();
}
