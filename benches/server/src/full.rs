//! Figures: a server that starts with many uploads in its directory, and what a
//! HEAD costs there, beside the same with few.

use anyhow::{Context, Result};

use crate::contest::{Contest, Entrant, Variant};
use crate::goals::Goal;
use crate::load;
use crate::place::Place;
use crate::plan::{CONNECTIONS, Plan, share};
use crate::report::{Table, progress};
use crate::servers::Kind;
use crate::statistics::Series;

/// Uploads in a directory that is not full.
const FEW: usize = 10;

/// Uploads that are asked for, from all over the directory.
const ASKED: usize = 10_000;

const KINDS: [Kind; 2] = [Kind::Rustus(None), Kind::TusNode];

/// A server, and how many uploads it has.
#[derive(Clone, Copy, PartialEq)]
struct With {
    kind: Kind,
    uploads: usize,
}

impl Variant for With {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn name(&self) -> String {
        format!("{}, {} uploads", self.kind.name(), self.uploads)
    }
}

/// A variant's uploads that are asked for, and its starts in milliseconds.
struct Filled {
    with: With,
    paths: Vec<String>,
    starts: Series,
}

/// Measures and prints.
pub(crate) fn run(place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    let title = format!("Start with {} uploads", plan.many);
    let with = |uploads| KINDS.map(|kind| With { kind, uploads });
    let variants = [with(FEW), with(plan.many)].concat();
    let mut contest = Contest::open(&title, &variants, place)?;
    let mut filled = contest
        .entrants()
        .map(Filled::fill)
        .collect::<Result<Vec<_>>>()?;
    contest.run(plan.rounds, |entrant| {
        let of_it = |filled: &&mut Filled| filled.with == entrant.variant;
        let filled = filled.iter_mut().find(of_it).context("nobody filled it")?;
        filled.turn(entrant, place, plan)
    })?;
    print(&title, &contest, &filled, plan);
    Ok(Vec::new())
}

impl Filled {
    fn fill(entrant: &mut Entrant<With>) -> Result<Self> {
        let with = entrant.variant;
        progress(&format!("{}: creating them", with.name()));
        let paths = load::create(entrant.server.address(), with.uploads)?.paths;
        let step = (paths.len() / ASKED).max(1);
        Ok(Self {
            with,
            paths: paths.into_iter().step_by(step).collect(),
            starts: Series::default(),
        })
    }

    fn turn(&mut self, entrant: &mut Entrant<With>, place: &Place, plan: &Plan) -> Result<()> {
        entrant.restart(place)?;
        load::head(entrant.server.address(), 1, &self.paths)?;
        let started = entrant.server.begun().elapsed();
        self.starts.push(started.as_secs_f64() * 1e3);
        let count = share(self.with.kind, plan.heads);
        entrant.measure(count as f64, |server| {
            load::head(server.address(), count, &self.paths)
        })
    }
}

fn print(title: &str, contest: &Contest<With>, filled: &[Filled], plan: &Plan) {
    let mut table = Table::new(
        title,
        &[
            "server",
            "from exec to the first answer",
            "(least to most)",
            &format!("HEAD/s, of those with {FEW}"),
            "(least to most)",
        ],
    );
    for Filled { with, starts, .. } in filled {
        let few = With {
            uploads: FEW,
            ..*with
        };
        let ratio = contest.ratio(*with, few);
        table.add(
            &with.name(),
            &[
                format!("{:.0} ms", starts.median()),
                format!("{:.0} to {:.0} ms", starts.least(), starts.greatest()),
                format!("{:.3}", ratio.median()),
                format!("{:.3} to {:.3}", ratio.least(), ratio.greatest()),
            ],
        );
    }
    for (with, reason) in contest.missing() {
        table.add_missing(&with.name(), reason);
    }
    table.print(&format!(
        "{} starts each, in turns. Every server created the uploads that it is started with. The \
         first answer is one to HEAD. Then {} HEADs (@tus/server: {}) over {CONNECTIONS} kept \
         connections, right after the start, for uploads from all over the directory, which the \
         operating system has in memory.",
        plan.rounds,
        plan.heads,
        share(Kind::TusNode, plan.heads),
    ));
}
