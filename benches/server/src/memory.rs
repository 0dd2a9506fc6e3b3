//! Figure: memory while bodies come in, over that of the idle server.

use std::thread;

use anyhow::{Context, Result};

use crate::place::Place;
use crate::plan::{AT_ONCE, Plan};
use crate::proc;
use crate::report::{Table, progress};
use crate::servers::{self, Buffer, Kind, Plugin, Server};
use crate::statistics::Series;

const VARIANTS: [Kind; 4] = [
    Kind::Rustus(None),
    Kind::Rustus(Some(Plugin::Fresh)),
    Kind::Nginx(Buffer::Default),
    Kind::TusNode,
];

/// What the fresh processes of a variant gave, in MiB.
#[derive(Default)]
struct Figures {
    idle: Series,
    one: Series,
    many: Series,
}

/// Measures and prints.
pub(crate) fn run(place: &Place, plan: &Plan) -> Result<()> {
    let (kinds, missing) = servers::choose(&VARIANTS, place);
    let mut variants: Vec<_> = kinds
        .into_iter()
        .map(|kind| (kind, Figures::default()))
        .collect();
    for round in 0..plan.memory_rounds {
        progress(&format!(
            "memory, round {} of {}",
            round + 1,
            plan.memory_rounds
        ));
        for (kind, figures) in &mut variants {
            measure(*kind, place, plan, figures).with_context(|| kind.name())?;
        }
    }
    print(&variants, &missing, plan);
    Ok(())
}

/// One process for each of the two, so that neither finds memory that the other
/// left behind.
fn measure(kind: Kind, place: &Place, plan: &Plan, figures: &mut Figures) -> Result<()> {
    let (idle, one) = over_idle(&kind.start(place)?, 1, plan.big_bytes)?;
    let (_, many) = over_idle(&kind.start(place)?, AT_ONCE, plan.small_bytes)?;
    figures.idle.push(idle);
    figures.one.push(one);
    figures.many.push(many);
    Ok(())
}

/// The idle memory, and the peak over it while `count` bodies of `bytes` come at
/// once.
fn over_idle(server: &Server, count: usize, bytes: u64) -> Result<(f64, f64)> {
    // Idle is after the first small upload: a server that was never used has
    // code that is not paged in yet.
    server.prepare(1)?.send()?;
    let processes = server.processes()?;
    let idle = proc::memory(&processes)?.resident;
    let uploads = (0..count)
        .map(|_| server.prepare(bytes))
        .collect::<Result<Vec<_>>>()?;
    proc::forget_peak(&processes)?;
    let senders: Vec<_> = uploads
        .into_iter()
        .map(|upload| thread::spawn(move || upload.send()))
        .collect();
    for sender in senders {
        let Ok(sent) = sender.join() else {
            anyhow::bail!("a sender panicked");
        };
        sent?;
    }
    let peak = proc::memory(&processes)?.peak;
    server.check_stored(bytes * count as u64)?;
    server.clear()?;
    Ok((idle, peak - idle))
}

fn print(variants: &[(Kind, Figures)], missing: &[(&Kind, String)], plan: &Plan) {
    let mib = |bytes: u64| bytes >> 20;
    let one = format!("one of {} MiB", mib(plan.big_bytes));
    let many = format!("{AT_ONCE} of {} MiB at once", mib(plan.small_bytes));
    let mut table = Table::new("Memory over idle", &["server", &one, &many, "idle itself"]);
    for (kind, figures) in variants {
        let figures = [&figures.one, &figures.many, &figures.idle];
        let shown = figures.map(|series| format!("{:.1} MiB", series.median()));
        table.add(kind.name(), &shown);
    }
    table.add_missing(missing);
    table.print(&format!(
        "The high-water mark of resident memory (VmHWM) while the bodies come, less the resident \
         memory after one upload of a byte; all processes of a server together; the median of {} \
         fresh processes.",
        plan.memory_rounds
    ));
}
