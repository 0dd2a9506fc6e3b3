//! `rustus plugin check`: a module as the server sees it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use super::examination::{Examination, Kind, size, time};
use super::paint::Paint;
use super::{AuthorError, CommandError, NOT_WELL};
use crate::cli::{CacheDir, CheckArgs};
use crate::plugins::{Anatomy, Calling, EventSet, LoadError, Piece, Ready, Workbench};

/// Checks the module and says what it is.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    report(
        &args.file,
        args.config.as_deref(),
        &args.cache,
        args.json,
        out,
    )
}

/// Checks the module at `file`. The exit code says whether the server would load
/// it.
pub(super) fn report(
    file: &Path,
    config: Option<&Path>,
    cache: &CacheDir,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, CommandError> {
    let piece = read(file, config)?;
    let workbench = Workbench::new(&cache.path(), Calling::default()).map_err(AuthorError::from)?;
    let examination = Examination::of(&piece, &workbench);
    if json {
        writeln!(out, "{}", examination.as_json())?;
    } else {
        print(&examination, Imports::Notable, out)?;
        conclude(&examination, out)?;
    }
    Ok(match examination.loaded {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(NOT_WELL),
    })
}

/// Reads a module with the `NAME.toml` that belongs to it.
pub(super) fn read(file: &Path, config: Option<&Path>) -> Result<Piece, AuthorError> {
    Piece::read(file, config).map_err(|error| match error {
        LoadError::Read { file, source } => {
            AuthorError::file(Path::new(&file), "can't be read")(source)
        }
        error => AuthorError::Load {
            file: file.display().to_string(),
            error,
        },
    })
}

/// Which imports are worth a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Imports {
    All,
    /// All but those of WASI that every module has.
    Notable,
}

/// What it is, in one line for each matter.
pub(super) fn print(it: &Examination, imports: Imports, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}, {}", it.name, it.kind().name(), size(it.size))?;
    writeln!(out, "  digest   sha256:{}", it.digest)?;
    if let Ok(anatomy) = &it.anatomy {
        print_anatomy(anatomy, imports, out)?;
    }
    if let Ok(ready) = &it.loaded {
        print_ready(it, ready, out)?;
    }
    Ok(())
}

fn print_anatomy(anatomy: &Anatomy, which: Imports, out: &mut dyn Write) -> io::Result<()> {
    let is_common = |name: &&String| {
        let is_offered = !anatomy.missing.contains(name);
        let wasi = name.starts_with("wasi:") && !name.starts_with("wasi:http/outgoing-handler@");
        which == Imports::Notable && is_offered && wasi
    };
    let imports = anatomy.imports.iter();
    let (common, notable): (Vec<_>, Vec<_>) = imports.partition(is_common);
    let named = |name: &String| match anatomy.missing.contains(name) {
        true => format!("{name} (not offered)"),
        false => name.clone(),
    };
    let mut imports: Vec<String> = notable.into_iter().map(named).collect();
    if !common.is_empty() {
        imports.push(format!("{} interfaces of WASI 0.2", common.len()));
    }
    for (what, names) in [("exports", &anatomy.exports), ("imports", &imports)] {
        let mut label = what;
        for name in names {
            writeln!(out, "  {label:8} {name}")?;
            label = "";
        }
    }
    let how = match anatomy.compiled {
        true => "compiled in",
        false => "from the compile cache in",
    };
    writeln!(out, "  code     {how} {}", time(anatomy.took))
}

fn print_ready(it: &Examination, ready: &Ready, out: &mut dyn Write) -> io::Result<()> {
    let (asked, told) = it.events();
    if asked != EventSet::EMPTY {
        writeln!(out, "  answers  {asked}")?;
    }
    if told != EventSet::EMPTY {
        writeln!(out, "  hears of {told}")?;
    }
    // A command has its memory for as long as it runs.
    if it.kind() == Kind::Plugin {
        writeln!(
            out,
            "  memory   {} at the start, {} at most so far, of {}",
            size(ready.memory_at_start),
            size(ready.generation.memory_peak()),
            size(it.manifest.limits.memory)
        )?;
    }
    if let Some(trial) = ready.trial.filter(|_| asked != EventSet::EMPTY) {
        writeln!(out, "  trial    passed in {}", time(trial))?;
    }
    Ok(())
}

/// What there is to do, and whether the server would load it.
pub(super) fn conclude(it: &Examination, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint::for_stdout();
    let missing: Vec<_> = it.needs.iter().filter(|need| !need.is_granted).collect();
    if !missing.is_empty() {
        writeln!(
            out,
            "\nIt may use what nobody has without a grant. What {}.toml grants, with your own names:\n",
            it.name
        )?;
        for need in missing {
            writeln!(out, "{}", need.lines)?;
        }
    }
    if it.only_alone {
        writeln!(
            out,
            "\nNo event is called {}: the server loads it as --hooks-file, and from \
             --hooks-dir only under the name of an event, such as pre-create.wasm.",
            it.name
        )?;
    }
    match it.problem() {
        None => writeln!(out, "{}: the server would load it", paint.good("ok")),
        Some(problem) => writeln!(out, "{}: {problem}", paint.bad("refused")),
    }
}
