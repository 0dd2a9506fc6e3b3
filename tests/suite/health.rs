//! Whether the server lives and whether it is of use.

use std::fs;

use crate::harness::eventually;
use crate::harness::guests::install;
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

#[test]
fn a_server_that_can_store_is_ready_and_one_that_cannot_only_lives() {
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    let (live, ready) = (
        format!("{}/health", server.origin()),
        format!("{}/health/ready", server.origin()),
    );
    assert_eq!(tus.get(&live).text().unwrap(), "OK");
    assert_eq!(tus.head(&ready).status(), 200);
    assert_eq!(tus.delete(&live).status(), 405);
    fs::rename(server.data_dir(), server.data_dir().with_file_name("gone")).unwrap();
    eventually("it is not ready", || tus.get(&ready).status() == 503);
    let answer = tus.get(&ready).text().unwrap();
    assert_eq!(answer, "The storage cannot be written.");
    assert_eq!(tus.get(&live).status(), 200);
    fs::rename(server.data_dir().with_file_name("gone"), server.data_dir()).unwrap();
    eventually("it is ready again", || tus.get(&ready).status() == 200);
}

#[test]
fn a_server_whose_required_hook_is_missing_is_not_ready() {
    let setup = Setup::new()
        .with_hooks()
        .arguments(&["--hooks-required", "pre-create"]);
    let hooks = setup.hooks_dir();
    let server = setup.start();
    let tus = Tus::new(server.files());
    let ready = format!("{}/health/ready", server.origin());
    let answer = tus.get(&ready);
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.text().unwrap(), "A required hook is not answered.");
    install(&hooks, "refuse-meme", "refuse");
    eventually("it is ready", || tus.get(&ready).status() == 200);
}

#[test]
fn health_is_found_outside_of_the_uploads_also_when_they_are_at_the_root() {
    let server = Setup::new().arguments(&["--url", "/"]).start();
    let tus = Tus::new(server.origin());
    let live = format!("{}/health", server.origin());
    assert_eq!(tus.get(&live).text().unwrap(), "OK");
    let url = tus.create(0);
    assert_eq!(tus.head(&url).status(), 200);
    let (status, log) = Setup::new().arguments(&["--url", "/health"]).run();
    assert_eq!(status.code(), Some(2), "{log}");
}

#[test]
fn requests_for_health_can_be_kept_out_of_the_log() {
    for (arguments, logged) in [(&[][..], true), (&["--disable-health-access-log"], false)] {
        let server = Setup::new().arguments(arguments).start();
        let tus = Tus::new(server.files());
        tus.get(&format!("{}/health", server.origin()));
        tus.get(&format!("{}/files/other", server.origin()));
        let log = server.terminate_and_read();
        assert!(log.contains("uri=\"/files/other\""), "{log}");
        assert_eq!(log.contains("uri=\"/health\""), logged, "{log}");
    }
}
