//! Figures: the speed of one large body, and of many at once.

use anyhow::Result;

use crate::contest::{Columns, Contest};
use crate::goals::Goal;
use crate::place::Place;
use crate::plan::{AT_ONCE, Plan};
use crate::prepared::send_all;
use crate::servers::{Buffer, Kind};

/// All are compared with nginx, as it comes and at its best, and with the
/// reference server.
const VARIANTS: [Kind; 4] = [
    Kind::Rustus(None),
    Kind::Nginx(Buffer::Default),
    Kind::Nginx(Buffer::Large),
    Kind::TusNode,
];

/// Measures and prints one large body.
pub(crate) fn one(place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    let contest = run(
        &format!("{} MiB in one request", plan.big_bytes >> 20),
        (1, plan.big_bytes),
        place,
        plan,
        "One connection. Before each turn a file of that size is written and emptied, so that \
         all find the same memory. nginx does not know tus and takes the bytes by PUT.",
    )?;
    Ok(goals("one large PATCH", &contest))
}

/// Measures and prints many at once.
pub(crate) fn at_once(place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    let contest = run(
        &format!(
            "{AT_ONCE} bodies of {} MiB at once",
            plan.at_once_bytes >> 20
        ),
        (AT_ONCE, plan.at_once_bytes),
        place,
        plan,
        "As one large body, but from the first byte of the first one to the answer to the last.",
    )?;
    Ok(goals("many PATCHes at once", &contest))
}

fn run(
    title: &str,
    (count, bytes): (usize, u64),
    place: &Place,
    plan: &Plan,
    note: &str,
) -> Result<Contest<Kind>> {
    let mut contest = Contest::open(title, &VARIANTS, place)?;
    let all = bytes * count as u64;
    for entrant in contest.entrants() {
        // Smaller ones first, so that the threads run and the code is paged in.
        let uploads = (0..count).map(|_| entrant.server.prepare(bytes / 16));
        send_all(uploads.collect::<Result<_>>()?)?;
        entrant.server.empty()?;
    }
    contest.run(plan.rounds, |entrant| {
        place.warm_memory(all)?;
        let uploads = (0..count).map(|_| entrant.server.prepare(bytes));
        let uploads = uploads.collect::<Result<_>>()?;
        entrant.measure(mib(all), |_| send_all(uploads))?;
        entrant.server.check_stored(all)?;
        entrant.server.empty()
    })?;
    let table = contest.table(&Columns {
        rate: "MiB/s",
        baselines: &[
            (Kind::Nginx(Buffer::Default), "of nginx"),
            (Kind::Nginx(Buffer::Large), "of nginx with a large buffer"),
            (Kind::TusNode, "of @tus/server"),
        ],
        processor: ("processor time per GiB", "s", 1024.0),
    });
    table.print(&format!(
        "{note} One thread of the same machine sends, 512 KiB a write; {} rounds. No server syncs \
         to the disk: this is the speed of the network stack and of the page cache.",
        plan.rounds
    ));
    Ok(contest)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn goals(figure: &str, contest: &Contest<Kind>) -> Vec<Goal> {
    let [ours, ..] = VARIANTS;
    let against = |name: &str, goal, other| {
        let figure = format!("{figure}, of {name}");
        Goal::at_least(&figure, goal, &contest.ratio(ours, other))
    };
    vec![
        against("nginx", 0.95, Kind::Nginx(Buffer::Default)),
        against(
            "nginx with a large buffer",
            0.95,
            Kind::Nginx(Buffer::Large),
        ),
        against("@tus/server", 2.0, Kind::TusNode),
    ]
}
