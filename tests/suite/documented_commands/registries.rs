//! docs/registries.md, with a registry of its own.

use std::fs;

use super::{page, read};
use crate::harness::docker_registry::DockerRegistry;
use crate::harness::guests::{built, bytes};
use crate::harness::markdown::code;
use crate::harness::programs::is_there;
use crate::harness::transcript::{Block, Shell};

const REGISTRY: &str = "registry.example:5000";

/// A server that runs the plugin refuses what the plugin refuses.
fn serves(shell: &Shell, block: &Block) {
    let server = shell.serve(block);
    let refused = server.tus().create_with(5, &[("meme", "pepe")]);
    assert_eq!(refused.status(), 400, "{}{}", block.text, server.log());
    server.stop();
}

#[test]
fn the_page_on_registries_does_what_it_says() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    if !is_there("openssl", "version") {
        return;
    }
    let host = registry.host();
    let mut page = page("docs/registries.md");
    page.replace(REGISTRY, &host);
    let shell = Shell::new().variable("RUSTUS_OCI_INSECURE", &host);
    let home = shell.path("home");
    let shell = shell
        .variable("HOME", &home)
        .variable("XDG_CACHE_HOME", home.join("cache"));
    fs::copy(built("refuse-meme"), shell.path("size-limits.wasm")).unwrap();

    let printed = shell.run(&page.next("rustus plugin push"));
    let pinned = format!("{host}/hooks/size-limits@sha256:");
    assert!(printed.starts_with(&pinned), "{printed}");
    shell.run(&page.next("rustus plugin pull"));
    assert!(fs::read(shell.path("limits.wasm")).unwrap() == bytes("refuse-meme"));
    shell.run(&page.next("mkdir"));
    assert!(fs::read(shell.path("hooks/limits.wasm")).unwrap() == bytes("refuse-meme"));

    serves(&shell, &page.next("rustus --hooks-oci "));
    let file = read("docs/registries.md");
    let file = code(&file, "toml");
    fs::write(shell.path("plugins.toml"), file.replace(REGISTRY, &host)).unwrap();
    serves(&shell, &page.next("rustus --hooks-oci-file "));

    // 1.3 is another build: it has one more section, which says nothing.
    let mut second = bytes("refuse-meme");
    second.extend(b"\0\x04\x03v13");
    fs::write(shell.path("size-limits.wasm"), &second).unwrap();
    shell.run(&page.next("openssl genpkey"));
    assert!(fs::read(shell.path("size-limits.wasm")).unwrap() == second);
    let saved = shell.run(&page.next("rustus plugin save"));
    assert!(saved.contains("\n1.2 is not signed\n"), "{saved}");
    drop(registry);
    shell.run(&page.next("rustus plugin load"));
    serves(&shell, &page.next("rustus --oci-cache-dir cache"));
}
