//! Registries that lie, stall, cut off and send elsewhere: each is one clear
//! error, ends in bounded time, and leaves nothing behind.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Author, cached, digest, server, write};
use crate::harness::directory::files_below;
use crate::harness::eventually;
use crate::harness::guests::{bytes, install};
use crate::harness::receiver::{Answer, Receiver, Request};
use crate::harness::tus::Tus;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An artifact as an honest registry would have it.
#[derive(Clone)]
struct Artifact {
    manifest: Value,
    config: Vec<u8>,
    module: Vec<u8>,
}

impl Artifact {
    fn honest() -> Self {
        let module = bytes("refuse-meme");
        let config = json!({ "architecture": "wasm", "os": "wasip2",
            "layerDigests": [digest(&module)],
            "component": { "exports": [], "imports": [] } });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": "application/vnd.wasm.config.v0+json",
                "digest": digest(&config), "size": config.len() },
            "layers": [{ "mediaType": "application/wasm",
                "digest": digest(&module), "size": module.len() }],
        });
        Self {
            manifest,
            config,
            module,
        }
    }

    fn is_module(&self, request: &Request) -> bool {
        request.path.ends_with(&digest(&self.module))
    }

    fn answer(&self, request: &Request) -> Answer {
        if request.path.contains("/manifests/") {
            let manifest = self.manifest.to_string();
            return Answer::with(200, &[("content-type", MANIFEST)], manifest.as_bytes());
        }
        if self.is_module(request) {
            return Answer::with(200, &[], &self.module);
        }
        if request.path.ends_with(&digest(&self.config)) {
            return Answer::with(200, &[], &self.config);
        }
        Answer::status(404)
    }
}

/// What `rustus plugin pull` says of a registry that answers so, and whether the
/// module was asked for.
fn pulled_from(told: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> (String, bool) {
    let registry = Receiver::start(told);
    let author = Author::new();
    let host = registry.address().to_string();
    let said = author.fails(&[
        "pull",
        &format!("{host}/a/b:1"),
        "--oci-insecure",
        &host,
        "--oci-timeout",
        "1s",
    ]);
    assert!(said.lines().count() == 1, "{said}");
    let module = digest(&bytes("refuse-meme"));
    let left = files_below(author.home.path());
    let has_module = left
        .iter()
        .any(|file| file.ends_with(&module[7..]) || file == "b.wasm");
    assert!(!has_module, "{left:?}");
    let asked = registry
        .requests()
        .iter()
        .any(|it| it.path.ends_with(&module));
    (said, asked)
}

/// An honest registry, but for what is done to its manifest.
fn with_manifest(change: impl Fn(&mut Value)) -> (String, bool) {
    let mut artifact = Artifact::honest();
    change(&mut artifact.manifest);
    pulled_from(move |request| artifact.answer(request))
}

#[test]
fn a_manifest_that_is_no_plugins_is_refused_before_anything_else_is_asked_for() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 6] = [
        (
            |it| *it = json!({ "schemaVersion": 2, "manifests": [] }),
            "an index of several",
        ),
        (
            |it| {
                let layer = it["layers"][0].clone();
                it["layers"].as_array_mut().unwrap().push(layer);
            },
            "more than one layer",
        ),
        (
            |it| it["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar"),
            "no layer application/wasm",
        ),
        (
            |it| it["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json"),
            "vnd.oci.image.config.v1+json",
        ),
        (
            |it| it["layers"][0]["size"] = json!(5_000_000_000_u64),
            "has 5000000000 bytes or more",
        ),
        (
            |it| it["layers"][0]["digest"] = json!("sha256:../../x"),
            "is no digest",
        ),
    ];
    for (change, said) in cases {
        let (error, asked) = with_manifest(change);
        assert!(error.contains(said), "{error}");
        assert!(!asked, "{said}");
    }
}

#[test]
fn a_size_that_is_not_true_is_noticed() {
    for size in [10, 1_000_000] {
        let (said, _) = with_manifest(|it| it["layers"][0]["size"] = json!(size));
        assert!(said.contains("bytes of the module, which has"), "{said}");
    }
}

#[test]
fn content_that_is_not_what_its_digest_says_is_not_used() {
    let artifact = Artifact::honest();
    let (said, _) = pulled_from(move |request| {
        let mut module = artifact.module.clone();
        module[100] ^= 1;
        match artifact.is_module(request) {
            true => Answer::with(200, &[], &module),
            false => artifact.answer(request),
        }
    });
    assert!(said.contains("the module has the digest"), "{said}");

    let artifact = Artifact::honest();
    let other = digest(b"other");
    let (said, _) = pulled_from(move |request| {
        let manifest = artifact.manifest.to_string();
        let headers = [("docker-content-digest", other.as_str())];
        match request.path.contains("/manifests/") {
            true => Answer::with(200, &headers, manifest.as_bytes()),
            false => artifact.answer(request),
        }
    });
    assert!(said.contains("the manifest has the digest"), "{said}");
}

#[test]
fn a_registry_that_cuts_off_stalls_or_never_ends_is_given_up() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"schema".to_vec();
    let (said, _) = pulled_from(move |_| Answer::bytes(cut.clone()));
    assert!(said.contains("can't be reached"), "{said}");

    let (said, _) = pulled_from(|_| Answer::silence());
    assert!(
        said.contains("did not give the manifest within 1 s"),
        "{said}"
    );

    // More than may be sent, without a length and without an end in sight.
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.resize(8 * 1024 * 1024, b' ');
    let endless = Arc::new(endless);
    let (said, _) = pulled_from(move |_| Answer::bytes(endless.as_ref().clone()));
    assert!(said.contains("at most 4194304 are taken"), "{said}");

    let artifact = Artifact::honest();
    let (said, _) = pulled_from(move |request| {
        let mut long = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        long.extend(&artifact.module);
        long.extend(b"and more");
        match artifact.is_module(request) {
            true => Answer::bytes(long),
            false => artifact.answer(request),
        }
    });
    assert!(said.contains("the module has"), "{said}");

    let (said, _) = pulled_from(|_| Answer::with(500, &[], "x".repeat(100_000).as_bytes()));
    assert!(said.contains("answered 500"), "{said}");
    assert!(said.len() < 1000, "{said}");
}

#[test]
fn a_registry_that_trickles_is_given_up_and_not_asked_again() {
    const PACE: Duration = Duration::from_millis(100);
    // Both at the same time: each takes all the time that it is allowed.
    std::thread::scope(|scope| {
        for (trickled, what) in [
            ("/manifests/", "the manifest"),
            ("/blobs/", "the configuration"),
        ] {
            scope.spawn(move || {
                let (artifact, asked) = (Artifact::honest(), Arc::new(AtomicUsize::new(0)));
                let counted = Arc::clone(&asked);
                let (said, _) = pulled_from(move |request| {
                    let answer = artifact.answer(request);
                    if !request.path.contains(trickled) {
                        return answer;
                    }
                    counted.fetch_add(1, Ordering::Relaxed);
                    answer.trickling(PACE)
                });
                let expected = format!("{what} too slowly: not all of it came within 10 s");
                assert!(said.contains(&expected), "{said}");
                assert_eq!(asked.load(Ordering::Relaxed), 1);
            });
        }
    });
}

#[test]
fn a_redirect_leads_to_no_host_that_was_not_allowed_and_takes_no_password_along() {
    let artifact = Artifact::honest();
    let storage = {
        let artifact = artifact.clone();
        // It sends on to another place of its own, as storages with a front do.
        Arc::new(Receiver::start(move |request| {
            match request.path.strip_prefix("/inner") {
                None => Answer::redirect(307, &format!("/inner{}", request.path)),
                Some(_) => artifact.answer(request),
            }
        }))
    };
    let registry = {
        let storage = Arc::clone(&storage);
        Receiver::start(move |request| {
            if request.header("authorization").is_none() {
                return Answer::with(401, &[("www-authenticate", "Basic realm=\"x\"")], b"");
            }
            match artifact.is_module(request) {
                true => Answer::redirect(307, &storage.url(&request.path)),
                false => artifact.answer(request),
            }
        })
    };
    let host = registry.address().to_string();
    let author = Author::new()
        .with("RUSTUS_OCI_REGISTRY", &host)
        .with("RUSTUS_OCI_USERNAME", "me")
        .with("RUSTUS_OCI_PASSWORD", "hidden");
    let reference = format!("{host}/a/b:1");
    let pull = ["pull", reference.as_str(), "--oci-insecure"];
    let said = author.fails(&[&pull[..], &[&host]].concat());
    let storage_host = storage.address().to_string();
    assert!(
        said.contains(&format!("{storage_host} is plain HTTP")),
        "{said}"
    );
    assert!(
        said.contains(&format!("--oci-insecure {storage_host}")),
        "{said}"
    );
    assert!(storage.requests().is_empty());

    let both = format!("{host},{storage_host}");
    author.does(&[&pull[..], &[&both]].concat());
    let asked = storage.requests();
    assert_eq!(asked.len(), 2);
    for request in asked {
        assert_eq!(request.header("authorization"), None);
    }
    let password = STANDARD.encode("me:hidden");
    let said = registry.requests();
    assert_eq!(
        said.last().unwrap().header("authorization"),
        Some(format!("Basic {password}").as_str())
    );
}

#[test]
fn a_credential_helper_that_never_ends_is_ended_with_all_that_it_started() {
    let registry =
        Receiver::start(|_| Answer::with(401, &[("www-authenticate", "Basic realm=\"x\"")], b""));
    let host = registry.address().to_string();
    let author = Author::new();
    let program = author.path("bin/docker-credential-test");
    // It asks somebody who does not answer.
    let script = "#!/bin/sh\nsleep 600 &\necho $! $$ >\"$HOME/started\"\nwait\n";
    write(&program, script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!(r#"{{"credHelpers":{{"{host}":"test"}}}}"#);
    write(&author.path(".docker/config.json"), &config);
    let reference = format!("{host}/a/b:1");
    let pull = ["pull", reference.as_str(), "--oci-insecure", &host];
    let said = author.fails(&[&pull[..], &["--oci-timeout", "1s"]].concat());
    assert!(said.lines().count() == 1, "{said}");
    let expected = "`docker-credential-test` did not answer within 1 s and was ended";
    assert!(said.contains(expected), "{said}");
    let started = fs::read_to_string(author.path("started")).unwrap();
    for id in started.split_whitespace() {
        // What nobody waits for is waited for by the first process, a moment later.
        eventually("it has ended", || {
            let line = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            line.is_empty() || line.contains(") Z ")
        });
    }
}

#[test]
fn redirects_end() {
    let (said, _) = pulled_from(|request| Answer::redirect(302, &request.path));
    assert!(said.contains("more than 5 redirects"), "{said}");
}

#[test]
fn a_password_goes_to_nobody_who_gives_out_tokens_over_plain_http() {
    let thief = Receiver::start(|_| Answer::json(200, &json!({ "token": "t" })));
    let realm = format!("Bearer realm=\"{}\",service=\"s\"", thief.url("/token"));
    let registry =
        Receiver::start(move |_| Answer::with(401, &[("www-authenticate", realm.as_str())], b""));
    let host = registry.address().to_string();
    let author = Author::new()
        .with("RUSTUS_OCI_REGISTRY", &host)
        .with("RUSTUS_OCI_USERNAME", "me")
        .with("RUSTUS_OCI_PASSWORD", "hidden");
    let said = author.fails(&["pull", &format!("{host}/a/b:1"), "--oci-insecure", &host]);
    assert!(said.contains("is plain HTTP"), "{said}");
    assert!(thief.requests().is_empty());
}

#[test]
fn a_token_is_fetched_for_what_is_to_be_done_and_shown_from_then_on() {
    let artifact = Artifact::honest();
    let registry = Receiver::start(move |request| {
        let host = request.header("host").unwrap();
        if request.path.starts_with("/token?") {
            return Answer::json(200, &json!({ "access_token": "a-token" }));
        }
        if request.header("authorization") != Some("Bearer a-token") {
            let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
            return Answer::with(401, &[("www-authenticate", challenge.as_str())], b"");
        }
        artifact.answer(request)
    });
    let host = registry.address().to_string();
    Author::new().does(&["pull", &format!("{host}/a/b:1"), "--oci-insecure", &host]);
    let asked = registry.requests();
    let tokens: Vec<_> = asked
        .iter()
        .filter(|it| it.path.starts_with("/token"))
        .collect();
    assert_eq!(tokens.len(), 1, "{asked:#?}");
    assert_eq!(
        tokens[0].path,
        "/token?service=s&scope=repository%3Aa%2Fb%3Apull"
    );
}

#[test]
fn a_hostile_registry_harms_no_other_plugin_and_is_forgiven_when_it_is_honest() {
    let artifact = Artifact::honest();
    let registry = {
        let artifact = artifact.clone();
        Receiver::start(move |request| match artifact.is_module(request) {
            true => Answer::bytes("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\0asm"),
            false => artifact.answer(request),
        })
    };
    let host = registry.address().to_string();
    let reference = format!("memes={host}/a/b:1");
    let setup = server(&host, &["--hooks-oci", &reference]).with_hooks();
    install(&setup.hooks_dir(), "tag-upload", "tags");
    let running = setup.start();
    running.wait_for_log("plugin not fetched");
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 201);
    assert!(!cached(&setup, &artifact.module).exists());
    let lock = setup.path().join("oci/plugins.lock");
    assert!(!fs::exists(&lock).unwrap());

    registry.tell(move |request| artifact.answer(request));
    running.wait_for_log("plugin fetched from a registry");
    running.wait_for_log("plugin=\"memes\" generation=1");
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
    assert!(fs::exists(&lock).unwrap());
}
