//! Figure: uploads created per second, and the processor time of one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::load;
use crate::place::Place;
use crate::plan::{CONNECTIONS, Plan, turns};
use crate::proc;
use crate::report::{Table, progress};
use crate::servers::{self, Kind, Plugin, Server};
use crate::stand_in::Decider;
use crate::statistics::Series;

/// The variants, the baseline first.
const VARIANTS: [Kind; 7] = [
    Kind::Rustus(None),
    Kind::Rustus(Some(Plugin::Fresh)),
    Kind::Rustus(Some(Plugin::Reuse)),
    Kind::StandIn(Decider::None),
    Kind::StandIn(Decider::Command),
    Kind::StandIn(Decider::Http),
    Kind::TusNode,
];

/// A variant, its server, and what its turns gave.
struct Variant {
    kind: Kind,
    server: Server,
    rate: Series,
    processor: Series,
}

/// Measures and prints.
pub(crate) fn run(place: &Place, plan: &Plan) -> Result<()> {
    let (kinds, missing) = servers::choose(&VARIANTS, place);
    let mut variants = kinds
        .into_iter()
        .map(|kind| Variant::start(kind, place, plan))
        .collect::<Result<Vec<_>>>()?;
    for round in 0..plan.rounds {
        progress(&format!("creates, round {} of {}", round + 1, plan.rounds));
        for turn in turns(round, variants.len()) {
            let Some(variant) = variants.get_mut(turn) else {
                continue;
            };
            let name = variant.kind.name();
            variant.turn(plan).with_context(|| name.to_owned())?;
        }
    }
    print(&variants, &missing, plan);
    Ok(())
}

impl Variant {
    /// The server, warm: its threads run and its code is paged in.
    fn start(kind: Kind, place: &Place, plan: &Plan) -> Result<Self> {
        let server = kind.start(place)?;
        load::create(server.address(), count(kind, plan).div_ceil(10))?;
        server.set_aside()?;
        Ok(Self {
            kind,
            server,
            rate: Series::default(),
            processor: Series::default(),
        })
    }

    fn turn(&mut self, plan: &Plan) -> Result<()> {
        let count = count(self.kind, plan);
        let processes = self.server.processes()?;
        let before = proc::processor_time(&processes)?;
        let took = load::create(self.server.address(), count)?;
        let busy = proc::processor_time(&processes)?.saturating_sub(before);
        self.rate.push(count as f64 / took.as_secs_f64());
        self.processor.push(micros(busy) / count as f64);
        let begun = Instant::now();
        self.server.set_aside()?;
        progress(&format!(
            "{}: {took:.1?}, and {:.1?} to clean up",
            self.kind.name(),
            begun.elapsed()
        ));
        Ok(())
    }
}

/// Uploads that `kind` creates in a turn: fewer where one takes a millisecond.
fn count(kind: Kind, plan: &Plan) -> usize {
    match kind {
        Kind::StandIn(Decider::Command) => plan.creates / 10,
        Kind::TusNode => plan.creates / 4,
        _ => plan.creates,
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn print(variants: &[Variant], missing: &[(&Kind, String)], plan: &Plan) {
    let mut table = Table::new(
        "Creates per second",
        &[
            "server",
            "creates/s",
            "of no hook",
            "(least to most)",
            "processor time each",
        ],
    );
    for variant in variants {
        let ratio = variants
            .first()
            .map(|baseline| variant.rate.ratio_to(&baseline.rate))
            .unwrap_or_default();
        table.add(
            variant.kind.name(),
            &[
                format!("{:.0}", variant.rate.median()),
                format!("{:.3}", ratio.median()),
                format!("{:.3} to {:.3}", ratio.least(), ratio.greatest()),
                format!("{:.0} us", variant.processor.median()),
            ],
        );
    }
    table.add_missing(missing);
    table.print(&format!(
        "{CONNECTIONS} kept connections from one thread of the same machine; {} creates a turn \
         (a process each: {}, @tus/server: {}), {} rounds. Processor time is that of the server \
         with all processes that it starts or asks, in user and kernel mode.",
        plan.creates,
        plan.creates / 10,
        plan.creates / 4,
        plan.rounds,
    ));
}
