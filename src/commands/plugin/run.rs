//! `rustus plugin run`: one call of a module.

use std::io::{self, Read as _, Write};
use std::path::Path;
use std::process::ExitCode;

use super::call::{Call, load};
use super::paint::Paint;
use super::situation::{Request, Situation, Upload};
use super::{AuthorError, CommandError, check, project};
use crate::cli::{EventArgs, Happened, OutputFormat, RunArgs};
use crate::hooks::Event;
use crate::plugins::{Piece, Workbench};

/// The module rejects, or stops the upload.
const REJECTED: u8 = 3;

/// The module gave no answer.
const FAILED: u8 = 4;

/// The largest event that is read from standard input.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Calls the module, and prints what came of it.
pub(super) fn run(args: &RunArgs, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    let event = event(&args.event)?;
    let piece = check::read(&args.file, args.config.as_deref())?;
    let workbench = Workbench::new(&args.cache.path(), args.given.calling());
    let workbench = workbench.map_err(AuthorError::from)?;
    let ready = load(&workbench, &piece)?;
    let call = Call::make(&workbench, &ready, &event)?;
    match args.output {
        OutputFormat::Json => print_json(&piece, &event, &call, out)?,
        OutputFormat::Text => print(&call, out)?,
    }
    Ok(match call.decision() {
        "proceed" | "done" => ExitCode::SUCCESS,
        "reject" | "stop" => ExitCode::from(REJECTED),
        _ => ExitCode::from(FAILED),
    })
}

fn print(call: &Call, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint::for_stdout();
    let mut lines = call.lines().into_iter();
    if let Some(first) = lines.next() {
        match call.decision() {
            "proceed" | "done" => writeln!(out, "{}", paint.good(first))?,
            _ => writeln!(out, "{}", paint.bad(first))?,
        }
    }
    for line in lines {
        writeln!(out, "{line}")?;
    }
    if !call.log.is_empty() {
        writeln!(out, "log")?;
    }
    for line in &call.log {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "took {}", call.cost())
}

fn print_json(
    piece: &Piece,
    event: &Event,
    call: &Call,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let mut whole = call.as_json();
    whole.insert("plugin".to_owned(), piece.name().into());
    whole.insert("event".to_owned(), event.kind.name().into());
    writeln!(out, "{}", serde_json::Value::Object(whole))?;
    Ok(())
}

/// The event of the file, or that of the flags.
fn event(args: &EventArgs) -> Result<Event, AuthorError> {
    let situation = match &args.json {
        Some(file) => {
            let text = json_of(file)?;
            serde_json::from_str(&text)
                .map_err(|error| AuthorError::wrong(file, error.to_string()))?
        }
        None => situation(&args.happened),
    };
    Ok(situation.event(args.event))
}

fn json_of(file: &Path) -> Result<String, AuthorError> {
    if file != Path::new("-") {
        return project::text_of(file);
    }
    let mut text = String::new();
    let input = io::stdin().take(LARGEST).read_to_string(&mut text);
    input.map_err(AuthorError::file(
        Path::new("standard input"),
        "can't be read",
    ))?;
    Ok(text)
}

fn situation(happened: &Happened) -> Situation {
    Situation {
        upload: Upload {
            id: happened.id.clone(),
            size: happened.size,
            offset: happened.offset,
            metadata: happened.metadata.iter().cloned().collect(),
            ..Upload::default()
        },
        request: Request {
            method: happened.method.clone(),
            uri: happened.uri.clone(),
            headers: happened.header.iter().cloned().collect(),
            ..Request::default()
        },
    }
}
