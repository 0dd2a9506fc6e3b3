//! `rustus outbox`: what waits to be delivered, and dead letters.

use std::io::Write;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::CommandError;
use crate::cli::{OutboxCommand, StateName, Which};
use crate::hooks::outbox::{Delivery, Filter, Inspector, State};

/// Does what the command says.
pub(super) fn run(command: &OutboxCommand, out: &mut dyn Write) -> Result<(), CommandError> {
    match command {
        OutboxCommand::List {
            place,
            sink,
            state,
            limit,
            json,
        } => {
            let filter = Filter {
                event: None,
                sink: sink.clone(),
                state: state.map(stored_state),
            };
            let deliveries = Inspector::open(&place.directory())?.list(&filter, *limit)?;
            list(&deliveries, *json, out)
        }
        OutboxCommand::Show { place, event } => {
            let inspector = Inspector::open(&place.directory())?;
            let Some(shown) = inspector.show(event)? else {
                return Err(CommandError::NoSuchEvent(event.clone()));
            };
            let payload: Value = serde_json::from_slice(&shown.entry.payload).unwrap_or_default();
            let deliveries: Vec<_> = shown.deliveries.iter().map(as_json).collect();
            let whole = json!({ "event": payload, "deliveries": deliveries });
            writeln!(out, "{whole:#}")?;
            Ok(())
        }
        OutboxCommand::Replay { place, which } => {
            let mut inspector = Inspector::open(&place.directory())?;
            let count = inspector.replay(&dead(which))?;
            writeln!(out, "dead letters that are delivered again: {count}")?;
            Ok(())
        }
        OutboxCommand::Drop { place, which } => {
            let mut inspector = Inspector::open(&place.directory())?;
            let count = inspector.drop(&dead(which))?;
            writeln!(out, "dead letters dropped: {count}")?;
            Ok(())
        }
    }
}

fn dead(which: &Which) -> Filter {
    Filter {
        event: which.event.clone(),
        sink: which.sink.clone(),
        state: Some(State::Dead),
    }
}

const fn stored_state(name: StateName) -> State {
    match name {
        StateName::Undecided => State::Undecided,
        StateName::Pending => State::Pending,
        StateName::Dead => State::Dead,
    }
}

const fn state_name(state: State) -> &'static str {
    match state {
        State::Undecided => "undecided",
        State::Pending => "pending",
        State::Dead => "dead",
    }
}

fn list(deliveries: &[Delivery], json: bool, out: &mut dyn Write) -> Result<(), CommandError> {
    if json {
        for delivery in deliveries {
            writeln!(out, "{}", as_json(delivery))?;
        }
        return Ok(());
    }
    for delivery in deliveries {
        writeln!(
            out,
            "{} {:9} {:14} {} {} attempts={}{}",
            delivery.event_id,
            state_name(delivery.state),
            delivery.kind,
            delivery.sink,
            delivery.upload,
            delivery.attempts,
            why(delivery)
        )?;
    }
    Ok(())
}

fn why(delivery: &Delivery) -> String {
    match (&delivery.cause, &delivery.error) {
        (Some(cause), Some(error)) => format!(" cause={cause} error={error:?}"),
        _ => String::new(),
    }
}

fn as_json(delivery: &Delivery) -> Value {
    let since = delivery
        .since
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    json!({
        "event": delivery.event_id,
        "kind": delivery.kind,
        "upload": delivery.upload,
        "sink": delivery.sink,
        "state": state_name(delivery.state),
        "since": since.as_secs(),
        "attempts": delivery.attempts,
        "cause": delivery.cause,
        "error": delivery.error,
    })
}
