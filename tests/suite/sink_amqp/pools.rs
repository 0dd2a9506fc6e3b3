//! Connections and channels are opened when they are needed, within their bounds,
//! and closed when they are not used.

use super::{into_one_queue, lives, many_lives};
use crate::harness::eventually;
use crate::harness::rabbitmq::RabbitMq;

/// The connections and channels in a virtual host.
fn open(rabbitmq: &RabbitMq, host: &str) -> (usize, usize) {
    let count = |what: &str| {
        let listed = rabbitmq.control(&[what, "vhost", "--no-table-headers"]);
        listed.lines().filter(|line| *line == host).count()
    };
    (count("list_connections"), count("list_channels"))
}

#[test]
fn pools_keep_to_their_bounds_and_let_go_of_what_is_idle() {
    let Some(rabbitmq) = RabbitMq::shared() else {
        return;
    };
    let url = rabbitmq.url_of_own_host("pools");
    let server = into_one_queue(&url, "bounded")
        .arguments(&["--hooks-amqp-connection-pool-size", "1"])
        .arguments(&["--hooks-amqp-channel-pool-size", "1"])
        .arguments(&["--hooks-amqp-idle-channels-timeout", "2"])
        .arguments(&["--hooks-amqp-idle-connection-timeout", "20"])
        .start();
    assert_eq!(open(rabbitmq, "pools"), (0, 0), "nothing is needed yet");
    for _ in 0..2 {
        let uploads = many_lives(&server, 4, 5);
        let (connections, channels) = open(rabbitmq, "pools");
        assert!(
            connections <= 1 && channels <= 1,
            "{connections} {channels}"
        );
        let client = crate::harness::amqp::Amqp::try_connect(&url).unwrap();
        let lives = lives(&client, "bounded", &uploads);
        super::assert_in_order(&lives, &uploads);
        drop(client);
        eventually("the channel is closed before its connection", || {
            open(rabbitmq, "pools") == (1, 0)
        });
        eventually("the connection is closed", || {
            open(rabbitmq, "pools") == (0, 0)
        });
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
    let client = crate::harness::amqp::Amqp::try_connect(&url).unwrap();
    lives(&client, "ending", &uploads);
    drop(client);
    eventually("only the server is connected", || {
        open(rabbitmq, "ending").0 == 1
    });
    assert!(server.terminate().success());
    eventually("nobody is", || open(rabbitmq, "ending") == (0, 0));
}
