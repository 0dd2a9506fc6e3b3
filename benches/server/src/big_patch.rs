//! Figure: the speed of one large body.

use anyhow::{Context, Result};

use crate::place::Place;
use crate::plan::{Plan, turns};
use crate::proc;
use crate::report::{Table, progress};
use crate::servers::{self, Buffer, Kind, Server};
use crate::statistics::Series;

/// The variants; all are compared with nginx, as it comes and at its best.
const VARIANTS: [Kind; 4] = [
    Kind::Rustus(None),
    Kind::Nginx(Buffer::Default),
    Kind::Nginx(Buffer::Large),
    Kind::TusNode,
];

/// A variant, its server, and what its turns gave.
struct Variant {
    kind: Kind,
    server: Server,
    /// MiB a second.
    rate: Series,
    /// Seconds of processor time for each GiB.
    processor: Series,
}

/// Measures and prints.
pub(crate) fn run(place: &Place, plan: &Plan) -> Result<()> {
    let (kinds, missing) = servers::choose(&VARIANTS, place);
    let mut variants = Vec::new();
    for kind in kinds {
        let mut variant = Variant {
            kind,
            server: kind.start(place)?,
            rate: Series::default(),
            processor: Series::default(),
        };
        // A smaller one first, so that the threads run and the code is paged in.
        variant.turn(plan.big_bytes / 16)?;
        variant.rate = Series::default();
        variant.processor = Series::default();
        variants.push(variant);
    }
    for round in 0..plan.rounds {
        progress(&format!(
            "one PATCH, round {} of {}",
            round + 1,
            plan.rounds
        ));
        for turn in turns(round, variants.len()) {
            let Some(variant) = variants.get_mut(turn) else {
                continue;
            };
            let name = variant.kind.name();
            variant
                .turn(plan.big_bytes)
                .with_context(|| name.to_owned())?;
        }
    }
    print(&variants, &missing, plan);
    Ok(())
}

impl Variant {
    fn turn(&mut self, bytes: u64) -> Result<()> {
        self.server.warm_memory(bytes)?;
        let upload = self.server.prepare(bytes)?;
        let processes = self.server.processes()?;
        let before = proc::processor_time(&processes)?;
        let took = upload.send()?;
        let busy = proc::processor_time(&processes)?.saturating_sub(before);
        self.server.check_stored(bytes)?;
        let mib = mib(bytes);
        self.rate.push(mib / took.as_secs_f64());
        self.processor.push(busy.as_secs_f64() * 1024.0 / mib);
        self.server.clear()
    }

    /// Against nginx among `variants`; empty if it could not be had.
    fn ratio_to_nginx(&self, variants: &[Self], wanted: Buffer) -> Series {
        let nginx = variants
            .iter()
            .find(|variant| matches!(variant.kind, Kind::Nginx(buffer) if buffer == wanted));
        nginx
            .map(|nginx| self.rate.ratio_to(&nginx.rate))
            .unwrap_or_default()
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn print(variants: &[Variant], missing: &[(&Kind, String)], plan: &Plan) {
    let mut table = Table::new(
        &format!("{:.0} MiB in one request", mib(plan.big_bytes)),
        &[
            "server",
            "MiB/s",
            "of nginx",
            "(least to most)",
            "of nginx with a large buffer",
            "processor time per GiB",
        ],
    );
    for variant in variants {
        let ratio = variant.ratio_to_nginx(variants, Buffer::Default);
        let to_large = variant.ratio_to_nginx(variants, Buffer::Large);
        table.add(
            variant.kind.name(),
            &[
                format!("{:.0}", variant.rate.median()),
                format!("{:.3}", ratio.median()),
                format!("{:.3} to {:.3}", ratio.least(), ratio.greatest()),
                format!("{:.3}", to_large.median()),
                format!("{:.2} s", variant.processor.median()),
            ],
        );
    }
    table.add_missing(missing);
    table.print(&format!(
        "One connection from the same machine, 512 KiB a write, {} rounds; before each turn \
         a file of that size is written and removed, so that all find the same memory. No server syncs to the disk: this is the speed of the network stack and \
         of the page cache. nginx does not know tus and takes the bytes by PUT.",
        plan.rounds
    ));
}
