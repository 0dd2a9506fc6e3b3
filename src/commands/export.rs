//! `rustus plugin export`: a built-in plugin as a file.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::CommandError;
use crate::plugins::Sink;

/// Writes `NAME.wasm` into the directory.
pub(super) fn run(name: &str, into: &Path, out: &mut dyn Write) -> Result<(), CommandError> {
    let sink = Sink::ALL.into_iter().find(|sink| sink.name() == name);
    let Some(sink) = sink else {
        return Err(CommandError::NoSuchPlugin {
            name: name.to_owned(),
            there_are: Sink::ALL.map(Sink::name).join(", "),
        });
    };
    let file = into.join(format!("{name}.wasm"));
    fs::write(&file, sink.module()).map_err(|source| CommandError::Write {
        file: file.display().to_string(),
        source,
    })?;
    writeln!(out, "{}", file.display())?;
    Ok(())
}
