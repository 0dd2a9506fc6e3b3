#[path = "../../src/plugins/events.rs"]
mod events;
#[path = "../../src/plugins/limits.rs"]
mod limits;
#[path = "../../src/plugins/manifest.rs"]
mod manifest;

pub use events::{EventKind, EventSet, UnknownEvent};
pub use limits::Limits;
pub use manifest::*;
