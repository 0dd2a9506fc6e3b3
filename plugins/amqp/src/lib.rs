//! Publishes every event to an AMQP broker such as RabbitMQ, as rustus 1 does,
//! and for Celery.
//!
//! An event has arrived when the broker confirmed it. Whatever an operator or
//! time can mend is tried again: a broker that is down, a queue or an exchange
//! that is not there yet. A message that no repetition makes smaller is given up.

mod config;
mod message;
mod topology;

use rustus_hook::amqp::{self, AmqpError};
use rustus_hook::config::Kept;
use rustus_hook::events_json::to_json_event;
use rustus_hook::prelude::*;

use config::Config;

thread_local! {
    static CONFIG: Kept<Config> = const { Kept::new() };
}

rustus_hook::sink!(deliver);

fn deliver(kind: EventKind, event: Event) -> Result<(), HookError> {
    let config = Kept::of(&CONFIG, Config::read)?;
    let event = to_json_event(kind, event);
    if let Some(topology) = topology::wanted(&config) {
        amqp::declare(&topology).map_err(failed)?;
    }
    let message = message::of(&config, &event);
    amqp::publish(&message).map_err(failed)
}

/// What is worth trying again, for as long as the server keeps the event. Why is
/// in the server's log already.
fn failed(error: AmqpError) -> HookError {
    match error {
        AmqpError::Unavailable(_) | AmqpError::Unroutable(_) | AmqpError::Refused(_) => {
            HookError::retry()
        }
        AmqpError::TooLarge(text) | AmqpError::Denied(text) | AmqpError::Invalid(text) => {
            HookError::permanent(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_mended_is_tried_again() {
        let text = || "why".to_owned();
        for error in [
            AmqpError::Unavailable(text()),
            AmqpError::Unroutable(text()),
            AmqpError::Refused(text()),
        ] {
            assert_eq!(failed(error), HookError::retry());
        }
        for error in [
            AmqpError::TooLarge(text()),
            AmqpError::Denied(text()),
            AmqpError::Invalid(text()),
        ] {
            assert_eq!(failed(error), HookError::Permanent(text()));
        }
    }
}
