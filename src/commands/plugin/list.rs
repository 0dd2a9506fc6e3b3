//! `rustus plugin list` and `rustus plugin inspect`: what lies in a directory of
//! hooks, as the server would load it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::examination::{Examination, milliseconds, size};
use super::paint::Paint;
use super::{AuthorError, CommandError, NOT_WELL, check};
use crate::cli::{CacheDir, InspectArgs, ListArgs};
use crate::commands::registry::{self, Kept};
use crate::plugins::{Calling, EventSet, Instances, OnError, Shelf, Workbench};

/// Prints one line a plugin, in the order in which they are asked.
pub(super) fn run(args: &ListArgs, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    let directory = args.hooks_dir.as_deref();
    let shelf = directory.map(shelf).transpose()?.unwrap_or_default();
    let workbench = workbench(&args.cache)?;
    let examine = |piece| Box::new(Examination::in_directory(&piece, &workbench));
    let pieces = shelf.pieces.into_iter().map(|(name, piece)| Row {
        name,
        reference: None,
        look: piece.map(examine).map_err(|error| error.to_string()),
    });
    let mut rows: Vec<Row> = pieces.collect();
    for Kept { plugin, piece } in registry::kept(&args.remote, &args.oci, &workbench)? {
        rows.push(Row {
            name: plugin.name.clone(),
            reference: Some(plugin.reference.to_string()),
            look: piece.map(examine),
        });
    }
    rows.sort_by(|a, b| (a.order(), &a.name).cmp(&(b.order(), &b.name)));
    for row in &rows {
        match args.json {
            true => writeln!(out, "{}", row.as_json())?,
            false => row.print(out)?,
        }
    }
    for (file, why) in &shelf.strangers {
        match args.json {
            true => writeln!(
                out,
                "{}",
                json!({"name": file, "state": "ignored", "problem": why})
            )?,
            false => writeln!(out, "{file}: ignored: {why}")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints everything about one plugin. The exit code says whether the server would
/// load it.
pub(super) fn inspect(args: &InspectArgs, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    let (file, is_alone) = file_of(args)?;
    let piece = check::read(&file, None)?;
    let workbench = workbench(&args.cache)?;
    let examination = match is_alone {
        true => Examination::of(&piece, &workbench),
        false => Examination::in_directory(&piece, &workbench),
    };
    if args.json {
        writeln!(out, "{}", examination.as_json())?;
    } else {
        check::print(&examination, check::Imports::All, out)?;
        print_settings(&examination, out)?;
        check::conclude(&examination, out)?;
    }
    Ok(match examination.loaded {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(NOT_WELL),
    })
}

fn workbench(cache: &CacheDir) -> Result<Workbench, AuthorError> {
    Ok(Workbench::new(&cache.path(), Calling::default())?)
}

fn shelf(directory: &Path) -> Result<Shelf, AuthorError> {
    Shelf::read(directory).map_err(AuthorError::file(directory, "can't be read"))
}

/// A file if it looks like one, else the plugin of that name. Says whether it is the
/// former.
fn file_of(args: &InspectArgs) -> Result<(PathBuf, bool), AuthorError> {
    let given = PathBuf::from(&args.plugin);
    if args.plugin.contains('/') || args.plugin.ends_with(".wasm") {
        return Ok((given, true));
    }
    let Some(directory) = &args.hooks_dir else {
        return Err(AuthorError::NowhereToLook(args.plugin.clone()));
    };
    let file = directory.join(format!("{}.wasm", args.plugin));
    if file.exists() {
        return Ok((file, false));
    }
    let shelf = shelf(directory)?;
    let names: Vec<_> = shelf.pieces.into_iter().map(|(name, _)| name).collect();
    Err(AuthorError::NoPlugin {
        name: args.plugin.clone(),
        directory: directory.clone(),
        there_are: match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        },
    })
}

/// A plugin in the list.
struct Row {
    name: String,
    /// Where it comes from, if that is a registry.
    reference: Option<String>,
    /// What it is, or why it can't be read.
    look: Result<Box<Examination>, String>,
}

impl Row {
    /// Its place among others; one that could not be read has none.
    fn order(&self) -> i32 {
        self.look.as_ref().map_or(i32::MAX, |it| it.manifest.order)
    }

    fn problem(&self) -> Option<String> {
        match &self.look {
            Ok(it) => it.problem(),
            Err(error) => Some(error.clone()),
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let paint = Paint::for_stdout();
        let name = &self.name;
        if let Some(problem) = self.problem() {
            return writeln!(out, "{name}: {}: {problem}", paint.bad("refused"));
        }
        let Ok(it) = &self.look else { return Ok(()) };
        let (asked, told) = it.events();
        let digest = it.digest.get(..12).unwrap_or_default();
        let kind = it.kind().name();
        write!(
            out,
            "{name}: {}, {kind}, {}, sha256:{digest}",
            paint.good("loads"),
            size(it.size)
        )?;
        for (how, events) in [("answers", asked), ("hears of", told)] {
            if events != EventSet::EMPTY {
                write!(out, ", {how} {events}")?;
            }
        }
        if let Some(reference) = &self.reference {
            write!(out, ", from {reference}")?;
        }
        writeln!(out)?;
        for need in it.needs.iter().filter(|need| !need.is_granted) {
            writeln!(out, "  no grant for {} in {name}.toml", need.capability)?;
        }
        Ok(())
    }

    fn as_json(&self) -> Value {
        let mut value = match &self.look {
            Ok(it) => it.as_json(),
            Err(_) => json!({
                "name": self.name,
                "state": "refused",
                "problem": self.problem(),
            }),
        };
        if let (Some(reference), Some(object)) = (&self.reference, value.as_object_mut()) {
            object.insert("reference".to_owned(), json!(reference));
        }
        value
    }
}

/// What its operator set, and the defaults of the rest.
fn print_settings(it: &Examination, out: &mut dyn Write) -> io::Result<()> {
    let manifest = &it.manifest;
    let limits = &manifest.limits;
    let on_error = match manifest.on_error {
        OnError::Reject => "reject",
        OnError::Allow => "allow",
    };
    let instances = match manifest.instances {
        Instances::Fresh => "fresh",
        Instances::Reuse => "reuse",
    };
    writeln!(
        out,
        "  settings order {}, on-error {on_error}, instances {instances}",
        manifest.order
    )?;
    writeln!(
        out,
        "  limits   memory {}, CPU {} ms, {} ms in all, host {}, {} calls at once, output {}, module {}",
        size(limits.memory),
        milliseconds(limits.cpu_time),
        milliseconds(limits.wall_time),
        size(limits.host_allocation),
        limits.concurrent_calls,
        size(limits.output),
        size(limits.module),
    )?;
    if !manifest.config.is_empty() {
        // Values of it can be secrets.
        let keys: Vec<_> = manifest.config.keys().map(String::as_str).collect();
        writeln!(out, "  config   {}", keys.join(", "))?;
    }
    let granted = it.needs.iter().filter(|need| need.is_granted);
    for need in granted {
        writeln!(out, "  granted  {}", need.capability)?;
    }
    Ok(())
}
