//! Connections and channels are opened when they are needed, within their bounds,
//! and closed when they are not used.

use super::{assert_in_order, into_one_queue, lives, many_lives};
use crate::harness::amqp::Amqp;
use crate::harness::eventually;
use crate::harness::rabbitmq::RabbitMq;
use crate::harness::server::Server;

/// The connections and channels in a virtual host.
fn open(rabbitmq: &RabbitMq, host: &str) -> (usize, usize) {
    let count = |what: &str| {
        let listed = rabbitmq.control(&[what, "vhost", "--no-table-headers"]);
        listed.lines().filter(|line| *line == host).count()
    };
    (count("list_connections"), count("list_channels"))
}

/// A server under load, on a virtual host of its own, and what is open then; it
/// returns when all has arrived.
fn under_load(rabbitmq: &RabbitMq, host: &str, idle: &str) -> Server {
    let url = rabbitmq.url_of_own_host(host);
    let server = into_one_queue(&url, host)
        .arguments(&["--hooks-amqp-connection-pool-size", "1"])
        .arguments(&["--hooks-amqp-channel-pool-size", "1"])
        .arguments(&[idle, "1"])
        .start();
    assert_eq!(open(rabbitmq, host), (0, 0), "nothing is needed yet");
    load(rabbitmq, &server, host);
    server
}

fn load(rabbitmq: &RabbitMq, server: &Server, host: &str) {
    let uploads = many_lives(server, 4, 5);
    let (connections, channels) = open(rabbitmq, host);
    assert!(
        connections <= 1 && channels <= 1,
        "{connections} {channels}"
    );
    let url = rabbitmq.url().replace("%2f", host);
    let client = Amqp::try_connect(&url).unwrap();
    let lives = lives(&client, host, &uploads);
    assert_in_order(&lives, &uploads);
}

#[test]
fn pools_keep_to_their_bounds_and_let_go_of_idle_channels() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let server = under_load(rabbitmq, "few", "--hooks-amqp-idle-channels-timeout");
    for _ in 0..2 {
        eventually("the channel is closed, and its connection is not", || {
            open(rabbitmq, "few") == (1, 0)
        });
        load(rabbitmq, &server, "few");
    }
}

#[test]
fn idle_connections_are_closed_and_opened_again() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let server = under_load(rabbitmq, "idle", "--hooks-amqp-idle-connection-timeout");
    for _ in 0..2 {
        eventually("the connection is closed", || {
            open(rabbitmq, "idle") == (0, 0)
        });
        load(rabbitmq, &server, "idle");
    }
}

#[test]
fn connections_end_with_the_server() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let url = rabbitmq.url_of_own_host("ending");
    let server = into_one_queue(&url, "ending").start();
    let uploads = many_lives(&server, 1, 1);
    let client = Amqp::try_connect(&url).unwrap();
    lives(&client, "ending", &uploads);
    drop(client);
    eventually("only the server is connected", || {
        open(rabbitmq, "ending").0 == 1
    });
    assert!(server.terminate().success());
    eventually("nobody is", || open(rabbitmq, "ending") == (0, 0));
}
