//! README.md, with a server in place of the demo's.

use std::fs;

use super::{page, root};
use crate::harness::guests::install;
use crate::harness::programs::is_there;
use crate::harness::project::share_target;
use crate::harness::server::Setup;
use crate::harness::transcript::{Block, Shell};
use crate::harness::tus::Tus;

fn says(shell: &Shell, block: &Block, parts: &[&str]) {
    let said = shell.run(block);
    for part in parts {
        assert!(said.contains(part), "{}no {part:?} in {said}", block.text);
    }
}

#[test]
fn the_readme_does_what_it_says() {
    if !is_there("curl", "--version") {
        return;
    }
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "refuse-meme", "refuse-meme");
    let server = setup.start();
    let hooks = setup.hooks_dir();
    let mut page = page("README.md");
    page.replace("127.0.0.1:1081", server.address().to_string());
    page.replace("target/demo/hooks", hooks.to_str().unwrap());
    page.replace("target/debug/rustus", "rustus");
    let shell = Shell::new().at("checkout");
    fs::create_dir(shell.path("")).unwrap();

    let refused = ["HTTP/1.1 400", "Pepe is not welcome here."];
    says(
        &shell,
        &page.next("curl"),
        &["HTTP/1.1 201", "upload-offset: 5"],
    );
    let again = page.next("curl");
    says(&shell, &again, &refused);

    // The crate is not edited here. Another plugin lies where its module is to be, and
    // the command puts that back.
    let mark = server.mark();
    install(&hooks, "log-events", "refuse-meme");
    server.wait_for_log_after(mark, "plugin loaded");
    says(&shell, &again, &["HTTP/1.1 201"]);
    let mark = server.mark();
    shell
        .at(root())
        .run(&page.next("./x plugin plugins/refuse-meme"));
    server.wait_for_log_after(mark, "plugin loaded");
    says(&shell, &again, &refused);

    let mark = server.mark();
    let building = shell.clone().building_modules();
    building.run(&page.next("rustus plugin new"));
    share_target(&shell.path("../my-hook"));
    says(
        &building,
        &page.next("rustus plugin build"),
        &["2 passed; 0 failed"],
    );
    server.wait_for_log_after(mark, "plugin loaded");
    let program = Tus::new(server.files()).create_with(5, &[("filename", "run.exe")]);
    assert_eq!(program.status(), 415);

    says(
        &shell,
        &page.next("printf"),
        &["HTTP/1.1 204", "upload-offset: 11"],
    );
}
