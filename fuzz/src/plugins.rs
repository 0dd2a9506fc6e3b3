#[path = "../../src/plugins/events.rs"]
mod events;
#[path = "../../src/plugins/limits.rs"]
mod limits;
#[path = "../../src/plugins/manifest.rs"]
mod manifest;

mod capability {
    /// `[allow]`, which is read with what speaks to brokers: any table here.
    #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
    pub struct Grants(serde_json::Map<String, serde_json::Value>);
}

pub use events::{EventKind, EventSet, UnknownEvent};
pub use limits::Limits;
pub use manifest::*;
