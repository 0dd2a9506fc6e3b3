//! Figure: memory while bodies come in, over that of the idle server.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::goals::Goal;
use crate::place::Place;
use crate::plan::Plan;
use crate::prepared::send_all_with_pause;
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

/// Bytes of a body that stalls, and where it does: far from every multiple of a
/// power of two, so that buffers are neither empty nor full.
const STALLING: u64 = 1 << 20;
const STALLS_AT: u64 = 700_000;

/// How long a server may take to accept all connections.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long all clients say nothing: time to give back what is not needed.
const PAUSE: Duration = Duration::from_secs(1);

/// What the fresh processes of a variant gave, in MiB.
#[derive(Default)]
struct Figures {
    idle: Series,
    one: Series,
    many: Series,
    paused: Series,
}

/// Measures and prints.
pub(crate) fn run(place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    let (kinds, missing) = servers::choose(&VARIANTS, place);
    let mut variants: Vec<_> = kinds
        .into_iter()
        .map(|kind| (kind, Figures::default()))
        .collect();
    for round in 1..=plan.memory_rounds {
        progress(&format!("memory, round {round} of {}", plan.memory_rounds));
        for (kind, figures) in &mut variants {
            figures
                .measure(*kind, place, plan)
                .with_context(|| kind.name())?;
        }
    }
    print(&variants, &missing, plan);
    Ok(goals(&variants, plan))
}

impl Figures {
    /// One process for each of the two, so that neither finds memory that the
    /// other left behind.
    fn measure(&mut self, kind: Kind, place: &Place, plan: &Plan) -> Result<()> {
        let server = kind.start(place, &place.folder("memory")?)?;
        let idle = idle(&server)?;
        let upload = server.prepare(plan.big_bytes)?;
        upload.send()?;
        self.one.push(peak(&server)? - idle);
        self.idle.push(idle);
        server.empty()?;
        drop(server);

        let server = kind.start(place, &place.folder("memory")?)?;
        let idle = self::idle(&server)?;
        let uploads = (0..plan.stalled).map(|_| server.prepare(STALLING));
        let uploads = uploads.collect::<Result<_>>()?;
        let mut paused = f64::NAN;
        send_all_with_pause(uploads, STALLS_AT, || {
            wait_for_connections(&server, plan.stalled)?;
            thread::sleep(PAUSE);
            paused = proc::memory(&server.processes()?)?.resident - idle;
            Ok(())
        })?;
        self.many.push(peak(&server)? - idle);
        self.paused.push(paused);
        server.check_stored(STALLING * plan.stalled as u64)?;
        server.empty()
    }
}

/// The memory of a server that has nothing to do, in MiB. That is after the first
/// small upload: a server that was never used has code that is not paged in yet.
fn idle(server: &Server) -> Result<f64> {
    server.prepare(1)?.send()?;
    let processes = server.processes()?;
    proc::forget_peak(&processes)?;
    Ok(proc::memory(&processes)?.resident)
}

/// The most that it had since, in MiB.
fn peak(server: &Server) -> Result<f64> {
    Ok(proc::memory(&server.processes()?)?.peak)
}

/// Waits until the server has at least `count` open files: a client's connection
/// stands before anybody has accepted it.
fn wait_for_connections(server: &Server, count: usize) -> Result<()> {
    let begun = Instant::now();
    while proc::open_files(&server.processes()?)? < count {
        ensure!(
            begun.elapsed() < PATIENCE,
            "not all connections are accepted"
        );
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn print(variants: &[(Kind, Figures)], missing: &[(Kind, String)], plan: &Plan) {
    let one = format!("one of {} MiB", plan.big_bytes >> 20);
    let many = format!("{} of 1 MiB at once", plan.stalled);
    let paused = "while all of them stall";
    let columns = ["server", &one, &many, paused, "idle itself"];
    let mut table = Table::new("Memory over idle", &columns);
    for (kind, figures) in variants {
        let Figures {
            idle,
            one,
            many,
            paused,
        } = figures;
        let shown = [one, many, paused, idle].map(|series| format!("{:.1} MiB", series.median()));
        table.add(kind.name(), &shown);
    }
    for (kind, reason) in missing {
        table.add_missing(kind.name(), reason);
    }
    table.print(&format!(
        "The high-water mark of resident memory (VmHWM) while the bodies come, less the resident \
         memory after one upload of a byte; all processes of a server together; the median of {} \
         fresh processes. Of the {} at once, every client stops after {STALLS_AT} bytes until all \
         have come as far, and {PAUSE:?} longer.",
        plan.memory_rounds, plan.stalled,
    ));
}

fn goals(variants: &[(Kind, Figures)], plan: &Plan) -> Vec<Goal> {
    let ours = variants.iter().filter(|(kind, _)| *kind == VARIANTS[0]);
    ours.flat_map(|(_, figures)| {
        let many = format!("memory over idle, {} PATCHes at once", plan.stalled);
        [
            Goal::at_most("memory over idle, one PATCH", 16.0, " MiB", &figures.one),
            Goal::at_most(&many, 64.0, " MiB", &figures.many),
        ]
    })
    .collect()
}
