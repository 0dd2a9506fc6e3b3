//! Figure: uploads created per second, and the processor time of one.

use anyhow::Result;

use crate::contest::{Columns, Contest};
use crate::goals::Goal;
use crate::load;
use crate::place::Place;
use crate::plan::{CONNECTIONS, Plan, share};
use crate::servers::{Kind, Plugin};
use crate::stand_in::Decider;

const VARIANTS: [Kind; 7] = [
    Kind::Rustus(None),
    Kind::Rustus(Some(Plugin::Fresh)),
    Kind::Rustus(Some(Plugin::Reuse)),
    Kind::StandIn(Decider::None),
    Kind::StandIn(Decider::Command),
    Kind::StandIn(Decider::Http),
    Kind::TusNode,
];

/// Measures and prints.
pub(crate) fn run(place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    let mut contest = Contest::open("Creates per second", &VARIANTS, place)?;
    for entrant in contest.entrants() {
        // So that its threads run and its code is paged in.
        let count = share(entrant.variant, plan.creates).div_ceil(10);
        load::create(entrant.server.address(), count)?;
        entrant.server.set_aside()?;
    }
    contest.run(plan.rounds, |entrant| {
        let count = share(entrant.variant, plan.creates);
        entrant.measure(count as f64, |server| {
            Ok(load::create(server.address(), count)?.took)
        })?;
        entrant.server.set_aside()
    })?;
    let table = contest.table(&Columns {
        rate: "creates/s",
        baselines: &[(Kind::Rustus(None), "of no hook")],
        processor: ("processor time each", "us", 1e6),
    });
    table.print(&format!(
        "{CONNECTIONS} kept connections from one thread of the same machine; {} creates a turn \
         (a process each: {}, @tus/server: {}), {} rounds. Processor time is that of the server \
         with all processes that it starts or asks, in user and kernel mode.",
        plan.creates,
        share(Kind::StandIn(Decider::Command), plan.creates),
        share(Kind::TusNode, plan.creates),
        plan.rounds,
    ));
    let [ours, fresh, reuse, ..] = VARIANTS;
    Ok(vec![
        Goal::at_least(
            "creates/s, of @tus/server",
            2.0,
            &contest.ratio(ours, Kind::TusNode),
        ),
        Goal::at_least(
            "creates/s with a plugin, a fresh instance each, of those without a hook",
            0.75,
            &contest.ratio(fresh, ours),
        ),
        Goal::at_least(
            "creates/s with a plugin, instances reused, of those without a hook",
            0.93,
            &contest.ratio(reuse, ours),
        ),
    ])
}
