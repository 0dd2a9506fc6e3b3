//! How what the writer is asked for changes the database.

use std::sync::Arc;

use super::Entry;
use super::change::{Change, Failed};
use super::command::Command;
use super::sink::Sink;
use super::store::{DEAD, PENDING, Queued};
use super::writer::now;

/// Adds events and their deliveries, numbered from `next` on. Those whose id is
/// there already are not added.
pub(super) fn add(
    change: &Change<'_>,
    next: &mut i64,
    entries: &[Arc<Entry>],
    sinks: &[Arc<Sink>],
    state: i64,
) -> rusqlite::Result<Vec<Queued>> {
    let since = now();
    let promise = *next;
    let mut added = Vec::with_capacity(entries.len());
    for entry in entries {
        if !change.add(*next, entry)? {
            continue;
        }
        for sink in sinks {
            change.add_delivery(*next, &sink.name, state, since, promise)?;
        }
        added.push(Queued {
            seq: *next,
            since,
            attempts: 0,
            entry: Arc::clone(entry),
        });
        *next += 1;
    }
    Ok(added)
}

/// Makes the change that a command asks for, if it adds nothing.
pub(super) fn apply(change: &Change<'_>, command: &Command) -> rusqlite::Result<()> {
    match command {
        Command::Pending(seq) => change.keep(*seq),
        Command::Done(seq) => change.remove(*seq),
        Command::Withdraw(recorded) => {
            for event in &recorded.events {
                change.remove(event.seq)?;
            }
            Ok(())
        }
        Command::Delivered { sink, seq } => change.delivered(*seq, &sink.name),
        Command::Failed {
            sink,
            seq,
            attempts,
            cause,
            text,
        } => {
            let failed = failed(sink, *seq, *attempts, cause, text);
            change.failed(&failed, PENDING)
        }
        Command::Dead {
            sink,
            seq,
            attempts,
            cause,
            text,
        } => {
            let failed = failed(sink, *seq, *attempts, cause, text);
            change.failed(&failed, DEAD)
        }
        Command::Promise { .. } | Command::Enqueue { .. } | Command::Keep(_) | Command::Read(_) => {
            Ok(())
        }
    }
}

fn failed<'a>(
    sink: &'a Sink,
    seq: i64,
    attempts: u32,
    cause: &'a str,
    error: &'a str,
) -> Failed<'a> {
    Failed {
        seq,
        sink: &sink.name,
        attempts,
        cause,
        error,
    }
}
