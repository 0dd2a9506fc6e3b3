//! Figure: what it costs to check a body while it comes, beside what it costs to
//! hash the same bytes and do nothing else.

use std::time::Instant;

use anyhow::{Context, Result};
use rustus::store::Algorithm;

use crate::body;
use crate::contest::{Contest, Entrant, Variant};
use crate::goals::Goal;
use crate::place::Place;
use crate::plan::Plan;
use crate::report::Table;
use crate::servers::Kind;
use crate::statistics::Series;

/// rustus, and what is said in `Upload-Checksum`.
#[derive(Clone, Copy, PartialEq)]
struct Checked(Option<Algorithm>);

impl Variant for Checked {
    fn kind(&self) -> Kind {
        Kind::Rustus(None)
    }

    fn name(&self) -> String {
        match self.0 {
            None => "no checksum".to_owned(),
            Some(algorithm) => algorithm.to_string(),
        }
    }
}

const VARIANTS: [Checked; 3] = [
    Checked(None),
    Checked(Some(Algorithm::Sha1)),
    Checked(Some(Algorithm::Sha256)),
];

/// Seconds for a GiB, a value a round.
#[derive(Default)]
struct Times {
    took: Series,
    processor: Series,
    /// The hash alone.
    bare: Series,
}

/// Measures and prints.
pub(crate) fn run(place: &Place, plan: &Plan) -> Result<Vec<Goal>> {
    let title = format!("{} MiB in one PATCH with a checksum", plan.big_bytes >> 20);
    let mut contest = Contest::open(&title, &VARIANTS, place)?;
    let mut times = VARIANTS.map(|variant| (variant, Times::default()));
    contest.run(plan.rounds, |entrant| {
        let of_it = |(variant, _): &&mut (Checked, _)| *variant == entrant.variant;
        let (_, times) = times.iter_mut().find(of_it).context("an unknown variant")?;
        times.turn(entrant, place, plan.big_bytes)
    })?;
    print(&title, &times, plan);
    Ok(goals(&times))
}

impl Times {
    fn turn(&mut self, entrant: &mut Entrant<Checked>, place: &Place, bytes: u64) -> Result<()> {
        let gib = bytes as f64 / f64::from(1 << 30);
        let mut field = String::new();
        if let Checked(Some(algorithm)) = entrant.variant {
            let begun = Instant::now();
            let checksum = body::checksum(algorithm, bytes)?;
            self.bare.push(begun.elapsed().as_secs_f64() / gib);
            field = format!("Upload-Checksum: {checksum}\r\n");
        }
        place.warm_memory(bytes)?;
        let upload = entrant.server.prepare_with(bytes, &field)?;
        entrant.measure(gib, |_| upload.send())?;
        let (took, processor) = entrant.last().context("nothing was measured")?;
        self.took.push(took);
        self.processor.push(processor);
        entrant.server.check_stored(bytes)?;
        entrant.server.empty()
    }
}

fn print(title: &str, times: &[(Checked, Times)], plan: &Plan) {
    let mut table = Table::new(
        title,
        &[
            "checksum",
            "s per GiB",
            "processor time per GiB",
            "the hash alone",
            "added, of the hash alone",
            "(least to most)",
            "added processor time, of the hash alone",
        ],
    );
    let seconds = |series: &Series| format!("{:.2} s", series.median());
    for (variant, figures) in times {
        let mut cells = vec![seconds(&figures.took), seconds(&figures.processor)];
        if variant.0.is_some() {
            let [added, processor] = added(times, figures);
            cells.push(seconds(&figures.bare));
            cells.push(format!("{:.2}", added.median()));
            cells.push(format!("{:.2} to {:.2}", added.least(), added.greatest()));
            cells.push(format!("{:.2}", processor.median()));
        } else {
            cells.resize(6, String::new());
        }
        table.add(&variant.name(), &cells);
    }
    table.print(&format!(
        "rustus, {} rounds; as one large body. The hash alone is that of the same bytes with the \
         same crates, by the client right before it sends them. What a checksum adds is over the \
         body without one in the same round: at most 1 means that checking costs no more than \
         hashing, less that it happens while the next bytes come.",
        plan.rounds
    ));
}

/// What a checksum added to the time and to the processor time, of what the hash
/// alone takes.
fn added(times: &[(Checked, Times)], figures: &Times) -> [Series; 2] {
    let Some((_, plain)) = times.first() else {
        return Default::default();
    };
    [
        figures.took.over(&plain.took).ratio_to(&figures.bare),
        figures
            .processor
            .over(&plain.processor)
            .ratio_to(&figures.bare),
    ]
}

fn goals(times: &[(Checked, Times)]) -> Vec<Goal> {
    let checked = times.iter().filter(|(variant, _)| variant.0.is_some());
    checked
        .map(|(variant, figures)| {
            let [took, _] = added(times, figures);
            let figure = format!("time that {} adds, of the hash alone", variant.name());
            Goal::at_most(&figure, 1.0, "", &took)
        })
        .collect()
}
