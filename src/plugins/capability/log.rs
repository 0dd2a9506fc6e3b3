//! `rustus:hooks/log`: structured lines in the server's log.

use crate::plugins::bindings::rustus::hooks::log::{Field, Host, Level};
use crate::plugins::instance::CallState;

impl Host for CallState {
    fn write(&mut self, level: Level, message: String, fields: Vec<Field>) {
        self.output().write(level, &message, &fields);
    }
}
