//! Figure: uploads whose state is asked for, per second.

use anyhow::{Context, Result};

use crate::contest::{Columns, Contest};
use crate::goals::Goal;
use crate::load;
use crate::place::Place;
use crate::plan::{CONNECTIONS, Plan, share};
use crate::servers::Kind;

const VARIANTS: [Kind; 2] = [Kind::Rustus(None), Kind::TusNode];

/// Uploads that are asked for in turns: more than a client has, few enough that
/// the file system knows them all.
const UPLOADS: usize = 200;

/// Measures and prints.
pub(crate) fn run(place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    let mut contest = Contest::open("HEAD per second", &VARIANTS, place)?;
    let mut paths = Vec::new();
    for entrant in contest.entrants() {
        let address = entrant.server.address();
        let created = load::create(address, UPLOADS)?.paths;
        load::head(address, UPLOADS, &created)?;
        paths.push((entrant.variant, created));
    }
    contest.run(plan.rounds, |entrant| {
        let count = share(entrant.variant, plan.heads);
        let of_it = |(variant, _): &&(Kind, _)| *variant == entrant.variant;
        let (_, paths) = paths.iter().find(of_it).context("no uploads")?;
        entrant.measure(count as f64, |server| {
            load::head(server.address(), count, paths)
        })
    })?;
    let table = contest.table(&Columns {
        rate: "HEAD/s",
        baselines: &[(Kind::TusNode, "of @tus/server")],
        processor: ("processor time each", "us", 1e6),
    });
    table.print(&format!(
        "{CONNECTIONS} kept connections from one thread; {UPLOADS} uploads in turns; {} a turn \
         (@tus/server: {}), {} rounds.",
        plan.heads,
        share(Kind::TusNode, plan.heads),
        plan.rounds,
    ));
    let [ours, theirs] = VARIANTS;
    let ratio = contest.ratio(ours, theirs);
    Ok(vec![Goal::at_least("HEAD/s, of @tus/server", 2.0, &ratio)])
}
