//! Plugins as operators see them, switched off and on and loaded again.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{PEPE, start, with_a_rule};
use crate::harness::eventually;
use crate::harness::guests::{install, replace};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Setup;
use crate::harness::tus::header;

#[test]
fn a_plugin_is_shown_as_it_is_and_without_what_it_was_given() {
    let setup = Setup::new().with_hooks().with_admin();
    install(&setup.hooks_dir(), "refuse-meme", "rule");
    let secret = setup.path().join("secret");
    replace(&secret, b"sesame");
    let manifest = format!(
        "order = 7\non-error = \"allow\"\n\
         [config]\nmessage = \"geheim\"\nstatus = 418\n\
         [secrets]\napi-token = {{ file = {secret:?} }}\n\
         [allow.http]\nservers = [\"http://hidden.example:8443\"]\n"
    );
    replace(&setup.hooks_dir().join("rule.toml"), manifest.as_bytes());
    let (_server, tus, admin) = start(&setup);
    tus.create(3);
    let shown = admin.plugin("rule");
    assert_eq!(shown["state"], "serving");
    assert_eq!(shown["built_in"], false);
    assert_eq!(shown["calls"]["pre-create"]["ok"], 1);
    let generation = &shown["generation"];
    assert_eq!(generation["number"], 1);
    assert_eq!(generation["order"], 7);
    assert_eq!(generation["on_error"], "allow");
    assert_eq!(generation["asked"], serde_json::json!(["pre-create"]));
    assert_eq!(
        generation["config_keys"],
        serde_json::json!(["message", "status"])
    );
    assert_eq!(generation["grants"], serde_json::json!(["http", "secrets"]));
    let all = admin.json("GET", "/plugins").1.to_string() + &admin.metrics().0;
    for secret in ["geheim", "sesame", "api-token", "hidden.example"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}

#[test]
fn a_disabled_plugin_is_not_asked_until_it_is_enabled() {
    let (server, tus, admin) = with_a_rule();
    assert_eq!(tus.create_with(3, &PEPE).status(), 400);
    let (status, shown) = admin.json("POST", "/plugins/rule/disable");
    assert_eq!((status, &shown["state"]), (200, &"disabled".into()));
    server.wait_for_log("a plugin that decides is disabled");
    assert_eq!(tus.create_with(3, &PEPE).status(), 201);
    assert_eq!(admin.metrics().sum("rustus_plugin_disabled", &[]), 1.0);

    // What is loaded meanwhile is disabled too.
    let mark = server.mark();
    let manifest = server.hooks_dir().join("rule.toml");
    replace(&manifest, b"order = 1\n");
    server.wait_for_log_after(mark, "plugin loaded");
    assert_eq!(tus.create_with(3, &PEPE).status(), 201);

    let (status, shown) = admin.json("POST", "/plugins/rule/enable");
    assert_eq!((status, &shown["state"]), (200, &"serving".into()));
    assert_eq!(tus.create_with(3, &PEPE).status(), 400);
}

#[test]
fn an_event_that_is_required_is_refused_while_its_plugin_is_disabled() {
    let setup = Setup::new().with_hooks().with_admin();
    install(&setup.hooks_dir(), "refuse-meme", "rule");
    let (_server, tus, admin) = start(&setup.arguments(&["--hooks-required", "pre-create"]));
    assert_eq!(tus.create_with(3, &[]).status(), 201);
    assert_eq!(admin.json("POST", "/plugins/rule/disable").0, 200);
    assert_eq!(tus.create_with(3, &[]).status(), 503);
}

#[test]
fn what_waits_for_a_disabled_plugin_is_delivered_when_it_is_enabled() {
    let up = std::sync::Arc::new(AtomicBool::new(false));
    let works = std::sync::Arc::clone(&up);
    let receiver = Receiver::start(move |_| match works.load(Ordering::SeqCst) {
        true => Answer::status(204),
        false => Answer::status(500),
    });
    let setup = Setup::new().with_admin().arguments(&[
        "--hooks-http-urls",
        &receiver.url("/hooks"),
        "--hooks",
        "post-create",
    ]);
    let (_server, tus, admin) = start(&setup);
    tus.create(3);
    let sink = || admin.json("GET", "/outbox").1["outbox"]["sinks"][0].clone();
    let pending = || sink()["pending"].as_u64();
    eventually("it waits", || pending() == Some(1));
    assert_eq!(admin.json("POST", "/plugins/http/disable").0, 200);
    // What was on its way to the service before has ended then.
    eventually("it is absent", || {
        sink()["retries"]["absent"].as_u64() >= Some(1)
    });
    up.store(true, Ordering::SeqCst);
    // Nobody is told of this one.
    tus.create(3);
    assert_eq!(pending(), Some(1));
    assert_eq!(admin.json("POST", "/plugins/http/enable").0, 200);
    eventually("it arrived", || pending() == Some(0));
    let delivered = admin
        .metrics()
        .sum("rustus_outbox_delivered_total", &[("plugin", "http")]);
    assert_eq!(delivered, 1.0);
}

#[test]
fn a_reload_makes_a_generation_of_the_same_files() {
    let (_server, tus, admin) = with_a_rule();
    let (status, shown) = admin.json("POST", "/plugins/rule/reload");
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["generation"]["number"], 2);
    assert_eq!(shown["loads"], 2);
    assert_eq!(tus.create_with(3, &PEPE).status(), 400);
}

#[test]
fn a_reload_of_a_built_in_plugin_makes_one_too() {
    let receiver = Receiver::start(|_| Answer::status(403));
    let setup = Setup::new().with_admin();
    let setup = setup.arguments(&["--hooks-http-urls", &receiver.url("/hooks")]);
    let (_server, tus, admin) = start(&setup);
    let (status, shown) = admin.json("POST", "/plugins/http/reload");
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["built_in"], true);
    assert_eq!(shown["generation"]["number"], 2);
    assert_eq!(tus.create_with(3, &[]).status(), 403);
    assert_eq!(admin.plugin("http")["requests"]["http"]["status-4xx"], 1);
}

#[test]
fn a_reload_takes_what_is_new_and_says_what_is_wrong_with_it() {
    let setup = Setup::new().with_hooks().with_admin();
    install(&setup.hooks_dir(), "rule-a", "rule");
    let (server, tus, admin) = start(&setup);
    install(&server.hooks_dir(), "rule-b", "rule");
    assert_eq!(admin.json("POST", "/plugins/rule/reload").0, 200);
    let rule = || header(&tus.create_with(3, &[]), "x-rule").to_owned();
    assert_eq!(rule(), "b");

    replace(
        &server.hooks_dir().join("rule.toml"),
        b"order = \"sesame\"\n",
    );
    let (status, answer) = admin.json("POST", "/plugins/rule/reload");
    assert_eq!(
        (status, &answer["error"]["code"]),
        (422, &"not-loaded".into())
    );
    let shown = admin.plugin("rule");
    assert!(
        shown["refused"].as_str().unwrap().contains("NAME.toml"),
        "{shown}"
    );
    assert!(!(answer.to_string() + &shown.to_string()).contains("sesame"));
    assert_eq!(rule(), "b");
    assert_eq!(shown["state"], "serving");
}

#[test]
fn orders_at_the_same_time_as_uploads_hurt_nobody() {
    let (_server, tus, admin) = with_a_rule();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let uploads = scope.spawn(|| {
            let mut count = 0;
            while !ended.load(Ordering::Relaxed) {
                assert_eq!(tus.create_with(3, &[]).status(), 201);
                count += 1;
            }
            count
        });
        for round in 0..10 {
            let order = ["disable", "enable", "reload"][round % 3];
            assert_eq!(admin.json("POST", &format!("/plugins/rule/{order}")).0, 200);
        }
        ended.store(true, Ordering::Relaxed);
        assert!(uploads.join().unwrap() > 0);
    });
}

#[test]
fn a_plugin_that_is_not_asked_for_a_while_is_shown_as_that() {
    let setup = Setup::new().with_hooks().with_admin();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let manifest = "[breaker]\nfailures = 2\nopen-ms = 600000\nmax-open-ms = 600000\n";
    replace(&setup.hooks_dir().join("hostile.toml"), manifest.as_bytes());
    let (_server, tus, admin) = start(&setup);
    let breaker = || admin.plugin("hostile")["generation"]["breaker"].clone();
    let closed = serde_json::json!({ "state": "closed", "asked_again_ms": null });
    assert_eq!(breaker(), closed);
    let denied = tus.create_with(3, &[("behave", "secret:not-listed")]);
    assert_eq!(denied.status(), 503);
    let requests = &admin.plugin("hostile")["requests"];
    assert_eq!(requests["secrets"], serde_json::json!({ "denied": 1 }));
    for _ in 0..3 {
        assert_eq!(tus.create_with(3, &[("behave", "trap")]).status(), 503);
    }
    assert_eq!(breaker()["state"], "open");
    assert!(breaker()["asked_again_ms"].as_u64().unwrap() <= 600_000);
    let shown = admin.plugin("hostile");
    assert_eq!(shown["breaker_opened"], 1);
    assert_eq!(shown["calls"]["pre-create"]["circuit-open"], 1);
    let metrics = admin.metrics();
    let of = [("plugin", "hostile")];
    assert_eq!(metrics.get("rustus_plugin_breaker_open", &of), Some(1.0));
    let opened = metrics.get("rustus_plugin_breaker_opened_total", &of);
    assert_eq!(opened, Some(1.0));
}
