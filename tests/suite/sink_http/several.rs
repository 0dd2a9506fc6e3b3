//! Several services: all are asked at once, and each is told on its own.

use std::net::TcpListener;
use std::sync::{Arc, Barrier};

use super::{posting_to, start};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Setup;

#[test]
fn all_are_asked_at_the_same_time() {
    // Neither answers before the other was asked.
    let both = Arc::new(Barrier::new(2));
    let receiver = || {
        let both = Arc::clone(&both);
        Receiver::start(move |_| {
            both.wait();
            Answer::status(204)
        })
    };
    let (first, second) = (receiver(), receiver());
    let setup = posting_to(&[&first, &second]).arguments(&["--hooks", "pre-create"]);
    let (_server, tus) = start(&setup);
    assert_eq!(tus.create_with(3, &[]).status(), 201);
    let ids = [&first, &second].map(|receiver| {
        let requests = receiver.wait_for(1);
        requests[0].header("idempotency-key").unwrap().to_owned()
    });
    assert_eq!(ids[0], ids[1], "it is one event");
}

#[test]
fn the_first_refusal_wins_and_waits_for_nobody() {
    let silent = Receiver::start(|_| Answer::silence());
    let refusing = Receiver::start(|_| Answer::with(403, &[], b"no"));
    for receivers in [[&silent, &refusing], [&refusing, &silent]] {
        let setup = posting_to(&receivers).arguments(&["--hooks", "pre-create"]);
        let (_server, tus) = start(&setup);
        let refused = tus.create_with(3, &[]);
        assert_eq!(refused.status(), 403);
        assert_eq!(refused.text().unwrap(), "no");
    }
}

#[test]
fn one_that_cannot_be_asked_is_no_approval() {
    let agreeing = Receiver::start(|_| Answer::status(204));
    let failing = Receiver::start(|_| Answer::drop_connection());
    let setup = posting_to(&[&agreeing, &failing]).arguments(&["--hooks", "pre-create"]);
    let (_server, tus) = start(&setup);
    assert_eq!(tus.create_with(3, &[]).status(), 503);
    assert_eq!(agreeing.requests().len(), 1);
    assert_eq!(failing.requests().len(), 4);
}

#[test]
fn a_dead_one_keeps_nothing_from_the_others() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("http://{}/", nobody.local_addr().unwrap());
    drop(nobody);
    let receiver = Receiver::start(|_| Answer::status(204));
    for (round, urls) in [
        format!("{dead},{}", receiver.url("/")),
        format!("{},{dead}", receiver.url("/")),
    ]
    .iter()
    .enumerate()
    {
        let setup = Setup::new()
            .arguments(&["--hooks-http-urls", urls])
            .arguments(&["--hooks", "post-create,post-finish"]);
        let (_server, tus) = start(&setup);
        let url = tus.create(3);
        assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
        let requests = receiver.wait_for(2 * (round + 1));
        let names: Vec<_> = requests
            .iter()
            .skip(2 * round)
            .map(|request| request.header("hook-name").unwrap())
            .collect();
        assert_eq!(names, ["post-create", "post-finish"]);
    }
}
