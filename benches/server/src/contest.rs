//! Variants that take turns: each of them once in a round, then the next round.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::place::Place;
use crate::plan::turns;
use crate::proc;
use crate::report::{Table, progress};
use crate::servers::{self, Kind, Server};
use crate::statistics::Series;

/// A server in one of the ways that are compared.
pub(crate) trait Variant: Copy + PartialEq {
    /// Which server.
    fn kind(&self) -> Kind;

    /// The name in the table.
    fn name(&self) -> String {
        self.kind().name().to_owned()
    }
}

impl Variant for Kind {
    fn kind(&self) -> Kind {
        *self
    }
}

/// The variants that can be had here, and those that cannot.
pub(crate) struct Contest<V> {
    title: String,
    entrants: Vec<Entrant<V>>,
    missing: Vec<(V, String)>,
}

/// A variant, its server, and what its turns gave.
pub(crate) struct Entrant<V> {
    pub(crate) variant: V,
    pub(crate) server: Server,
    folder: PathBuf,
    /// Units a second.
    rate: Series,
    /// Seconds of the server's processor time for a unit.
    processor: Series,
}

/// How the figures are shown.
pub(crate) struct Columns<'a, V> {
    /// What a unit a second is called.
    pub(crate) rate: &'a str,
    /// Whom the others are compared with, and what that column is called.
    pub(crate) baselines: &'a [(V, &'a str)],
    /// What a unit's processor time is called, its unit, and how many of them
    /// are a second.
    pub(crate) processor: (&'a str, &'a str, f64),
}

impl<V: Variant> Contest<V> {
    /// Starts a server for each of `variants`.
    pub(crate) fn open(title: &str, variants: &[V], place: &Place) -> Result<Self> {
        let (there, missing) = servers::choose(variants, place);
        let entrants = there
            .into_iter()
            .map(|variant| {
                let folder = place.folder("server")?;
                Ok(Entrant {
                    variant,
                    server: variant.kind().start(place, &folder)?,
                    folder,
                    rate: Series::default(),
                    processor: Series::default(),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            title: title.to_owned(),
            entrants,
            missing,
        })
    }

    /// All that take part.
    pub(crate) fn entrants(&mut self) -> impl Iterator<Item = &mut Entrant<V>> {
        self.entrants.iter_mut()
    }

    /// Lets everyone have `rounds` turns.
    pub(crate) fn run(
        &mut self,
        rounds: usize,
        mut turn: impl FnMut(&mut Entrant<V>) -> Result<()>,
    ) -> Result<()> {
        for round in 0..rounds {
            progress(&format!("{}, round {} of {rounds}", self.title, round + 1));
            for next in turns(round, self.entrants.len()) {
                if let Some(entrant) = self.entrants.get_mut(next) {
                    turn(entrant).with_context(|| entrant.variant.name())?;
                }
            }
        }
        Ok(())
    }

    /// How fast `variant` was against `baseline`, round by round; empty if one
    /// of them could not be had.
    pub(crate) fn ratio(&self, variant: V, baseline: V) -> Series {
        match (self.rate(variant), self.rate(baseline)) {
            (Some(rate), Some(baseline)) => rate.ratio_to(baseline),
            _ => Series::default(),
        }
    }

    /// Those that could not be had, and why.
    pub(crate) fn missing(&self) -> &[(V, String)] {
        &self.missing
    }

    fn rate(&self, variant: V) -> Option<&Series> {
        let mut entrants = self.entrants.iter();
        let found = entrants.find(|entrant| entrant.variant == variant)?;
        Some(&found.rate)
    }

    /// The figures of all of them.
    pub(crate) fn table(&self, columns: &Columns<'_, V>) -> Table {
        let (processor, unit, scale) = columns.processor;
        let mut names = vec!["server", columns.rate];
        for (_, name) in columns.baselines {
            names.extend([name, "(least to most)"]);
        }
        names.push(processor);
        let mut table = Table::new(&self.title, &names);
        for entrant in &self.entrants {
            let mut figures = vec![format!("{:.0}", entrant.rate.median())];
            for (baseline, _) in columns.baselines {
                let ratio = self.ratio(entrant.variant, *baseline);
                figures.push(format!("{:.3}", ratio.median()));
                figures.push(format!("{:.3} to {:.3}", ratio.least(), ratio.greatest()));
            }
            let processor = entrant.processor.median() * scale;
            let digits = if processor < 10.0 { 2 } else { 0 };
            figures.push(format!("{processor:.digits$} {unit}"));
            table.add(&entrant.variant.name(), &figures);
        }
        for (variant, reason) in self.missing() {
            table.add_missing(&variant.name(), reason);
        }
        table
    }
}

impl<V: Variant> Entrant<V> {
    /// Does `work` of `units`, which returns how long it took, and notes rate and
    /// processor time.
    pub(crate) fn measure(
        &mut self,
        units: f64,
        work: impl FnOnce(&Server) -> Result<Duration>,
    ) -> Result<()> {
        let processes = self.server.processes()?;
        let before = proc::processor_time(&processes)?;
        let took = work(&self.server)?;
        let busy = proc::processor_time(&processes)?.saturating_sub(before);
        self.rate.push(units / took.as_secs_f64());
        self.processor.push(busy.as_secs_f64() / units);
        Ok(())
    }

    /// What a unit took in its last turn, and the server's processor time for it.
    pub(crate) fn last(&self) -> Option<(f64, f64)> {
        Some((1.0 / self.rate.last()?, self.processor.last()?))
    }

    /// Ends the server and starts it anew with the files that it has.
    pub(crate) fn restart(&mut self, place: &Place) -> Result<()> {
        self.server.stop();
        self.server = self.variant.kind().start(place, &self.folder)?;
        Ok(())
    }
}
