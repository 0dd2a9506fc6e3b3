//! `rustus plugin push`, `pull`, `install`, `save` and `load`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::Client;
use serde_json::Value;

use super::{Author, digest, server, write};
use crate::harness::docker_registry::{DockerRegistry, PASSWORD, USER};
use crate::harness::guests::{built, bytes};
use crate::harness::server::Setup;
use crate::harness::tus::Tus;
use crate::harness::use_one_tls_provider;

#[test]
fn a_module_is_pulled_as_it_was_pushed_and_laid_out_as_the_cncf_says() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let author = Author::new();
    let host = registry.host();
    let to = registry.reference("hooks/refuse:1.0");
    let file = built("refuse-meme");
    let pushed = author.does(&[
        "push",
        file.to_str().unwrap(),
        &to,
        "--annotation",
        "org.opencontainers.image.source=https://example.com",
        "--oci-insecure",
        &host,
    ]);
    let at = pushed.split_once('@').unwrap().1;

    let pulled = author.does(&["pull", &to, "-o", "got.wasm", "--oci-insecure", &host]);
    assert_eq!(pulled, format!("got.wasm {pushed}"));
    assert!(fs::read(author.path("got.wasm")).unwrap() == bytes("refuse-meme"));
    author.does(&["pull", &pushed, "--oci-insecure", &host]);
    assert!(fs::read(author.path("refuse.wasm")).unwrap() == bytes("refuse-meme"));

    use_one_tls_provider();
    let manifest = Client::new()
        .get(format!("http://{host}/v2/hooks/refuse/manifests/1.0"))
        .header("accept", "application/vnd.oci.image.manifest.v1+json")
        .send()
        .unwrap();
    let manifest = manifest.bytes().unwrap();
    assert_eq!(digest(&manifest), at);
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1);
    assert_eq!(layers[0]["mediaType"], "application/wasm");
    assert_eq!(layers[0]["digest"], digest(&bytes("refuse-meme")));
    assert_eq!(
        manifest["annotations"]["org.opencontainers.image.source"],
        "https://example.com"
    );
    let config = manifest["config"]["digest"].as_str().unwrap();
    let config = Client::new()
        .get(format!("http://{host}/v2/hooks/refuse/blobs/{config}"))
        .send()
        .unwrap();
    let config: Value = serde_json::from_slice(&config.bytes().unwrap()).unwrap();
    assert_eq!(
        (&config["architecture"], &config["os"]),
        (&"wasm".into(), &"wasip2".into())
    );
    let exports = config["component"]["exports"].as_array().unwrap();
    assert!(
        exports.contains(&"rustus:hooks/pre-create@0.1.0".into()),
        "{config}"
    );
    // The same bytes make the same artifact.
    assert_eq!(author.push(&registry, "refuse-meme", "hooks/again:1"), {
        author.push(&registry, "refuse-meme", "hooks/again:2")
    });
}

#[test]
fn a_registry_with_a_password_takes_it_from_docker_from_a_helper_and_from_variables() {
    let Some(registry) = DockerRegistry::start_with_password() else {
        return;
    };
    let host = registry.host();
    let to = registry.reference("hooks/refuse:1");
    let file = built("refuse-meme");
    let push = ["push", file.to_str().unwrap(), &to, "--oci-insecure", &host];
    let pull = ["pull", &to, "--oci-insecure", &host];

    let said = Author::new().fails(&push);
    assert!(
        said.contains("wants credentials and there are none"),
        "{said}"
    );

    let docker = Author::new();
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let config = format!(r#"{{"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#);
    write(&docker.path(".docker/config.json"), &config);
    docker.does(&push);
    docker.does(&pull);

    let helper = Author::new();
    let script = format!(
        "#!/bin/sh\nread server\nprintf '{{\"ServerURL\":\"%s\",\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}' \"$server\"\n"
    );
    let program = helper.path("bin/docker-credential-test");
    write(&program, &script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!(r#"{{"credHelpers":{{"{host}":"test"}}}}"#);
    write(&helper.path(".docker/config.json"), &config);
    helper.does(&pull);

    let given = Author::new()
        .with("RUSTUS_OCI_REGISTRY", &host)
        .with("RUSTUS_OCI_USERNAME", USER)
        .with("RUSTUS_OCI_PASSWORD", PASSWORD);
    given.does(&pull);

    let wrong = Author::new()
        .with("RUSTUS_OCI_REGISTRY", &host)
        .with("RUSTUS_OCI_USERNAME", USER)
        .with("RUSTUS_OCI_PASSWORD", "another secret");
    let said = wrong.fails(&pull);
    assert!(said.contains("refuses the credentials"), "{said}");
    assert!(!said.contains("another secret"), "{said}");

    let elsewhere = Author::new()
        .with("RUSTUS_OCI_REGISTRY", "registry.example")
        .with("RUSTUS_OCI_USERNAME", USER)
        .with("RUSTUS_OCI_PASSWORD", PASSWORD);
    let said = elsewhere.fails(&pull);
    assert!(said.contains("there are none for it"), "{said}");

    let half = Author::new().with("RUSTUS_OCI_PASSWORD", PASSWORD);
    let said = half.fails(&pull);
    assert!(said.contains("belong together"), "{said}");
    assert!(!said.contains(PASSWORD), "{said}");
}

#[test]
fn a_server_with_a_password_for_a_registry_never_logs_it() {
    let Some(registry) = DockerRegistry::start_with_password() else {
        return;
    };
    let host = registry.host();
    let author = Author::new()
        .with("RUSTUS_OCI_REGISTRY", &host)
        .with("RUSTUS_OCI_USERNAME", USER)
        .with("RUSTUS_OCI_PASSWORD", PASSWORD);
    author.push(&registry, "refuse-meme", "hooks/refuse:1");
    let running = server(
        &host,
        &["--hooks-oci", &registry.reference("hooks/refuse:1")],
    )
    .variable("RUSTUS_OCI_REGISTRY", &host)
    .variable("RUSTUS_OCI_USERNAME", USER)
    .variable("RUSTUS_OCI_PASSWORD", PASSWORD)
    .start();
    running.wait_for_log("plugin fetched from a registry");
    let log = running.terminate_and_read();
    assert!(!log.contains(PASSWORD), "{log}");
    assert!(
        !log.contains(&STANDARD.encode(format!("{USER}:{PASSWORD}"))),
        "{log}"
    );
}

#[test]
fn plain_http_is_spoken_only_where_it_is_allowed() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let author = Author::new();
    author.push(&registry, "refuse-meme", "a:1");
    // Nothing there answers TLS, and nothing else is tried.
    let to = registry.reference("a:1");
    let said = author.fails(&["pull", &to, "--oci-timeout", "5s"]);
    assert!(said.contains("can't be reached"), "{said}");
    let said = author.fails(&["pull", &to, "--oci-insecure", "127.0.0.1:1"]);
    assert!(said.contains("can't be reached"), "{said}");
}

#[test]
fn what_is_not_there_or_no_module_is_said() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let author = Author::new();
    let host = registry.host();
    let to = registry.reference("a:1");
    let said = author.fails(&["pull", &to, "--oci-insecure", &host]);
    assert!(said.contains("has no a/manifests/1"), "{said}");
    write(&author.path("script.wasm"), "#!/bin/sh");
    let said = author.fails(&["push", "script.wasm", &to, "--oci-insecure", &host]);
    assert!(said.contains("no WebAssembly module"), "{said}");
    let said = author.fails(&["push", "none.wasm", &to, "--oci-insecure", &host]);
    assert!(said.contains("none.wasm"), "{said}");
}

#[test]
fn a_module_is_installed_into_a_directory_that_a_server_watches() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let author = Author::new();
    let host = registry.host();
    let first = author.push(&registry, "refuse-meme", "hooks/refuse:1");
    let setup = Setup::new().with_hooks();
    let running = setup.start();
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 201);

    let to = registry.reference("hooks/refuse:1");
    let into = setup.hooks_dir();
    let into = into.to_str().unwrap();
    let install = [
        "install",
        &to,
        "--into",
        into,
        "--name",
        "memes",
        "--oci-insecure",
        &host,
    ];
    let nothing = author.fails(&[&install[..], &["--locked"]].concat());
    assert!(nothing.contains("leave --locked out"), "{nothing}");
    let said = author.does(&install);
    assert_eq!(said, format!("{into}/memes.wasm {first}"));
    running.wait_for_log("plugin loaded");
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
    let lock = fs::read_to_string(setup.hooks_dir().join(".plugins.lock")).unwrap();
    assert!(lock.contains(first.split_once('@').unwrap().1), "{lock}");

    // The tag moves; what is locked does not.
    let second = author.push(&registry, "log-events", "hooks/refuse:1");
    let locked = author.does(&[&install[..], &["--locked"]].concat());
    assert!(locked.ends_with(&first), "{locked}");
    assert!(author.does(&install).ends_with(&second));
    assert!(!running.log().contains("ignored"), "{}", running.log());
}

#[test]
fn a_set_of_plugins_goes_into_a_closed_network_as_one_file() {
    let Some(mut registry) = DockerRegistry::start() else {
        return;
    };
    let author = Author::new();
    let host = registry.host();
    author.push(&registry, "refuse-meme", "hooks/refuse:1");
    author.push(&registry, "log-events", "hooks/log:2");
    let (one, two) = (
        registry.reference("hooks/refuse:1"),
        registry.reference("hooks/log:2"),
    );
    author.does(&["save", &one, &two, "-o", "set.tar", "--oci-insecure", &host]);
    registry.stop();

    let archive = author.path("set.tar");
    let setup = server(
        &host,
        &[
            "--hooks-oci",
            &one,
            "--hooks-oci",
            &two,
            "--oci-pull",
            "never",
        ],
    );
    let cache = setup.path().join("oci");
    let load = [
        "load",
        archive.to_str().unwrap(),
        "--oci-cache-dir",
        cache.to_str().unwrap(),
    ];
    let loaded = Author::new().does(&load);
    assert!(loaded.contains(&one) && loaded.contains(&two), "{loaded}");
    let running = setup.start();
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);

    let mut broken = fs::read(&archive).unwrap();
    let at = broken
        .windows(4)
        .position(|bytes| bytes == b"\0asm")
        .unwrap();
    broken[at + 20] ^= 1;
    fs::write(&archive, broken).unwrap();
    let said = Author::new().fails(&load);
    assert!(said.contains("is not what it is named after"), "{said}");
}

#[test]
fn an_archive_without_a_module_verifies_nothing() {
    let author = Author::new();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    fs::write(author.path("mine.pub"), pair.public_key_pem()).unwrap();
    let index = br#"{"schemaVersion":2,"manifests":[]}"#;
    let mut header = tar::Header::new_gnu();
    header.set_size(index.len() as u64);
    let mut archive = tar::Builder::new(Vec::new());
    let added = archive.append_data(&mut header, "index.json", &index[..]);
    added.unwrap();
    fs::write(author.path("set.tar"), archive.into_inner().unwrap()).unwrap();
    let said = author.fails(&["verify", "set.tar", "--oci-key", "mine.pub"]);
    assert!(said.contains("nothing is verified"), "{said}");
}
