//! A guest that misbehaves on request.
//!
//! The upload's metadata says what each call does: `behave` in `pre-create`,
//! `behave-finish`, `behave-get` and `behave-terminate` in the other blocking
//! events, `behave-notify` in notifications. A value is a name, or `name:argument`;
//! without one the call proceeds. What exists is in the tables of `create.rs`,
//! `others.rs` and `harm.rs`.

mod create;
mod harm;
mod others;
mod probe;

use rustus_hook::prelude::*;

rustus_hook::pre_create!(create::decide);
rustus_hook::pre_finish!(others::finish);
rustus_hook::pre_get!(others::get);
rustus_hook::pre_terminate!(others::terminate);
rustus_hook::notifications!(others::notify);

/// What one call is to do: a name and what stands behind its first colon.
struct Behaviour {
    name: String,
    argument: String,
}

impl Behaviour {
    /// Reads it from the upload's metadata.
    fn of(event: &Event, key: &str) -> Self {
        let value = event.upload.metadata(key).unwrap_or("ok");
        let (name, argument) = value.split_once(':').unwrap_or((value, ""));
        Self {
            name: name.to_owned(),
            argument: argument.to_owned(),
        }
    }

    /// The argument as `NAME=VALUE`.
    fn pair(&self) -> (&str, &str) {
        self.argument
            .split_once('=')
            .unwrap_or((&self.argument, ""))
    }

    /// A test asked for what is not in the table.
    fn unknown(&self) -> HookError {
        HookError::permanent(format!("unknown behaviour `{}`", self.name))
    }
}
