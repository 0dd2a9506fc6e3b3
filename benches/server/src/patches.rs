//! Figures: PATCHes per second, of 4 KiB and of 1 MiB, each of which adds to an
//! upload.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;

use crate::body;
use crate::connection::Connection;
use crate::contest::{Columns, Contest};
use crate::goals::Goal;
use crate::load::{self, Lane};
use crate::place::Place;
use crate::plan::{CONNECTIONS, Plan, share};
use crate::servers::{Kind, Server};

const VARIANTS: [Kind; 2] = [Kind::Rustus(None), Kind::TusNode];

/// Measures and prints those of 4 KiB.
pub(crate) fn small(place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    run("4 KiB", 4 << 10, plan.small_patches, place, plan)
}

/// Measures and prints those of 1 MiB.
pub(crate) fn large(place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    run("1 MiB", 1 << 20, plan.large_patches, place, plan)
}

fn run(size: &str, bytes: usize, most: usize, place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    let title = format!("PATCH of {size} per second");
    let mut contest = Contest::open(&title, &VARIANTS, place)?;
    for entrant in contest.entrants() {
        send(
            &entrant.server,
            share(entrant.variant, most).div_ceil(10),
            bytes,
        )?;
        entrant.server.empty()?;
    }
    contest.run(plan.rounds, |entrant| {
        let count = share(entrant.variant, most);
        entrant.measure(count as f64, |server| send(server, count, bytes))?;
        entrant.server.check_stored((count * bytes) as u64)?;
        entrant.server.empty()
    })?;
    let table = contest.table(&Columns {
        rate: "PATCH/s",
        baselines: &[(Kind::TusNode, "of @tus/server")],
        processor: ("processor time each", "us", 1e6),
    });
    table.print(&format!(
        "{CONNECTIONS} kept connections from one thread, each adds to an upload of its own; \
         {most} a turn (@tus/server: {}), {} rounds. No server syncs to the disk.",
        share(Kind::TusNode, most),
        plan.rounds,
    ));
    let [ours, theirs] = VARIANTS;
    let ratio = contest.ratio(ours, theirs);
    let figure = format!("PATCH/s of {size}, of @tus/server");
    Ok(vec![Goal::at_least(&figure, 2.0, &ratio)])
}

/// Adds `bytes` `count` times to new uploads, one for each connection.
fn send(server: &Server, count: usize, bytes: usize) -> Result<Duration> {
    let address = server.address();
    let mut connection = Connection::open(address)?;
    let mut lanes = Vec::new();
    for _ in 0..CONNECTIONS {
        // More than all of them send, so that none is finished.
        let length = ((count + 1) * bytes) as u64;
        let path = connection.create(length, |answer| Ok(answer.location()?.to_owned()))?;
        lanes.push(Lane {
            head: Box::new(move |number, head| {
                let written = write!(
                    head,
                    "PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n\
                     Content-Type: application/offset+octet-stream\r\n\
                     Upload-Offset: {}\r\nContent-Length: {bytes}\r\n\r\n",
                    number * bytes as u64
                );
                debug_assert!(written.is_ok(), "a String takes everything");
            }),
            body: body::bytes(bytes),
            expected: 204,
            is_head: false,
        });
    }
    load::run(address, count, lanes, |_| Ok(()))
}
