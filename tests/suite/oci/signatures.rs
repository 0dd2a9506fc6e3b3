//! Signatures: made and checked here, and by cosign.

use std::path::Path;
use std::process::{Command, Output};

use super::interop::tool;
use super::{Author, server};
use crate::harness::docker_registry::DockerRegistry;
use crate::harness::guests::built;
use crate::harness::sigstore::Sigstore;
use crate::harness::tus::Tus;

/// A registry, and somebody with the key pairs `mine` and `other` in their home.
struct Signing {
    registry: DockerRegistry,
    author: Author,
}

impl Signing {
    fn start() -> Option<Self> {
        let registry = DockerRegistry::start()?;
        let author = Author::new();
        for name in ["mine", "other"] {
            key_pair(&author, name);
        }
        Some(Self { registry, author })
    }

    fn path(&self, name: &str) -> String {
        self.author.path(name).to_str().unwrap().to_owned()
    }

    /// Pushes a guest signed with a key, and returns what names it for good.
    fn push_signed(&self, guest: &str, to: &str, key: &str) -> String {
        let file = built(guest);
        self.author.does(&[
            "push",
            file.to_str().unwrap(),
            &self.registry.reference(to),
            "--sign",
            key,
            "--oci-insecure",
            &self.registry.host(),
        ])
    }

    fn verify(&self, what: &str, flags: &[&str]) -> Output {
        let host = self.registry.host();
        let verify = ["verify", what, "--oci-insecure", &host];
        self.author.plugin(&[&verify[..], flags].concat())
    }

    fn accepts(&self, what: &str, flags: &[&str]) -> String {
        let output = self.verify(what, flags);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn refuses(&self, what: &str, flags: &[&str]) -> String {
        let output = self.verify(what, flags);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// A key of the curve P-256 in PKCS#8 and its public half.
pub(super) fn key_pair(author: &Author, name: &str) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let write = |extension: &str, text: String| {
        std::fs::write(author.path(&format!("{name}.{extension}")), text).unwrap();
    };
    write("key", pair.serialize_pem());
    write("pub", pair.public_key_pem());
}

fn cosign(program: &Path, home: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(home)
        .env("HOME", home)
        .env("COSIGN_PASSWORD", "a password")
        .output()
        .unwrap()
}

#[test]
fn a_server_runs_what_is_signed_and_nothing_else() {
    let Some(signing) = Signing::start() else {
        return;
    };
    let host = signing.registry.host();
    signing.push_signed("refuse-meme", "a/signed:1", "mine.key");
    signing.push_signed("tag-upload", "a/other:1", "other.key");
    signing
        .author
        .push(&signing.registry, "log-events", "a/unsigned:1");
    let references = ["a/signed:1", "a/other:1", "a/unsigned:1"];
    let references = references
        .map(|it| signing.registry.reference(it))
        .join(",");
    let key = signing.path("mine.pub");
    let running = server(&host, &["--hooks-oci", &references, "--oci-key", &key]).start();
    let line = running.wait_for_log("plugin fetched from a registry");
    assert!(line.contains("plugin=\"signed\""), "{line}");
    assert!(line.contains("mine.pub"), "{line}");
    let log = running.log();
    let refused = |plugin: &str| {
        let mark = format!("plugin not fetched plugin=\"{plugin}\"");
        let line = log.lines().find(|line| line.contains(&mark));
        line.unwrap_or_else(|| panic!("{log}")).to_owned()
    };
    assert!(refused("unsigned").contains("it is not signed"), "{log}");
    assert!(refused("other").contains("not by this key"), "{log}");
    assert_eq!(log.matches("plugin fetched from a registry").count(), 1);
    let tus = Tus::new(running.files());
    assert_eq!(tus.create_with(5, &[("meme", "pepe")]).status(), 400);
}

#[test]
fn signatures_are_kept_and_checked_again_without_a_registry() {
    let Some(mut signing) = Signing::start() else {
        return;
    };
    signing.push_signed("refuse-meme", "a/signed:1", "mine.key");
    let host = signing.registry.host();
    let reference = signing.registry.reference("a/signed:1");
    let (mine, other) = (signing.path("mine.pub"), signing.path("other.pub"));
    let setup = server(&host, &["--hooks-oci", &reference]);
    // Fetched without a key, so without a look at signatures.
    drop(setup.start());
    let setup = setup.arguments(&["--oci-key", &mine]);
    drop(setup.start());
    signing.registry.stop();
    let running = setup.start();
    running.wait_for_log("plugin fetched from a registry");
    drop(running);
    let setup = setup.arguments(&["--oci-signatures", "all", "--oci-key", &other]);
    let running = setup.start();
    running.wait_for_log("plugin not fetched");
}

#[test]
fn any_wants_one_of_the_keys_and_all_wants_each() {
    let Some(signing) = Signing::start() else {
        return;
    };
    let reference = signing.registry.reference("a/b:1");
    let pushed = signing.push_signed("refuse-meme", "a/b:1", "mine.key");
    let both = ["--oci-key", "mine.pub,other.pub"];
    let all = [&both[..], &["--oci-signatures", "all"]].concat();
    assert_eq!(
        signing.accepts(&reference, &both).trim_end(),
        format!("{pushed} is signed by key mine.pub")
    );
    let said = signing.refuses(&reference, &all);
    assert!(
        said.contains("key other.pub: it is signed, but not by this key"),
        "{said}"
    );
    assert!(!said.contains("key mine.pub"), "{said}");
    // A second signature stands beside the first.
    signing.push_signed("refuse-meme", "a/b:1", "other.key");
    let said = signing.accepts(&reference, &all);
    assert!(said.contains("key mine.pub and by key other.pub"), "{said}");
    let said = signing.refuses(&reference, &[]);
    assert!(said.contains("there is nobody to trust"), "{said}");
    let said = signing.refuses(&reference, &["--oci-key", "mine.key"]);
    assert!(said.contains("mine.key: it is no public key"), "{said}");
}

#[test]
fn an_archive_carries_its_signatures() {
    let Some(signing) = Signing::start() else {
        return;
    };
    let host = signing.registry.host();
    let reference = signing.registry.reference("a/b:1");
    signing.push_signed("refuse-meme", "a/b:1", "mine.key");
    let save = ["save", &reference, "-o", "set.tar", "--oci-insecure", &host];
    signing.author.does(&save);
    let said = signing.accepts("set.tar", &["--oci-key", "mine.pub"]);
    assert!(said.contains("is signed by key mine.pub"), "{said}");
    let said = signing.refuses("set.tar", &["--oci-key", "other.pub"]);
    assert!(said.contains("not by this key"), "{said}");
}

#[test]
fn a_signature_for_one_module_does_not_do_for_another() {
    let Some(signing) = Signing::start() else {
        return;
    };
    let host = signing.registry.host();
    let signed = signing.push_signed("refuse-meme", "a/b:1", "mine.key");
    let other = signing
        .author
        .push(&signing.registry, "log-events", "a/b:2");
    let tag = |at: &str| at.split_once('@').unwrap().1.replace(':', "-");
    // Who may push puts the signatures of the one under the tags of the other.
    crate::harness::use_one_tls_provider();
    let client = reqwest::blocking::Client::new();
    for (end, kind) in [
        (".sig", "application/vnd.oci.image.manifest.v1+json"),
        ("", "application/vnd.oci.image.index.v1+json"),
    ] {
        let url = |at: &str| format!("http://{host}/v2/a/b/manifests/{}{end}", tag(at));
        let found = client.get(url(&signed)).header("accept", kind);
        let found = found.send().unwrap();
        assert_eq!(found.status(), 200);
        let put = client.put(url(&other)).header("content-type", kind);
        let put = put.body(found.bytes().unwrap()).send().unwrap();
        assert_eq!(put.status(), 201);
    }
    let said = signing.refuses(&other, &["--oci-key", "mine.pub"]);
    assert!(
        said.contains("the signature is of another manifest"),
        "{said}"
    );
}

#[test]
fn cosign_verifies_what_is_signed_here_in_both_forms() {
    let Some(signing) = Signing::start() else {
        return;
    };
    let Some(program) = tool("cosign") else {
        return;
    };
    let pushed = signing.push_signed("refuse-meme", "a/b:1", "mine.key");
    let home = signing.author.home.path();
    for form in ["--new-bundle-format=true", "--new-bundle-format=false"] {
        let verify = |key: &str| {
            let arguments = ["verify", "--key", key, "--insecure-ignore-tlog=true"];
            let at = ["--allow-http-registry", form, &pushed];
            cosign(&program, home, &[&arguments[..], &at].concat())
        };
        let output = verify("mine.pub");
        assert!(output.status.success(), "{form}: {output:?}");
        assert!(!verify("other.pub").status.success(), "{form}");
    }
}

#[test]
fn what_cosign_signs_is_verified_here_in_both_forms() {
    let Some(signing) = Signing::start() else {
        return;
    };
    let Some(program) = tool("cosign") else {
        return;
    };
    let home = signing.author.home.path();
    let output = cosign(&program, home, &["generate-key-pair"]);
    assert!(output.status.success(), "{output:?}");
    for (form, guest) in [
        ("--new-bundle-format=true", "refuse-meme"),
        ("--new-bundle-format=false", "log-events"),
    ] {
        let to = format!("a/{guest}:1");
        let pushed = signing.author.push(&signing.registry, guest, &to);
        let said = signing.refuses(&pushed, &["--oci-key", "cosign.pub"]);
        assert!(said.contains("it is not signed"), "{said}");
        let arguments = [
            "sign",
            "--key",
            "cosign.key",
            "--tlog-upload=false",
            "--yes",
            "--use-signing-config=false",
            "--allow-http-registry",
            form,
            &pushed,
        ];
        let output = cosign(&program, home, &arguments);
        assert!(output.status.success(), "{output:?}");
        let said = signing.accepts(&pushed, &["--oci-key", "cosign.pub"]);
        assert!(said.contains("is signed by key cosign.pub"), "{said}");
        signing.refuses(&pushed, &["--oci-key", "other.pub"]);
    }
}

#[test]
fn the_key_pair_of_cosign_signs_here() {
    let Some(mut signing) = Signing::start() else {
        return;
    };
    let Some(program) = tool("cosign") else {
        return;
    };
    let home = signing.author.home.path();
    let output = cosign(&program, home, &["generate-key-pair"]);
    assert!(output.status.success(), "{output:?}");
    let file = built("refuse-meme");
    let file = file.to_str().unwrap();
    let reference = signing.registry.reference("a/b:1");
    let host = signing.registry.host();
    let push = [
        "push",
        file,
        &reference,
        "--sign",
        "cosign.key",
        "--oci-insecure",
        &host,
    ];
    let said = signing.author.fails(&push);
    assert!(said.contains("set COSIGN_PASSWORD"), "{said}");
    signing.author = signing.author.with("COSIGN_PASSWORD", "mistaken");
    let said = signing.author.fails(&push);
    assert!(said.contains("not the one of the key"), "{said}");
    assert!(!said.contains("mistaken"), "{said}");
    signing.author = signing.author.with("COSIGN_PASSWORD", "a password");
    signing.author.does(&push);
    signing.accepts(&reference, &["--oci-key", "cosign.pub"]);
}

/// Who signs in a pipeline, and who vouches for that.
const IDENTITY: &str = "https://git.example/hooks/.ci/release.yml@refs/heads/main";
const ISSUER: &str = "https://git.example";

#[test]
fn an_identity_is_believed_on_the_word_of_the_authorities_in_the_trust_root() {
    let Some(signing) = Signing::start() else {
        return;
    };
    let Some(oras) = tool("oras") else {
        return;
    };
    let home = signing.author.home.path();
    let sigstore = Sigstore::default();
    let write = |name: &str, value: &serde_json::Value| {
        std::fs::write(home.join(name), value.to_string()).unwrap();
    };
    write("root.json", &sigstore.trust_root());
    write("others.json", &Sigstore::default().trust_root());
    let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let attach = |pushed: &str, bundle: &serde_json::Value| {
        write("bundle.json", bundle);
        let mut command = Command::new(&oras);
        let file = format!("bundle.json:{kind}");
        command.args([
            "attach",
            "--plain-http",
            "--artifact-type",
            kind,
            pushed,
            &file,
        ]);
        let output = command
            .current_dir(home)
            .env("HOME", home)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let trusting = |identity, issuer, root| {
        let flags = ["--oci-identity", identity, "--oci-issuer", issuer];
        [&flags[..], &["--oci-trust-root", root]].concat()
    };
    let pushed = signing
        .author
        .push(&signing.registry, "refuse-meme", "a/b:1");
    let at = pushed.split_once('@').unwrap().1;
    attach(&pushed, &sigstore.bundle(IDENTITY, ISSUER, at));

    let said = signing.accepts(&pushed, &trusting(IDENTITY, ISSUER, "root.json"));
    assert!(
        said.contains(&format!("is signed by {IDENTITY} of {ISSUER}")),
        "{said}"
    );
    for (identity, issuer, root, reason) in [
        ("https://git.example/other", ISSUER, "root.json", "dentity"),
        (IDENTITY, "https://other.example", "root.json", "ssuer"),
        (IDENTITY, ISSUER, "others.json", "key"),
    ] {
        let said = signing.refuses(&pushed, &trusting(identity, issuer, root));
        assert!(said.contains("is not accepted"), "{said}");
        assert!(said.contains(reason), "{said}");
    }
    let said = signing.refuses(&pushed, &["--oci-key", "mine.pub"]);
    assert!(
        said.contains("with a certificate and not with a key"),
        "{said}"
    );

    // A signature that is right, and of something else.
    let other = signing
        .author
        .push(&signing.registry, "log-events", "a/c:1");
    attach(&other, &sigstore.bundle(IDENTITY, ISSUER, at));
    let said = signing.refuses(&other, &trusting(IDENTITY, ISSUER, "root.json"));
    assert!(said.contains("is not accepted"), "{said}");

    // One whose entry the log has not signed.
    let third = signing
        .author
        .push(&signing.registry, "tag-upload", "a/d:1");
    let at = third.split_once('@').unwrap().1;
    let mut forged = sigstore.bundle(IDENTITY, ISSUER, at);
    forged["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = "1700000000".into();
    attach(&third, &forged);
    let said = signing.refuses(&third, &trusting(IDENTITY, ISSUER, "root.json"));
    assert!(said.contains("is not accepted"), "{said}");

    let said = signing.refuses(&pushed, &["--oci-identity", IDENTITY]);
    assert!(said.contains("each identity needs its issuer"), "{said}");
    let alone = ["--oci-identity", IDENTITY, "--oci-issuer", ISSUER];
    let said = signing.refuses(&pushed, &alone);
    assert!(said.contains("no file of them is given"), "{said}");
}

#[test]
fn signatures_are_found_at_a_mirror_when_the_registry_is_away() {
    let Some(signing) = Signing::start() else {
        return;
    };
    signing.push_signed("refuse-meme", "copies/a/b:1", "mine.key");
    let mirrored = format!("localhost:1={}/copies", signing.registry.host());
    let flags = ["--oci-key", "mine.pub", "--oci-mirror", &mirrored];
    let said = signing.accepts("localhost:1/a/b:1", &flags);
    assert!(said.contains("is signed by key mine.pub"), "{said}");
    let flags = ["--oci-key", "other.pub", "--oci-mirror", &mirrored];
    signing.refuses("localhost:1/a/b:1", &flags);
}

#[test]
fn a_file_is_verified_with_the_bundle_beside_it() {
    let author = Author::new();
    let Some(program) = tool("cosign") else {
        return;
    };
    key_pair(&author, "other");
    let home = author.home.path();
    let output = cosign(&program, home, &["generate-key-pair"]);
    assert!(output.status.success(), "{output:?}");
    std::fs::copy(built("refuse-meme"), author.path("a.wasm")).unwrap();
    let verify = ["verify", "a.wasm", "--oci-key", "cosign.pub"];
    let said = author.fails(&verify);
    assert!(said.contains("there is no a.wasm.sigstore.json"), "{said}");

    let sign = [
        "sign-blob",
        "--key",
        "cosign.key",
        "--tlog-upload=false",
        "--yes",
        "--use-signing-config=false",
        "--new-bundle-format=true",
        "--bundle",
        "a.wasm.sigstore.json",
        "a.wasm",
    ];
    let output = cosign(&program, home, &sign);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(author.does(&verify), "a.wasm is signed by key cosign.pub");
    let said = author.fails(&["verify", "a.wasm", "--oci-key", "other.pub"]);
    assert!(said.contains("this key has not signed it"), "{said}");

    std::fs::rename(author.path("a.wasm.sigstore.json"), author.path("b.json")).unwrap();
    let named = [&verify[..], &["--bundle", "b.json"]].concat();
    let printed = author.does(&[&named[..], &["--json"]].concat());
    let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["state"], "signed");
    assert_eq!(printed["signed_by"][0], "key cosign.pub");

    // Another module with the signature of the first.
    std::fs::copy(built("log-events"), author.path("a.wasm")).unwrap();
    let said = author.fails(&named);
    assert!(said.contains("or not this content"), "{said}");
    let key = ["--oci-key", "cosign.pub", "--bundle", "b.json"];
    let said = author.fails(&[&["verify", "h.b/a:1"][..], &key].concat());
    assert!(said.contains("is no module's file"), "{said}");
}
