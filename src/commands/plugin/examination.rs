//! Everything that is known about a module after a look at it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::commands::progress;
use crate::plugins::{
    Anatomy, EventSet, Instances, LoadError, Manifest, ModuleError, Need, OnError, Piece, Ready,
    Workbench,
};

/// What a module is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plugin,
    Command,
    /// It is not known what.
    Unknown,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Command => "command hook",
            Self::Unknown => "module",
        }
    }
}

/// A module that was looked at.
pub(super) struct Examination {
    pub(super) name: String,
    pub(super) size: usize,
    pub(super) digest: String,
    pub(super) manifest: Manifest,
    pub(super) anatomy: Result<Anatomy, ModuleError>,
    pub(super) needs: Vec<Need>,
    pub(super) loaded: Result<Ready, LoadError>,
    /// Whether it is a command that no event is called after, which the server
    /// loads as `--hooks-file` only.
    pub(super) only_alone: bool,
}

impl Examination {
    /// Compiles, loads and tries a module for what it can be: a command that no
    /// event is called after is loaded for all events.
    pub(super) fn of(piece: &Piece, workbench: &Workbench) -> Self {
        let examination = Self::in_directory(piece, workbench);
        if !matches!(examination.loaded, Err(LoadError::CommandName(_))) {
            return examination;
        }
        Self {
            loaded: workbench.load(&piece.clone().alone()),
            only_alone: true,
            ..examination
        }
    }

    /// Compiles, loads and tries a module as one of a directory of hooks.
    pub(super) fn in_directory(piece: &Piece, workbench: &Workbench) -> Self {
        let what = format!("compiling {} ({})", piece.name(), size(piece.size()));
        let (anatomy, loaded) =
            progress::shown(what, || (workbench.anatomy(piece), workbench.load(piece)));
        let imports = anatomy.as_ref().map_or(&[][..], |it| &it.imports);
        Self {
            name: piece.name().to_owned(),
            size: piece.size(),
            digest: piece.digest().to_owned(),
            needs: Need::of(imports, piece.manifest()),
            manifest: piece.manifest().clone(),
            anatomy,
            loaded,
            only_alone: false,
        }
    }

    /// Why the server would not load it.
    pub(super) fn problem(&self) -> Option<String> {
        self.loaded.as_ref().err().map(ToString::to_string)
    }

    pub(super) fn kind(&self) -> Kind {
        let Ok(anatomy) = &self.anatomy else {
            return Kind::Unknown;
        };
        let exports = |start: &str| anatomy.exports.iter().any(|name| name.starts_with(start));
        if exports("rustus:hooks/") {
            Kind::Plugin
        } else if exports("wasi:cli/run@") || !anatomy.is_component && exports("_start") {
            Kind::Command
        } else {
            Kind::Unknown
        }
    }

    /// The events that it answers, and those that it is told about.
    pub(super) fn events(&self) -> (EventSet, EventSet) {
        let subscription = |ready: &Ready| ready.generation.subscription();
        self.loaded
            .as_ref()
            .map(subscription)
            .map_or((EventSet::EMPTY, EventSet::EMPTY), |it| (it.asked, it.told))
    }

    /// All of it as one object.
    pub(super) fn as_json(&self) -> Value {
        let anatomy = self.anatomy.as_ref().ok();
        let ready = self.loaded.as_ref().ok();
        let (asked, told) = self.events();
        let limits = &self.manifest.limits;
        json!({
            "name": self.name,
            "kind": self.kind().name(),
            "digest": self.digest,
            "size": self.size,
            "state": if ready.is_some() { "loads" } else { "refused" },
            "problem": self.problem(),
            "only_as_hooks_file": self.only_alone,
            "exports": anatomy.map(|it| &it.exports),
            "imports": anatomy.map(|it| &it.imports),
            "missing": anatomy.map(|it| &it.missing),
            "asked": names(asked),
            "told": names(told),
            "grants": self.needs.iter().map(Need::as_json).collect::<Vec<_>>(),
            "compiled": anatomy.map(|it| it.compiled),
            "compile_ms": anatomy.map(|it| milliseconds(it.took)),
            "trial_ms": ready.and_then(|it| it.trial).map(milliseconds),
            "memory_at_start": ready.map(|it| it.memory_at_start),
            "memory_peak": ready.map(|it| it.generation.memory_peak()),
            "order": self.manifest.order,
            "on_error": match self.manifest.on_error {
                OnError::Reject => "reject",
                OnError::Allow => "allow",
            },
            "instances": match self.manifest.instances {
                Instances::Fresh => "fresh",
                Instances::Reuse => "reuse",
            },
            "limits": {
                "memory": limits.memory,
                "cpu_time_ms": milliseconds(limits.cpu_time),
                "wall_time_ms": milliseconds(limits.wall_time),
                "host_allocation": limits.host_allocation,
                "concurrent_calls": limits.concurrent_calls,
                "output": limits.output,
                "module": limits.module,
            },
            // Values of it can be secrets.
            "config": self.manifest.config.keys().collect::<Vec<_>>(),
        })
    }
}

fn names(events: EventSet) -> Vec<&'static str> {
    events.iter().map(|kind| kind.name()).collect()
}

/// A time in milliseconds, with three places.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// A number of bytes for people.
pub(super) fn size(bytes: usize) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut unit = 0;
    // Precise enough for three digits.
    #[allow(clippy::cast_precision_loss)]
    let mut size = bytes as f64;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    match unit {
        0 => format!("{bytes} B"),
        _ if size < 10.0 => format!("{size:.1} {name}"),
        _ => format!("{size:.0} {name}"),
    }
}

/// A time for people.
pub(super) fn time(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        small if small < 1e3 => format!("{small:.0} us"),
        middle if middle < 1e4 => format!("{:.1} ms", middle / 1e3),
        large if large < 1e6 => format!("{:.0} ms", large / 1e3),
        seconds => format!("{:.1} s", seconds / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_the_unit_that_fits() {
        assert_eq!(size(17), "17 B");
        assert_eq!(size(1024), "1.0 KiB");
        assert_eq!(size(61_000), "60 KiB");
        assert_eq!(size(18 * 1024 * 1024), "18 MiB");
        assert_eq!(time(Duration::from_micros(35)), "35 us");
        assert_eq!(time(Duration::from_micros(2500)), "2.5 ms");
        assert_eq!(time(Duration::from_millis(45)), "45 ms");
        assert_eq!(time(Duration::from_millis(8100)), "8.1 s");
    }
}
