//! Lines in the server's own log.
//!
//! The server adds the plugin's name and digest and the ids of event and upload.
//! Never log secrets, tokens or the content of files. Natively, in a unit test,
//! lines go to stderr.
//!
//! ```
//! use rustus_hook::log;
//!
//! log::info("accepted", &[("owner", "ada"), ("kind", "image/png")]);
//! ```

use crate::bindings::base::rustus::hooks::log as host;
pub use host::Level;

/// Writes a line of any level. Never blocks and never fails.
pub fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    let field = |(key, value): &(&str, &str)| host::Field {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    emit(
        level,
        message,
        &fields.iter().map(field).collect::<Vec<_>>(),
    );
}

#[cfg(target_arch = "wasm32")]
fn emit(level: Level, message: &str, fields: &[host::Field]) {
    host::write(level, message, fields);
}

#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::print_stderr)]
fn emit(level: Level, message: &str, fields: &[host::Field]) {
    let fields = fields
        .iter()
        .map(|field| format!(" {}={:?}", field.key, field.value));
    eprintln!("{level:?} {message}{}", fields.collect::<String>());
}

macro_rules! levels {
    ($($name:ident $level:ident $meaning:literal;)*) => {$(
        #[doc = $meaning]
        pub fn $name(message: &str, fields: &[(&str, &str)]) {
            write(Level::$level, message, fields);
        }
    )*};
}

levels! {
    trace Trace "Writes a line for following single steps.";
    debug Debug "Writes a line for finding a fault.";
    info Info "Writes a line that an operator wants to see.";
    warn Warn "Writes a line about something that should not be so.";
    error Error "Writes a line about something that failed.";
}
