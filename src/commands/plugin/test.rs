//! `rustus plugin test`: cases put to a module.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::call::{Call, load};
use super::case::Case;
use super::examination::{milliseconds, time};
use super::paint::Paint;
use super::project::{self, Project};
use super::{AuthorError, CommandError, NOT_WELL, check};
use crate::cli::TestArgs;
use crate::plugins::{Piece, Ready, Workbench};

/// Where a project has its cases.
const CASES: &str = "tests";

/// Runs all cases, and prints how each ended.
pub(super) fn run(args: &TestArgs, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    let started = Instant::now();
    let workbench = Workbench::new(&args.cache.path(), args.given.calling());
    let workbench = workbench.map_err(AuthorError::from)?;
    let mut tally = Tally {
        json: args.json,
        paint: Paint::for_stdout(),
        passed: 0,
        failed: Vec::new(),
    };
    for place in &args.places {
        let suite = Suite::at(place, args.plugin.as_deref())?;
        suite.run(&workbench, &mut tally, out)?;
    }
    tally.conclude(started, out)?;
    Ok(match tally.failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(NOT_WELL),
    })
}

/// A module, and the cases that are put to it.
struct Suite {
    module: PathBuf,
    cases: Vec<PathBuf>,
}

impl Suite {
    /// The cases at a place: a project's, those of a directory, or one.
    fn at(place: &Path, module: Option<&Path>) -> Result<Self, AuthorError> {
        let metadata = fs::metadata(place).map_err(AuthorError::file(place, "can't be read"))?;
        if !metadata.is_dir() {
            let absolute = absolute(place)?;
            return Ok(Self {
                module: named(place, absolute.parent().and_then(Path::parent), module)?,
                cases: vec![place.to_owned()],
            });
        }
        if place.join(project::FILE).exists() {
            return Ok(Self {
                module: named(place, Some(place), module)?,
                cases: cases_in(&place.join(CASES))?,
            });
        }
        Ok(Self {
            module: named(place, absolute(place)?.parent(), module)?,
            cases: cases_in(place)?,
        })
    }

    fn run(
        &self,
        workbench: &Workbench,
        tally: &mut Tally,
        out: &mut dyn Write,
    ) -> Result<(), CommandError> {
        let piece = check::read(&self.module, None)?;
        let ready = load(workbench, &piece)?;
        tally.begin(self, out)?;
        for path in &self.cases {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let result = try_case(path, workbench, &piece, &ready);
            tally.add(&name, result, out)?;
        }
        Ok(())
    }
}

/// How one case ended.
struct Tried {
    problems: Vec<String>,
    call: Option<Call>,
}

/// Puts one case to the module. Whatever is wrong with it is a problem of this case
/// alone.
fn try_case(path: &Path, workbench: &Workbench, piece: &Piece, ready: &Ready) -> Tried {
    let call = || -> Result<(Vec<String>, Call), AuthorError> {
        let case = Case::read(path)?;
        let call = match &case.config {
            None => Call::make(workbench, ready, &case.event)?,
            Some(config) => {
                let piece = piece.clone().with_config(config.clone());
                let ready = load(workbench, &piece)?;
                Call::make(workbench, &ready, &case.event)?
            }
        };
        Ok((case.compare(&call), call))
    };
    match call() {
        Ok((problems, call)) => Tried {
            problems,
            call: Some(call),
        },
        Err(error) => Tried {
            problems: vec![error.to_string()],
            call: None,
        },
    }
}

/// The path of which the parents have names.
fn absolute(place: &Path) -> Result<PathBuf, AuthorError> {
    fs::canonicalize(place).map_err(AuthorError::file(place, "can't be read"))
}

/// The module that was named, or that of the project.
fn named(
    place: &Path,
    project: Option<&Path>,
    module: Option<&Path>,
) -> Result<PathBuf, AuthorError> {
    if let Some(module) = module {
        return Ok(module.to_owned());
    }
    let project = project.filter(|directory| directory.join(project::FILE).exists());
    let Some(directory) = project else {
        return Err(AuthorError::NoModule(place.to_owned()));
    };
    let module = Project::open(directory)?.module();
    if !module.exists() {
        return Err(AuthorError::NotBuilt {
            module,
            project: directory.to_owned(),
        });
    }
    Ok(module)
}

fn cases_in(directory: &Path) -> Result<Vec<PathBuf>, AuthorError> {
    let unreadable = || AuthorError::file(directory, "can't be read");
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(AuthorError::NoCases(directory.to_owned()));
        }
        entries => entries.map_err(unreadable())?,
    };
    let mut cases = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable())?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            cases.push(path);
        }
    }
    cases.sort();
    match cases.is_empty() {
        true => Err(AuthorError::NoCases(directory.to_owned())),
        false => Ok(cases),
    }
}

/// How all cases ended.
struct Tally {
    json: bool,
    paint: Paint,
    passed: usize,
    failed: Vec<(String, Tried)>,
}

impl Tally {
    fn begin(&self, suite: &Suite, out: &mut dyn Write) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let count = suite.cases.len();
        let cases = if count == 1 { "case" } else { "cases" };
        writeln!(out, "running {count} {cases} of {}", suite.module.display())
    }

    fn add(&mut self, name: &str, tried: Tried, out: &mut dyn Write) -> io::Result<()> {
        let passes = tried.problems.is_empty();
        if self.json {
            writeln!(out, "{}", as_json(name, &tried))?;
        } else {
            let cost = tried.call.as_ref().map(|call| time(call.took));
            let cost = cost.map_or_else(String::new, |cost| format!(" ({cost})"));
            let word = match passes {
                true => self.paint.good("ok"),
                false => self.paint.bad("FAILED"),
            };
            writeln!(out, "test {name} ... {word}{cost}")?;
        }
        match passes {
            true => self.passed += 1,
            false => self.failed.push((name.to_owned(), tried)),
        }
        Ok(())
    }

    fn conclude(&self, started: Instant, out: &mut dyn Write) -> io::Result<()> {
        let (passed, failed) = (self.passed, self.failed.len());
        if self.json {
            let whole = json!({
                "passed": passed,
                "failed": failed,
                "took_ms": milliseconds(started.elapsed()),
            });
            return writeln!(out, "{whole}");
        }
        for (name, tried) in &self.failed {
            writeln!(out, "\n---- {name}")?;
            for problem in &tried.problems {
                writeln!(out, "{problem}")?;
            }
            for line in tried.call.iter().flat_map(|call| &call.log) {
                writeln!(out, "log: {line}")?;
            }
        }
        let word = match failed {
            0 => self.paint.good("ok"),
            _ => self.paint.bad("FAILED"),
        };
        let took = time(started.elapsed());
        writeln!(
            out,
            "\ntest result: {word}. {passed} passed; {failed} failed; finished in {took}"
        )
    }
}

fn as_json(name: &str, tried: &Tried) -> Value {
    let mut whole = tried.call.as_ref().map_or_else(Map::new, Call::as_json);
    whole.insert("case".to_owned(), name.into());
    whole.insert("ok".to_owned(), tried.problems.is_empty().into());
    whole.insert("problems".to_owned(), tried.problems.clone().into());
    Value::Object(whole)
}
